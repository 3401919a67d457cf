"""Yardsticks that an accuracy is read beside: what is known without telling elements apart, or without a network.

A column's total alone explains much of every element's count, so an R2 without its yardstick says nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import FloatArray, with_sums

TRUE_TOTAL = "true_total_x_composition"
MEAN_COLUMN = "mean_column"

DESCRIPTIONS = {
    TRUE_TOTAL: "the column's true total times the true composition of the image's in-field columns",
    MEAN_COLUMN: "the mean training column, whatever the image shows",
}
"""What each estimate of ``estimates`` knows, by name."""


@dataclass(frozen=True)
class Line:
    """A straight line fitted by least squares, with the share of the variance that it explains."""

    slope: float
    intercept: float
    r2: float

    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        return self.slope * np.asarray(x, np.float64) + self.intercept


@dataclass(frozen=True)
class Counting:
    """Atom counting without a network, and what else the training columns tell.

    Attributes
    ----------
    line : integrated intensity to total, in atoms
    composition : (5,) mean composition: all atoms of the training columns
    mean_total : atoms in the mean training column
    columns : number of training columns
    """

    line: Line
    composition: FloatArray
    mean_total: float
    columns: int


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike) -> Line:
    """Least-squares line of ``y`` (n,) against ``x`` (n,).

    Raises
    ------
    ValueError : all ``x`` are equal, so that no line is defined
    """
    abscissa, ordinate = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if abscissa.size < 2 or np.ptp(abscissa) == 0:
        raise ValueError(f"a line needs two different abscissae, got {abscissa.size} values without spread")
    dx, dy = abscissa - abscissa.mean(), ordinate - ordinate.mean()
    slope = (dx @ dy) / (dx @ dx)
    variation = dy @ dy
    explained = slope * (dx @ dy) / variation if variation > 0 else np.nan
    return Line(float(slope), float(ordinate.mean() - slope * abscissa.mean()), float(explained))


def calibrate(intensity: npt.ArrayLike, counts: npt.ArrayLike) -> Counting:
    """Calibrate atom counting on the training columns.

    Parameters
    ----------
    intensity : (n,) integrated intensity of each training column
    counts : (n, 5) true atoms

    Raises
    ------
    ValueError : fewer than two different intensities
    """
    atoms = np.asarray(counts, np.float64)
    totals = atoms.sum(axis=1)
    return Counting(fit_line(intensity, totals), atoms.sum(axis=0) / totals.sum(), float(totals.mean()), len(totals))


def image_composition(images: npt.ArrayLike, counts: npt.ArrayLike) -> FloatArray:
    """Composition of the image that each column lies in, from the listed columns alone.

    Parameters
    ----------
    images : (n,) image of each column
    counts : (n, 5) atoms

    Returns
    -------
    (n, 5) shares; rows sum to 1
    """
    atoms = np.asarray(counts, np.float64)
    _, image = np.unique(np.asarray(images), return_inverse=True)
    sums = np.zeros((image.max() + 1, atoms.shape[1]))
    np.add.at(sums, image, atoms)
    return (sums / sums.sum(axis=1, keepdims=True))[image]


def estimates(training: pd.DataFrame, test: pd.DataFrame) -> dict[str, FloatArray]:
    """The two that see no image.

    Parameters
    ----------
    training, test : ``true_`` counts and, for test, ``sample``

    Returns
    -------
    name (``DESCRIPTIONS``) -> (n, 7) atoms in the order of ``TARGETS``
    """
    truth = element_counts(test, "true")
    mean = element_counts(training, "true").mean(axis=0)
    return {
        TRUE_TOTAL: with_sums(truth.sum(axis=1, keepdims=True) * image_composition(test["sample"], truth)),
        MEAN_COLUMN: with_sums(np.tile(mean, (len(test), 1))),
    }
