"""How often the scorer refuses what it must, and how often it doubts what it should count.

    python benchmarks/domain_cases.py [--line .] [--cases 200] [--seed 0] [--micrographs FOLDER]

Images in the domain come from the test particles of a finished line in the folder ``--line``; its training and
calibration particles set the limits (those of models/model.onnx where its contract holds them). Other crystals, other
zone axes, noise and text are made here. Prints tables in Markdown with Wilson's 95 % intervals; 200 cases of each kind
take about 8 minutes on one core.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import crystals
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import ndimage

from heamap.contract import DomainLimits
from heamap.dataset.store import Dataset, open_dataset
from heamap.domain.training import training_limits
from heamap.domain.views import View, take, widened
from heamap.errors import InputError
from heamap.params import Effects, Params, load
from heamap_serving.domain import Domain, examine
from heamap_serving.io import READERS, read_micrograph
from heamap_serving.micrograph import as_image
from heamap_serving.resample import resample
from heamap_serving.session import load_model

Image = npt.NDArray[np.float32]
Make = Callable[[np.random.Generator], tuple[Image, float]]
"""Draws an image and the pixel size that it comes with."""
WRONG = (1.15, 1.6)
"""Factor of a wrong pixel size."""
NOISIER = 1.5
"""As much noisier as the limits allow for: dose and read-out noise at the bad end of training, times this."""


@dataclass(frozen=True)
class Line:
    """What cases are made of."""

    data: Dataset
    params: Params

    def view(self, rng: np.random.Generator, view: View, *, factor: float = 1.0) -> tuple[Image, float]:
        """A view of a test particle, and its pixel size."""
        clean = self.data.image(int(rng.choice(self.data.split("test"))))
        effects = self.params.train.effects if factor == 1 else noisy(self.params, factor)
        return take(
            clean,
            view,
            effects=effects,
            augment=self.params.train.augment,
            sampling_angstrom=self.params.base.sampling_angstrom,
            rng=rng,
        )

    def crystal(self, rng: np.random.Generator, name: str) -> tuple[Image, float]:
        crystal = crystals.CRYSTALS[name]
        return self._drawn(rng, crystal, crystal.zones[int(rng.integers(len(crystal.zones)))])

    def alloy(self, rng: np.random.Generator, disorder: float) -> tuple[Image, float]:
        return self._drawn(rng, crystals.ALLOY, (1, 1, 0), disorder)

    def other_zone(self, rng: np.random.Generator) -> tuple[Image, float]:
        zones = ((0, 0, 1), (1, 1, 1), (1, 1, 2))
        return self._drawn(rng, crystals.ALLOY, zones[int(rng.integers(len(zones)))])

    def _drawn(
        self, rng: np.random.Generator, crystal: crystals.Crystal, zone: tuple[int, int, int], disorder: float = 0.0
    ) -> tuple[Image, float]:
        step = float(rng.uniform(0.1, 0.3))
        pixels, effects = int(rng.uniform(40, 80) / step), self.params.train.effects
        seen = crystals.draw(
            crystal, zone, pixels=pixels, step_angstrom=step, effects=effects, rng=rng, disorder=disorder
        )
        return seen, step


def noisy(params: Params, factor: float) -> Effects:
    """Effects at the bad end of training, ``factor`` beyond it."""
    wide = widened(params.train.effects, factor=factor)
    low, high = wide.dose_per_square_angstrom[0], params.train.effects.dose_per_square_angstrom[0]
    strong = params.train.effects.readout_noise[1]
    return wide.model_copy(
        update={"dose_per_square_angstrom": (low, high), "readout_noise": (strong, wide.readout_noise[1])}
    )


def in_domain(line: Line) -> dict[str, Make]:
    return {
        "as trained": lambda rng: line.view(rng, View()),
        "other pixel size, calibrated": lambda rng: line.view(rng, View(pixel_share=float(rng.uniform(0.5, 1.5)))),
        "shifted": lambda rng: line.view(rng, View(shift_angstrom=tuple(rng.uniform(-6, 6, 2).tolist()))),
        "turned": lambda rng: line.view(rng, View(turn_degree=float(rng.uniform(0, 360)))),
        "brighter": lambda rng: line.view(
            rng, View(gain=float(10 ** rng.uniform(0, 5)), offset=float(rng.uniform(0, 3)))
        ),
        "noisier": lambda rng: line.view(rng, View(), factor=NOISIER),
    }


def outside(line: Line) -> dict[str, Make]:
    def wrong(rng: np.random.Generator, power: int) -> tuple[Image, float]:
        seen, step = line.view(rng, View(pixel_share=float(rng.uniform(0.5, 1.2))))
        return seen, step * float(rng.uniform(*WRONG)) ** power

    return {
        "pixel size too large by 15-60 %": lambda rng: wrong(rng, 1),
        "pixel size too small by 13-38 %": lambda rng: wrong(rng, -1),
        **{name: (lambda rng, name=name: line.crystal(rng, name)) for name in crystals.CRYSTALS},
        "fcc alloy down [001], [111], [112]": line.other_zone,
        "amorphous": amorphous,
        "empty": lambda rng: empty(rng, line.params),
        "text": text,
        "RGB screenshot with scale bar": lambda rng: screenshot(line, rng),
    }


def tolerated(line: Line) -> dict[str, Make]:
    def off(rng: np.random.Generator, factor: float) -> tuple[Image, float]:
        seen, step = line.view(rng, View())
        return seen, step * factor

    return {"pixel size 5 % too large": lambda rng: off(rng, 1.05), "5 % too small": lambda rng: off(rng, 1 / 1.05)}


def between(line: Line) -> dict[str, Make]:
    """Neither asked for nor excluded: what else looks like the training lattice."""
    return {
        "Gaussian columns on the alloy's lattice, brightness scattered by 30 %, up to a full field": lambda rng: (
            line.alloy(rng, 0.3)
        ),
        "the same without scatter: a pure metal on that lattice": lambda rng: line.alloy(rng, 0.0),
        "screenshot with scale bar, turned to grey": lambda rng: grey_screenshot(line, rng),
    }


def amorphous(rng: np.random.Generator) -> tuple[Image, float]:
    """Speckle of a correlation length of .5 to 4 Angstrom, or dense random columns, with some noise."""
    step, pixels = float(rng.uniform(0.1, 0.3)), int(rng.integers(192, 400))
    if rng.random() < 0.5:
        seen = ndimage.gaussian_filter(rng.standard_normal((pixels, pixels)), rng.uniform(0.5, 4) / step)
    else:
        seen = np.zeros((pixels, pixels))
        count = int((pixels * step) ** 2 / rng.uniform(4, 9))
        np.add.at(seen, tuple(rng.integers(0, pixels, (2, count))), rng.uniform(0.5, 1.5, count))
        seen = ndimage.gaussian_filter(seen, rng.uniform(0.35, 0.6) / step)
    seen = seen / seen.std() + rng.uniform(0.05, 0.5) * rng.standard_normal(seen.shape)
    return (1000 + 100 * seen).astype(np.float32), step


def empty(rng: np.random.Generator, params: Params) -> tuple[Image, float]:
    """Support film and noise alone."""
    step = float(rng.uniform(0.1, 0.3))
    level = np.full((256, 256), rng.uniform(0.001, 0.02))
    seen = crystals.degrade(level, effects=params.train.effects, sampling_angstrom=step, rng=rng)
    return seen, step


def text(rng: np.random.Generator) -> tuple[Image, float]:
    """A page of letters, dark on light or light on dark, smoothed a little."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ 0123456789     "))
    figure = Figure(figsize=(4, 4), dpi=float(rng.uniform(70, 110)))
    canvas = FigureCanvasAgg(figure)
    size = float(rng.uniform(5, 20))
    for line in range(int(280 / (1.4 * size))):
        words = "".join(rng.choice(letters, int(480 / size)))
        figure.text(0.02, 0.97 - 1.4 * size * line / 288, words, fontsize=size, family="monospace", va="top")
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba())[..., 0].astype(np.float32)
    page = ndimage.gaussian_filter(page, rng.uniform(0, 1)) * (1 if rng.random() < 0.5 else -1)
    return page + rng.normal(0, rng.uniform(0, 5), page.shape).astype(np.float32), float(rng.uniform(0.1, 0.3))


