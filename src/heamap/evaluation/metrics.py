"""How far predicted counts lie from the truth, with intervals over images.

Every true column counts, zeros included; predictions are neither clipped nor rounded except where errors are shared
out by whole atoms.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

FloatArray = npt.NDArray[np.float64]

SHARE_NAMES = ("0", "1", "2", "3", "more")
"""Absolute errors in atoms that Table 2 tells apart."""


@dataclass(frozen=True)
class Sums:
    """Sums over columns from which every score follows, one entry per image or per resample of the images.

    Attributes
    ----------
    columns, true, true_squared : (n,) number of columns, sum of true counts and of their squares
    error, error_absolute, error_squared : (n,) sums of predicted - true, of its absolute value and of its square
    """

    columns: FloatArray
    true: FloatArray
    true_squared: FloatArray
    error: FloatArray
    error_absolute: FloatArray
    error_squared: FloatArray

    def resampled(self, weights: npt.ArrayLike) -> Self:
        """Sums over resamples; ``weights`` (resamples, images) says how often each image was drawn."""
        draws = np.asarray(weights, dtype=np.float64)
        return type(self)(*(draws @ getattr(self, field.name) for field in fields(self)))

    @property
    def r2(self) -> FloatArray:
        """Coefficient of determination, 1 - sum((true - predicted)^2) / sum((true - mean)^2); NaN for equal truths."""
        variation = self.true_squared - self.true**2 / self.columns
        return 1 - self.error_squared / np.where(variation > 0, variation, np.nan)

    @property
    def mae(self) -> FloatArray:
        """Mean absolute error in atoms."""
        return self.error_absolute / self.columns

    @property
    def bias(self) -> FloatArray:
        """Mean of predicted - true in atoms."""
        return self.error / self.columns

    @property
    def mse(self) -> FloatArray:
        """Mean squared error in squared atoms."""
        return self.error_squared / self.columns

    def skill_over(self, baseline: "Sums") -> FloatArray:
        """1 - MSE / MSE(baseline): 1 is perfect, 0 as good as the baseline; NaN where the baseline is perfect."""
        return 1 - self.mse / np.where(baseline.mse > 0, baseline.mse, np.nan)


@dataclass(frozen=True)
class Estimate:
    """A score with the ends of its interval."""

    value: float
    low: float
    high: float


def image_sums(images: npt.ArrayLike, true: npt.ArrayLike, predicted: npt.ArrayLike) -> Sums:
    """Sums of each image.

    Parameters
    ----------
    images : (n,) image that each column lies in
    true, predicted : (n,) atoms

    Returns
    -------
    one entry per image, images in ascending order

    Raises
    ------
    ValueError : shapes differ, there is no column, or a value is not finite
    """
    owners, truth, guess = (np.asarray(images), np.asarray(true, np.float64), np.asarray(predicted, np.float64))
    if truth.ndim != 1 or not owners.shape == truth.shape == guess.shape:
        raise ValueError(f"images, true and predicted must be (n,), got {owners.shape}, {truth.shape}, {guess.shape}")
    if not truth.size:
        raise ValueError("no columns to score")
    if not (np.isfinite(truth).all() and np.isfinite(guess).all()):
        raise ValueError("true and predicted counts must be finite")
    _, image = np.unique(owners, return_inverse=True)
    error = guess - truth
    terms = (np.ones_like(truth), truth, truth**2, error, np.abs(error), error**2)
    return Sums(*(np.bincount(image, weights=term).astype(np.float64) for term in terms))


def r2(true: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Coefficient of determination over all columns; NaN where all truths are equal.

    Parameters
    ----------
    true, predicted : (n,) atoms

    Raises
    ------
    ValueError : as ``image_sums``
    """
    return float(image_sums(np.zeros(np.shape(true)), true, predicted).r2[0])


def error_shares(true: npt.ArrayLike, predicted: npt.ArrayLike) -> FloatArray:
    """Shares of columns whose rounded count errs by 0, 1, 2, 3 and more atoms (the paper's Table 2).

    Parameters
    ----------
    true, predicted : (n,) atoms

    Returns
    -------
    (5,) shares that sum to 1, in the order of ``SHARE_NAMES``
    """
    error = _whole_errors(true, predicted)
    return np.bincount(error, minlength=len(SHARE_NAMES)) / error.size


