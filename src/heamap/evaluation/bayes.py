"""What the posterior over compositions leaves unknown of a column whose intensity is measured with an error."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from heamap.elements import ELEMENTS
from heamap.evaluation.targets import NI_CO_FE, with_sums

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WHOLE = "composition"
"""All five counts together."""
BOUNDED = (*ELEMENTS, NI_CO_FE, WHOLE)
"""What a bound is given for; of the whole composition only the share of exactly right columns."""

BINS = 8
"""Bins of the intensity per standard deviation: fewer lose more than a thousandth of the variance."""
_REACH = 5.5
_MOST_CELLS = 500_000


@dataclass(frozen=True)
class Bound:
    """The best that any estimate can do which sees one column's total and intensity.

    Attributes
    ----------
    mmse : (6,) minimum mean squared error in squared atoms, of ``BOUNDED`` but the last
    variance : (6,) before the image is seen: the mean squared error of total x composition
    exact_share : (7,) largest share of columns whose count can be exactly right, of ``BOUNDED``
    prior_share : (7,) the same before the image is seen: the share of the likeliest count
    """

    mmse: FloatArray
    variance: FloatArray
    exact_share: FloatArray
    prior_share: FloatArray

    @property
    def skill(self) -> FloatArray:
        """(6,) 1 - MMSE / variance; NaN where nothing varies. For one total this is R2 as well."""
        return 1 - self.mmse / np.where(self.variance > 0, self.variance, np.nan)


class _Shares(NamedTuple):
    """Probability that a column has composition ``row`` and is measured in bin ``cell``."""

    row: IntArray
    cell: IntArray
    mass: FloatArray
    cells: int


def bound(
    counts: npt.ArrayLike,
    prior: npt.ArrayLike,
    intensity: npt.ArrayLike,
    deviation: npt.ArrayLike,
    *,
    bins: int = BINS,
) -> Bound:
    """Discrete Bayes over compositions: E[var(count | intensity)] and E[largest posterior].

    The measured intensity is Gaussian about the mean of its composition and is sorted into bins, whose probabilities
    are exact. Merging intensities only loses information, so finer bins lower the MMSE towards its limit and raise
    the exact share.

    Parameters
    ----------
    counts : (n, 5) compositions in the order of ``ELEMENTS``
    prior : (n,) their probabilities
    intensity, deviation : (n,) mean measured intensity of each composition and its standard deviation, in any one unit;
        deviations of 0 everywhere tell apart whatever differs by more than 1e-12 of the largest intensity
    bins : per standard deviation

    Raises
    ------
    ValueError : shapes differ, a value is not finite, a deviation is negative, or the prior does not sum to 1
    """
    atoms, likelihood = np.asarray(counts, np.int64), np.asarray(prior, np.float64)
    mean, width = np.asarray(intensity, np.float64), np.asarray(deviation, np.float64)
    targets = with_sums(atoms)[:, :-1].astype(np.int64)
    if not likelihood.shape == mean.shape == width.shape == (len(atoms),):
        raise ValueError(f"{len(atoms)} compositions need as many {likelihood.shape}, {mean.shape}, {width.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(width).all() and (width >= 0).all()):
        raise ValueError("intensities must be finite, deviations finite and not negative")
    if abs(likelihood.sum() - 1) > 1e-6:
        raise ValueError(f"prior probabilities must sum to 1, got {likelihood.sum()}")

    shares = _measured(likelihood, mean, width, bins) if width.any() else _certain(likelihood, mean)
    seen = np.bincount(shares.cell, shares.mass, shares.cells).astype(np.float64)
    found = [_of_target(target, shares, seen) for target in targets.T]
    largest = np.zeros(shares.cells)
    np.maximum.at(largest, shares.cell, shares.mass)
    expected = likelihood @ targets
    return Bound(
        mmse=np.array([mmse for mmse, _ in found]),
        variance=likelihood @ (targets - expected) ** 2,
        exact_share=np.array([*(exact for _, exact in found), largest.sum()]),
        prior_share=np.array([*(np.bincount(count, likelihood).max() for count in targets.T), likelihood.max()]),
    )


def _measured(prior: FloatArray, mean: FloatArray, width: FloatArray, bins: int) -> _Shares:
    low, high = (mean - _REACH * width).min(), (mean + _REACH * width).max()
    # Rare compositions that hardly scatter must not set the step for all.
    order = np.argsort(width)[(width == 0).sum() :]
    weight = np.cumsum(prior[order])
    step = max(width[order][np.searchsorted(weight, 0.01 * weight[-1])] / bins, (high - low) / _MOST_CELLS)
    first = np.floor((mean - _REACH * width - low) / step).astype(np.int64)
    number = np.floor((mean + _REACH * width - low) / step).astype(np.int64) - first + 1
    row = np.repeat(np.arange(len(mean)), number)
    cell = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number) + first[row]
    edge = low + cell * step - mean[row]
    # A width of 0 puts all of a composition into its own bin.
    narrow = np.maximum(width, 1e-6 * step)[row]
    within = ndtr((edge + step) / narrow) - ndtr(edge / narrow)
    mass = within * (prior / np.bincount(row, within))[row]
    return _Shares(row, cell, mass, int(cell.max()) + 1)


def _certain(prior: FloatArray, mean: FloatArray) -> _Shares:
    size = np.abs(mean).max() or 1.0
    cell = np.unique(np.rint(mean / (1e-12 * size)), return_inverse=True)[1]
    return _Shares(np.arange(len(mean)), cell, prior, int(cell.max()) + 1)


def _of_target(target: IntArray, shares: _Shares, seen: FloatArray) -> tuple[float, float]:
    """MMSE and exact share of one count (n,)."""
    levels = int(target.max()) + 1
    count = target[shares.row]
    joint = np.bincount(shares.cell * levels + count, shares.mass, shares.cells * levels).reshape(-1, levels)
    centred = count - shares.mass @ count
    expected = np.bincount(shares.cell, shares.mass * centred, shares.cells) / np.where(seen > 0, seen, 1)
    return float(shares.mass @ (centred - expected[shares.cell]) ** 2), float(joint.max(axis=1).sum())
