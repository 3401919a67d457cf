"""Scores that the paper gives, of our columns, with intervals over images."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from heamap.evaluation import metrics
from heamap.evaluation.metrics import Estimate
from heamap.evaluation.targets import FloatArray

LEVEL = 0.95
"""Share of the resamples inside an interval."""
QUANTILES = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def line(
    images: npt.ArrayLike, count: npt.ArrayLike, intensity: npt.ArrayLike, draws: int, rng: np.random.Generator
) -> tuple[Estimate, Estimate]:
    """Slope and R2 of the least-squares line of intensity against count (Fig. 5).

    Parameters
    ----------
    images, count, intensity : (n,) image of each column, its atoms, its peak intensity
    draws : bootstrap resamples of the images

    Returns
    -------
    slope, in intensity per atom, and share of the variance that the line explains; NaN where all counts are equal
    """
    x, y = np.asarray(count, np.float64), np.asarray(intensity, np.float64)
    terms = np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y])

    def slope(sums: FloatArray) -> FloatArray:
        n, sx, sy, sxx, sxy, _ = sums.T
        spread = n * sxx - sx**2
        return (n * sxy - sx * sy) / np.where(spread > 0, spread, np.nan)

    def explained(sums: FloatArray) -> FloatArray:
        n, sx, sy, sxx, sxy, syy = sums.T
        spread = (n * sxx - sx**2) * (n * syy - sy**2)
        return (n * sxy - sx * sy) ** 2 / np.where(spread > 0, spread, np.nan)

    steep, share = _estimates(images, terms, (slope, explained), draws, rng)
    return steep, share


def shares(
    images: npt.ArrayLike, true: npt.ArrayLike, predicted: npt.ArrayLike, draws: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Shares of the columns whose rounded count errs by 0, 1, 2, 3 and more atoms (Table 2), by ``SHARE_NAMES``."""
    weights = metrics.bootstrap_weights(len(np.unique(images)), draws, rng)
    return metrics.share_estimates(images, true, predicted, weights=weights, level=LEVEL)


def r2(
    images: npt.ArrayLike, true: npt.ArrayLike, predicted: npt.ArrayLike, draws: int, rng: np.random.Generator
) -> Estimate:
    """R2 over every true column, zeros included (Fig. 6)."""
    sums = metrics.image_sums(images, true, predicted)
    weights = metrics.bootstrap_weights(len(sums.columns), draws, rng)
    with np.errstate(invalid="ignore"):
        return metrics.estimate(lambda part: part.r2, sums, weights=weights, level=LEVEL)


def r2_of_columns_with_the_element(
    images: npt.ArrayLike,
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    draws: int,
    rng: np.random.Generator,
    *,
    exchanged: bool,
) -> Estimate | None:
    """R2 by the rule of the authors' public code: columns that lack the element are left out, negatives become 0.

    That code also hands truth and prediction to ``r2_score`` in each other's place, so that the squared errors are
    divided by the variance of the predictions: a model that keeps to the mean is punished for it.

    Parameters
    ----------
    exchanged : also exchange truth and prediction, as the code does

    Returns
    -------
    None where no column holds the element
    """
    truth, guess = np.asarray(true, np.float64), np.maximum(predicted, 0.0)
    held = truth > 0
    if not held.any():
        return None
    first, second = (guess, truth) if exchanged else (truth, guess)
    return r2(np.asarray(images)[held], first[held], second[held], draws, rng)


def total_times_composition(images: npt.ArrayLike, counts: npt.ArrayLike) -> FloatArray:
    """What the thickness alone tells: each column's true total times the true composition of its image.

    Parameters
    ----------
    images : (n,) image of each column
    counts : (n, elements) true atoms

    Returns
    -------
    (n, elements) atoms
    """
    atoms = np.asarray(counts, np.float64)
    _, image = np.unique(images, return_inverse=True)
    sums = np.stack([np.bincount(image, weights=part) for part in atoms.T], axis=1)
    composition = sums / sums.sum(axis=1, keepdims=True)
    return np.asarray(atoms.sum(axis=1, keepdims=True) * composition[image])


def _estimates(
    images: npt.ArrayLike,
    terms: FloatArray,
    statistics: tuple[Callable[[FloatArray], FloatArray], ...],
    draws: int,
    rng: np.random.Generator,
) -> tuple[Estimate, ...]:
    """Statistics of sums of terms (n, k), with percentile bootstrap intervals over images."""
    _, image = np.unique(images, return_inverse=True)
    sums = np.stack([np.bincount(image, weights=part) for part in terms.T], axis=1)
    resampled = metrics.bootstrap_weights(len(sums), draws, rng).astype(np.float64) @ sums
    found = []
    for statistic in statistics:
        values = statistic(resampled)
        # A resample may draw only images in which the element's count never varies.
        low, high = np.quantile(values[np.isfinite(values)], QUANTILES) if np.isfinite(values).any() else (np.nan,) * 2
        found.append(Estimate(float(statistic(sums.sum(axis=0, keepdims=True))[0]), float(low), float(high)))
    return tuple(found)
