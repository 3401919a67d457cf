"""Atom counting without a network, as microscopists do it: from column intensities to totals to elements.

A total comes from a straight line calibrated on columns of known total, or from the statistics of the image's own
intensities (``heamap.evaluation.mixture``); elements are the total times the true composition of the image, which
baseline 1 is told too, so that the two differ in the total alone. Both take two measures of a column's intensity, its
Voronoi cell (``heamap.evaluation.table``) and the volume of its Gaussian (``heamap.evaluation.gaussians``).

Mixtures were made for one element. In this alloy the composition of a column moves its intensity by more than an atom
does, so that ICL mostly finds a single component: the line is the rival to beat.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.evaluation import mixture
from heamap.evaluation.baselines import Line, calibrate, image_composition
from heamap.evaluation.table import INTEGRATION_RADIUS_ANGSTROM, element_counts
from heamap.evaluation.targets import FloatArray, with_sums

INTENSITIES = {"cell": "integrated_intensity", "gaussian": "gaussian_volume"}
"""Column of the table that holds each intensity."""

DESCRIPTIONS = {
    f"{counted}_{name}": f"total from {how} the {what}; elements are that total times the true composition of "
    "the image's in-field columns"
    for name, what in (
        ("cell", "intensity integrated over the column's Voronoi cell"),
        ("gaussian", "volume of the Gaussian fitted to the column"),
    )
    for counted, how in (
        ("line", "a straight line, fitted on the training split, through"),
        ("mixture", "a Gaussian mixture, numbered by that line, of each image's columns by"),
    )
}
"""What each estimate of ``estimates`` knows, by name."""

Numbering = Callable[[mixture.Mixture], FloatArray]
"""Atoms (k,) that the components of a mixture stand for."""


def by_line(line: Line) -> Numbering:
    """Every component stands for the whole number of atoms, one at least, that the line reads off its mean."""
    return lambda fitted: np.maximum(np.rint(line(fitted.means)), 1.0)


def by_offset(first: int) -> Numbering:
    """Components stand for ``first``, ``first`` + 1 ... atoms: every thickness in between occurs in the image."""
    return lambda fitted: first + np.arange(len(fitted.means), dtype=np.float64)


def mixture_totals(
    images: npt.ArrayLike, intensity: npt.ArrayLike, numbering: Numbering, *, means: mixture.Means = "free"
) -> FloatArray:
    """Totals from a mixture of its own for every image: microscope and dose are those of one image.

    Parameters
    ----------
    images : (n,) image of each column
    intensity : (n,) of each column
    numbering : turns components into atoms
    means : see ``heamap.evaluation.mixture``

    Returns
    -------
    (n,) atoms, those of each column's most probable component
    """
    owners, values = np.asarray(images), np.asarray(intensity, np.float64)
    totals = np.empty(len(values))
    for image in np.unique(owners):
        own = owners == image
        fitted = mixture.choose(values[own], means=means)
        totals[own] = numbering(fitted)[fitted.assign(values[own])]
    return totals


def estimates(training: pd.DataFrame, test: pd.DataFrame) -> dict[str, FloatArray]:
    """What atom counting says of the test columns, calibrated on the training columns.

    Means of mixtures are free: in an alloy no two atoms of a column add the same. Totals see the intensities alone; of
    the truth of the test columns only the composition of each image is told, the same oracle as in baseline 1.

    Parameters
    ----------
    training, test : ``sample``, the columns of ``INTENSITIES`` and ``true_`` counts

    Returns
    -------
    name (``DESCRIPTIONS``) -> (n, 7) atoms in the order of ``TARGETS``

    Raises
    ------
    ValueError : fewer than two different intensities in training
    """
    found: dict[str, FloatArray] = {}
    composition = image_composition(test["sample"], element_counts(test, "true"))
    for name, column in INTENSITIES.items():
        counting = calibrate(training[column], element_counts(training, "true"))
        totals = {
            f"line_{name}": counting.line(test[column]),
            f"mixture_{name}": mixture_totals(test["sample"], test[column], by_line(counting.line)),
        }
        found |= {key: with_sums(total[:, None] * composition) for key, total in totals.items()}
    return found


def contract_line(training: pd.DataFrame) -> dict[str, Any]:
    """The line through Voronoi cells, for the contract (``heamap.contract.CountingLine``).

    Parameters
    ----------
    training : ``integrated_intensity`` and ``true_`` counts of the training columns

    Raises
    ------
    ValueError : fewer than two different intensities
    """
    counted = calibrate(training[INTENSITIES["cell"]], element_counts(training, "true"))
    return {
        "slope": counted.line.slope,
        "intercept": counted.line.intercept,
        "r2": counted.line.r2,
        "columns": counted.columns,
        "radius_angstrom": INTEGRATION_RADIUS_ANGSTROM,
    }