def screenshot(line: Line, rng: np.random.Generator) -> tuple[Image, float]:
    grey, step = grey_screenshot(line, rng)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1), step


def grey_screenshot(line: Line, rng: np.random.Generator) -> tuple[Image, float]:
    """A test image in 8 bits with a white bar and a label below it."""
    seen, step = line.view(rng, View(pixel_share=float(rng.uniform(0.4, 0.8))))
    low, high = np.percentile(seen, (1, 99.9))
    shown = np.clip((seen - low) / (high - low), 0, 1) * 255
    rows, cols = shown.shape
    thick, long = int(rng.integers(6, 14)), int(rng.uniform(0.2, 0.4) * cols)
    top = rows - thick - int(rng.integers(8, 40))
    shown[top : top + thick, 12 : 12 + long] = 255
    shown[top - 22 : top - 6, 20:60] = np.where(ndimage.zoom(rng.random((8, 20)), 2, order=0) > 0.5, 255, 0)
    return np.rint(shown).astype(np.float32), step


def verdict(case: tuple[Image, float], limits: DomainLimits, sampling: float) -> tuple[str, Domain | None, str]:
    """What the scorer says of an image of a given pixel size."""
    values, step = case
    try:
        image = as_image(values)
    except InputError as fault:
        return "refused", None, str(fault)
    seen = resample(image, steps=(step, step), target=sampling)
    found = examine(seen, limits, sampling_angstrom=sampling, original=image)
    return found.verdict, found, found.reasons[0] if found.reasons else ""


