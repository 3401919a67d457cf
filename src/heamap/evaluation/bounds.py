"""Estimated exact-Bayes bounds: what a column's total and its integrated intensity can tell about its composition.

What is assumed, and whether it makes the bound too good (a real estimate stays further behind it) or too weak (one
might pass it):

* too good: the total is known; microscope, detector, calibration and source size are known; the detector counts every
  electron; no drift, no read-out noise; the composition of the particle and of the six neighbours is known; the columns
  end on flat faces, all at one height; vibrations are averaged over without end, where a simulated test image has the
  sampling error of its few phonon configurations (``relative_error`` in ``microscope.parquet``).
* too weak: one number is taken of each column, its cross-section within the cell, not the shape of its image, which
  also depends on the order of atoms; the scatter at fixed composition is taken for Gaussian, of all shapes of one
  variance the least telling in the linear case; what the fitted mean misses counts as scatter; species are taken to
  stand in random order along the beam, where short-range order leaves fewer.
* either way: the prior. Every atom is drawn by itself (multinomial) or every column has shares of its own (Dirichlet-
  multinomial); columns that vary more are harder to guess from the total and easier to tell by their brightness.

Of all this the order of atoms matters most, and it is simulated (``column_library``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.evaluation.bayes import BINS, BOUNDED, Bound, bound
from heamap.evaluation.intensity_model import IntensityModel, fit, resampled
from heamap.evaluation.priors import RARE, Prior
from heamap.evaluation.targets import with_sums
from heamap.imaging.columns import COLUMN_RADIUS_ANGSTROM

FloatArray = npt.NDArray[np.float64]

AREA_SQUARE_ANGSTROM = float(np.pi * COLUMN_RADIUS_ANGSTROM**2)
"""Of a column's cell."""
_COARSE_BINS, _COARSE_RARE = 4, 1e-3
"""Of the bounds whose differences tell the errors."""


@dataclass(frozen=True)
class Measurement:
    """How well a cross-section is measured.

    A dose D in electrons per square Angstrom gives D times the cross-section in square Angstrom counts on average,
    whatever the scan step is: each of the cell's pixels takes D step^2 electrons, of which the image's fraction of the
    beam arrives. The background adds D fraction area counts, whose mean is known.

    Attributes
    ----------
    dose_per_square_angstrom : infinity counts without noise
    background_fraction : of the beam that support and contamination scatter into the detector
    relative_error : of everything else that is measured, a share of the cross-section
    """

    dose_per_square_angstrom: float
    background_fraction: float = 0.0
    relative_error: float = 0.0

    def __post_init__(self) -> None:
        if not self.dose_per_square_angstrom > 0:
            raise ValueError(f"dose must be positive, got {self.dose_per_square_angstrom} electrons per Angstrom^2")
        if not (self.background_fraction >= 0 and self.relative_error >= 0):
            raise ValueError(
                f"background and relative error must not be negative, got {self.background_fraction} and "
                f"{self.relative_error}"
            )

    def variance(self, cross_section: FloatArray) -> FloatArray:
        """(n,) variance in Angstrom^4 of measured cross-sections (n,) in square Angstrom."""
        counted = cross_section + self.background_fraction * AREA_SQUARE_ANGSTROM
        return counted / self.dose_per_square_angstrom + (self.relative_error * cross_section) ** 2


def column_bound(
    model: IntensityModel,
    measurement: Measurement,
    prior: Prior,
    *,
    bins: int = BINS,
    rarer: float = RARE,
) -> Bound:
    """The bound for columns of one total.

    Parameters
    ----------
    model : of the total (``intensity_model.fit``)
    bins : of the intensity per standard deviation
    rarer : compositions that are left out are together rarer than this
    """
    counts, probability = prior.compositions(model.total, rarer=rarer)
    mean = model.mean(counts)
    deviation = np.sqrt(model.variance(counts) + measurement.variance(mean))
    return bound(counts, probability, mean, deviation, bins=bins)


def tabulate(
    library: pd.DataFrame,
    measurements: Sequence[Measurement],
    prior: Prior,
    *,
    resamples: int = 20,
    tolerance: float = 0.02,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Bounds for every total of a library and every measurement.

    Parameters
    ----------
    library : simulated columns (``column_library.simulate_library``)
    prior : of the particles in question, which need not be what the library was drawn from
    resamples : of the library's columns, two or more, behind each standard error
    tolerance : of skill and exact share, for ``converged``

    Returns
    -------
    one row per total, measurement and one of ``BOUNDED``: ``total``, ``dose_per_square_angstrom``, ``element``;
    ``mean`` and ``variance`` of the count before the image is seen; ``mmse`` in squared atoms; ``r2`` and ``skill``,
    the same for one total; ``exact_share`` and ``prior_share``, after and before the image is seen;
    ``standard_error`` of ``mmse`` and ``exact_share_error``, both from the library's size; ``grid_change`` and
    ``sample_change``, the larger change of skill or exact share when the bins and when the columns are doubled;
    ``converged``, whether both are within the tolerance. Of the whole composition only shares are given, the rest NaN.

    Raises
    ------
    ValueError : fewer than two resamples, two measurements of one dose, or a total in fewer than two slabs
    """
    doses = [measurement.dose_per_square_angstrom for measurement in measurements]
    if len(set(doses)) < len(doses):
        raise ValueError(f"a table tells measurements apart by their doses, got {doses}")
    if resamples < 2:
        raise ValueError(f"a standard error needs two resamples or more, got {resamples}")
    parts = []
    for _, rows in library.groupby("total", sort=True):
        model = fit(rows)
        half = fit(rows.iloc[rng.permutation(len(rows))[: len(rows) // 2]])
        again = resampled(rows, resamples, rng)
        for measurement in measurements:
            best, finer = (column_bound(model, measurement, prior, bins=bins) for bins in (BINS, 2 * BINS))
            coarse, halved, *drawn = (
                column_bound(one, measurement, prior, bins=_COARSE_BINS, rarer=_COARSE_RARE)
                for one in (model, half, *again)
            )
            part = pd.DataFrame(
                {
                    "total": model.total,
                    "dose_per_square_angstrom": measurement.dose_per_square_angstrom,
                    "element": BOUNDED,
                    "mean": _padded(with_sums(model.total * np.array([prior.composition]))[0, :-1]),
                    "variance": _padded(best.variance),
                    "mmse": _padded(best.mmse),
                    "r2": _padded(best.skill),
                    "skill": _padded(best.skill),
                    "exact_share": best.exact_share,
                    "prior_share": best.prior_share,
                    "standard_error": _padded(np.std([one.mmse for one in drawn], axis=0, ddof=1)),
                    "exact_share_error": np.std([one.exact_share for one in drawn], axis=0, ddof=1),
                    "grid_change": _change(best, finer),
                    "sample_change": _change(halved, coarse),
                }
            )
            part["converged"] = (part["grid_change"] <= tolerance) & (part["sample_change"] <= tolerance)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _padded(values: FloatArray) -> FloatArray:
    return np.append(values, np.full(len(BOUNDED) - len(values), np.nan))


def _change(one: Bound, other: Bound) -> FloatArray:
    return np.fmax(_padded(np.abs(one.skill - other.skill)), np.abs(one.exact_share - other.exact_share))
