"""Ways to calibrate prediction intervals on few images whose columns err together, compared on made-up residuals.

    python benchmarks/interval_methods.py            # a table in Markdown, about 20 s on one core

A residual is an offset that all columns of its image share, and a part of its own. Each way is calibrated on 4 to 20
images of 20 to 160 columns and judged on columns of new images, at 90 %:

* columns: split-conformal, as if columns were exchangeable (``residual_ends.column_ends``);
* one an image: one column of each image, the single subsampling of Dunn, Wasserman and Ramdas (J. Am. Stat. Assoc. 118
  (2023) 2491);
* hierarchical: all columns, an unseen image's share of the weight at infinity (Lee, Barber and Willett,
  arXiv 2306.06342);
* random effect: residuals within images, shifted by Student's t of the images' means (``image_effects``);
* left out: stretched until left-out images are covered (``residual_ends.new_image_ends``), the one that is used.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.evaluation.image_effects import foresee
from heamap.evaluation.residual_ends import column_ends, new_image_ends

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Ends = tuple[float, float]

LEVEL = 0.9
IMAGES = (4, 6, 10, 20)
UNSEEN_IMAGES, UNSEEN_COLUMNS = 16000, 12


@dataclass(frozen=True)
class Case:
    """How residuals of variance about 1 arise.

    Attributes
    ----------
    share : of the variance that an image has in common
    offset : ``normal``, ``skewed`` (exponential) or ``heavy`` (Student's t of 4 degrees of freedom)
    loudness : standard deviation of the logarithm of the spread within an image
    """

    share: float
    offset: str = "normal"
    loudness: float = 0.0

    def draw(self, columns: IntArray, rng: np.random.Generator) -> FloatArray:
        """Residuals of images with so many columns each."""
        number = len(columns)
        offset = {
            "normal": lambda: rng.normal(size=number),
            "skewed": lambda: rng.exponential(size=number) - 1,
            "heavy": lambda: rng.standard_t(4, size=number) / np.sqrt(2),
        }[self.offset]()
        spread = np.exp(self.loudness * rng.normal(size=number))
        own = (rng.gamma(2, size=columns.sum()) - 2) / np.sqrt(2)
        return (
            np.sqrt(self.share) * np.repeat(offset, columns)
            + np.sqrt(1 - self.share) * np.repeat(spread, columns) * own
        )


CASES = (
    Case(0.0),
    Case(0.2),
    Case(0.5),
    Case(0.8),
    Case(0.3, "skewed"),
    Case(0.3, "heavy"),
    Case(0.3, loudness=0.3),
    Case(0.0, loudness=0.3),
)


def columns(_: IntArray, residuals: FloatArray, __: np.random.Generator) -> Ends:
    return column_ends(residuals, LEVEL)


def one_an_image(images: IntArray, residuals: FloatArray, rng: np.random.Generator) -> Ends:
    chosen = np.array([rng.choice(residuals[images == number]) for number in np.unique(images)])
    return column_ends(chosen, LEVEL) if len(chosen) >= 19 else (-np.inf, np.inf)


def hierarchical(images: IntArray, residuals: FloatArray, _: np.random.Generator) -> Ends:
    number = np.bincount(images)
    weights = 1 / ((len(number) + 1) * number[images])
    return -_upper(-residuals, weights), _upper(residuals, weights)


def random_effect(images: IntArray, residuals: FloatArray, _: np.random.Generator) -> Ends:
    number = np.bincount(images)
    means = np.bincount(images, residuals) / number
    within = residuals - means[images]
    freedom = len(residuals) - len(number)
    effect = foresee(means, (within @ within) / freedom / number)
    nodes = effect.quantiles((np.arange(64) + 0.5) / 64)
    own = np.quantile(within * np.sqrt(len(residuals) / freedom), (np.arange(400) + 0.5) / 400)
    low, high = np.quantile(nodes[:, None] + own, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def left_out(images: IntArray, residuals: FloatArray, _: np.random.Generator) -> Ends:
    return new_image_ends(images, residuals, LEVEL)[:2]


METHODS: dict[str, Callable[[IntArray, FloatArray, np.random.Generator], Ends]] = {
    "columns": columns,
    "one an image": one_an_image,
    "hierarchical": hierarchical,
    "random effect": random_effect,
    "left out": left_out,
}


def _upper(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    place = int(np.searchsorted(np.cumsum(weights[order]), (1 + LEVEL) / 2 - 1e-9))
    return float(values[order][place]) if place < len(values) else float(np.inf)


def compare(case: Case, images: int, trials: int, rng: np.random.Generator) -> list[str]:
    """Of each method: mean coverage in percent, its scatter between calibrations, and the median width."""
    unseen = np.sort(case.draw(np.full(UNSEEN_IMAGES, UNSEEN_COLUMNS), rng))
    covered = np.empty((trials, len(METHODS)))
    width = np.empty_like(covered)
    for trial in range(trials):
        number = rng.integers(20, 160, images)
        owners, residuals = np.repeat(np.arange(images), number), case.draw(number, rng)
        for index, method in enumerate(METHODS.values()):
            low, high = method(owners, residuals, rng)
            inside = np.searchsorted(unseen, high, side="right") - np.searchsorted(unseen, low)
            covered[trial, index] = 100 * inside / len(unseen)
            width[trial, index] = high - low
    return [
        f"{mean:.1f} ± {scatter:.1f} ({middle:.1f})"
        for mean, scatter, middle in zip(
            covered.mean(axis=0), covered.std(axis=0), np.median(width, axis=0), strict=True
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="calibrations a row (default: %(default)s)")
    trials = parser.parse_args().trials
    rng = np.random.default_rng(20110905)
    print(f"| common share | offset | loudness | images | {' | '.join(METHODS)} |")
    print("|" + "---|" * (4 + len(METHODS)))
    for case in CASES:
        for images in IMAGES:
            cells = compare(case, images, trials, rng)
            print(
                f"| {case.share:g} | {case.offset} | {case.loudness:g} | {images} | {' | '.join(cells)} |", flush=True
            )


if __name__ == "__main__":
    main()