def wilson(hits: int, cases: int) -> tuple[float, float]:
    """Wilson's score interval at 95 % (J. Am. Stat. Assoc. 22 (1927) 209)."""
    z = 1.96
    share, scale = hits / cases, 1 + z**2 / cases
    middle = (share + z**2 / (2 * cases)) / scale
    half = z * np.sqrt(share * (1 - share) / cases + z**2 / (4 * cases**2)) / scale
    return middle - half, middle + half


def table(
    title: str, kinds: dict[str, Make], asked: tuple[str, ...], limits: DomainLimits, sampling: float, options
) -> None:
    print(f"\n| {title} | in domain | doubtful | refused | {' or '.join(asked)} | regions refused | usual reason |")
    print("|---|---|---|---|---|---|---|")
    for index, (name, make) in enumerate(kinds.items()):
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        lost = []
        for case in range(options.cases):
            rng = np.random.default_rng([options.seed, *title.encode(), index, case])
            said, found, reason = verdict(make(rng), limits, sampling)
            counts[said] += 1
            reasons[" ".join(reason.split()[:4])] += bool(reason)
            if found is not None and said != "refused":
                lost.append(found.checks["regions_refused_share"])
        hits = sum(counts[each] for each in asked)
        low, high = wilson(hits, options.cases)
        shares = " | ".join(f"{counts[each]}" for each in ("in domain", "doubtful", "refused"))
        usual = reasons.most_common(1)[0][0] if reasons else ""
        print(
            f"| {name} | {shares} | {hits / options.cases:.1%} [{low:.1%}, {high:.1%}] | "
            f"{f'{np.mean(lost):.1%}' if lost else ''} | {usual} |",
            flush=True,
        )


def real(folder: Path, limits: DomainLimits, sampling: float) -> None:
    print("\n| micrograph | pixel size | verdict | reason |\n|---|---|---|---|")
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in READERS):
        try:
            read = read_micrograph(path)
        except InputError as fault:
            print(f"| {path.name} | | refused | {fault} |")
            continue
        # Gold, 4.08 Angstrom, has 27 pixels from column to column; the second size makes the alloy of it.
        steps = [read.sampling_angstrom[0]] if read.sampling_angstrom else [0.082, 0.0745]
        for step in steps:
            said, _, reason = verdict((read.image, step), limits, sampling)
            print(f"| {path.name} | {step:.4f} | {said} | {reason} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--line", type=Path, default=Path())
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--micrographs", type=Path)
    parser.add_argument("--limits", type=Path, help="where limits drawn here are kept")
    options = parser.parse_args()
    params = load(options.line / "params.yaml")
    sampling = params.base.sampling_angstrom
    data = open_dataset(options.line / "data/structures", options.line / "data/images")
    limits = find_limits(options, data, params)
    line = Line(data, params)
    table("in the domain", in_domain(line), ("in domain",), limits, sampling, options)
    table("to be tolerated", tolerated(line), ("in domain", "doubtful"), limits, sampling, options)
    table("outside", outside(line), ("refused",), limits, sampling, options)
    table("beside", between(line), ("in domain", "doubtful"), limits, sampling, options)
    if options.micrographs:
        real(options.micrographs, limits, sampling)


def find_limits(options: argparse.Namespace, data: Dataset, params: Params) -> DomainLimits:
    if options.limits and options.limits.exists():
        return DomainLimits.model_validate_json(options.limits.read_text())
    limits = load_model(options.line / "models/model.onnx").contract.domain
    if limits is None:
        sampling = params.base.sampling_angstrom
        limits = training_limits(data, params, lambda image, step: resample(image, steps=(step, step), target=sampling))
    if limits is None:
        raise SystemExit("no limits can be drawn from this line's images")
    if options.limits:
        options.limits.write_text(limits.model_dump_json())
    return limits


if __name__ == "__main__":
    main()