def share_estimates(
    images: npt.ArrayLike,
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    weights: npt.ArrayLike,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """``error_shares`` with percentile bootstrap intervals over images.

    Parameters
    ----------
    images : (n,) image that each column lies in
    true, predicted : (n,) atoms
    weights : (resamples, images) from ``bootstrap_weights``, images in ascending order
    level : share of the resamples inside the interval

    Returns
    -------
    one of each of ``SHARE_NAMES``
    """
    kinds = _whole_errors(true, predicted)
    return {name: _share(images, kinds == kind, weights=weights, level=level) for kind, name in enumerate(SHARE_NAMES)}


def share_within_one(
    images: npt.ArrayLike,
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    weights: npt.ArrayLike,
    level: float = 0.95,
) -> Estimate:
    """Share of columns whose rounded count errs by one atom at most, with its interval over images.

    Parameters
    ----------
    images, true, predicted, weights, level : as of ``share_estimates``
    """
    return _share(images, _whole_errors(true, predicted) <= 1, weights=weights, level=level)


def bootstrap_weights(images: int, resamples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(resamples, images) how often each image is drawn, with replacement.

    Images are drawn, not columns: columns of one image share its microscope, dose and composition.
    """
    return rng.multinomial(images, np.full(images, 1 / images), size=resamples)


def estimate(
    statistic: Callable[..., FloatArray], *sums: Sums, weights: npt.ArrayLike, level: float = 0.95
) -> Estimate:
    """A score over all images with its percentile bootstrap interval (``percentiles``).

    Parameters
    ----------
    statistic : of one or more ``Sums``, vectorised, for example ``Sums.skill_over``
    sums : one entry per image, all of the same images, so that the comparison is paired
    weights : (resamples, images) from ``bootstrap_weights``
    level : share of the resamples inside the interval
    """
    whole = np.ones((1, len(sums[0].columns)))
    value = statistic(*(part.resampled(whole) for part in sums))[0]
    resampled = statistic(*(part.resampled(weights) for part in sums))
    return Estimate(float(value), *percentiles(resampled, level=level))


def percentiles(resampled: npt.ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Ends of a percentile interval.

    A few resamples may leave a score undefined: R2 where only images of equal truths were drawn. They are left out,
    but where they are more than half, what is left says little about the score.

    Parameters
    ----------
    resampled : (resamples,) of the score
    level : share of the resamples inside the interval

    Returns
    -------
    NaN twice where fewer than half of the resamples are finite
    """
    values = np.asarray(resampled, np.float64)
    known = values[np.isfinite(values)]
    if 2 * known.size < values.size:
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def match(
    true: npt.ArrayLike, found: npt.ArrayLike, *, tolerance: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which true columns were found, and which found columns are true.

    A pair is matched if each is the other's nearest and they lie within the tolerance, so none is matched twice.

    Parameters
    ----------
    true, found : (n, 2) and (m, 2) positions, in the unit of ``tolerance``

    Returns
    -------
    (n,) and (m,), with as many True in the one as in the other
    """
    truth, guess = np.reshape(true, (-1, 2)), np.reshape(found, (-1, 2))
    hits, right = np.zeros(len(truth), dtype=bool), np.zeros(len(guess), dtype=bool)
    if len(truth) and len(guess):
        distance, nearest_found = (np.asarray(part) for part in KDTree(guess).query(truth))
        nearest_true = np.asarray(KDTree(truth).query(guess)[1])
        hits = (nearest_true[nearest_found] == np.arange(len(truth))) & (distance <= tolerance)
        right[nearest_found[hits]] = True
    return hits, right


def _share(images: npt.ArrayLike, hits: npt.NDArray[np.bool_], *, weights: npt.ArrayLike, level: float) -> Estimate:
    _, image = np.unique(images, return_inverse=True)
    columns = np.column_stack([np.bincount(image, weights=hits), np.bincount(image)])
    hit, drawn = (np.asarray(weights, np.float64) @ columns).T
    return Estimate(float(hits.mean()), *percentiles(hit / drawn, level=level))


def _whole_errors(true: npt.ArrayLike, predicted: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(n,) places in ``SHARE_NAMES``."""
    error = np.abs(np.rint(predicted) - np.asarray(true)).astype(np.int64)
    return np.minimum(error, len(SHARE_NAMES) - 1)
