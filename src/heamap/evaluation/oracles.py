"""Oracles: what elements could be told if one were told the total, or the total and two of the elements.

They are no rivals but rungs: a model that does not pass the total's oracle has seen thickness, not elements.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import NI_CO_FE, TOTAL, FloatArray, with_sums

TOTAL_KNOWN = "oracle_total"
TOTAL_PT_PD_KNOWN = "oracle_total_pt_pd"

DESCRIPTIONS = {
    TOTAL_KNOWN: "the true total is known; elements are their mean counts in training columns of that total",
    TOTAL_PT_PD_KNOWN: "the true total, Pt and Pd are known; the rest is shared by the training columns' mean "
    "composition of Ni, Co and Fe",
}

KNOWN = ("Pt", "Pd")

TOLD = {TOTAL_KNOWN: (TOTAL,), TOTAL_PT_PD_KNOWN: (*KNOWN, NI_CO_FE, TOTAL)}
"""Targets that an oracle is told, so that they are no yardstick there."""


def given_total(training_counts: npt.ArrayLike, totals: npt.ArrayLike) -> FloatArray:
    """Mean count of each element given the total, learnt from training columns.

    Straight lines, moved at each total towards the mean of its training columns as far as that mean is known: the
    shrinkage of empirical Bayes (Efron and Morris, J. Am. Stat. Assoc. 68 (1973) 117), with the variance of the means
    about the lines estimated by moments. One factor serves all elements, so that they sum to the total.

    Parameters
    ----------
    training_counts : (m, 5) true atoms
    totals : (n,) totals to answer for

    Returns
    -------
    (n, 5) atoms

    Raises
    ------
    ValueError : the training columns have fewer than two different totals
    """
    counts = np.asarray(training_counts, np.float64)
    seen = counts.sum(axis=1)
    levels, level = np.unique(seen, return_inverse=True)
    if len(levels) < 2:
        raise ValueError(f"training columns of two different totals are needed, got {levels.tolist()}")
    design = np.column_stack([np.ones_like(seen), seen])
    lines = np.linalg.lstsq(design, counts, rcond=None)[0]
    residual = counts - design @ lines
    columns = np.bincount(level).astype(np.float64)
    offsets = np.stack([np.bincount(level, weights=part) for part in residual.T], axis=1) / columns[:, None]
    within = float(((residual - offsets[level]) ** 2).sum()) / max(len(counts) - len(levels), 1)
    # Two totals' worth of freedom went into the lines.
    excess = float((columns[:, None] * offsets**2).sum()) - (len(levels) - 2) * within
    between = max(excess, 0.0) / len(counts)
    trust = between / (between + within / columns) if between > 0 else np.zeros_like(columns)
    asked = np.asarray(totals, np.float64)
    place = np.minimum(np.searchsorted(levels, asked), len(levels) - 1)
    known = (levels[place] == asked)[:, None]
    return lines[0] + asked[:, None] * lines[1] + np.where(known, (trust[:, None] * offsets)[place], 0.0)


def given_total_and(
    training_counts: npt.ArrayLike, true_counts: npt.ArrayLike, known: tuple[str, ...] = KNOWN
) -> FloatArray:
    """Some elements exactly, and the others' sum shared by their mean composition in training.

    Parameters
    ----------
    training_counts, true_counts : (m, 5) and (n, 5) true atoms
    known : elements that are told

    Returns
    -------
    (n, 5) atoms

    Raises
    ------
    ValueError : training columns hold no atom of the other elements
    """
    told = np.isin(ELEMENTS, known)
    truth = np.asarray(true_counts, np.float64)
    others = np.where(told, 0.0, np.asarray(training_counts, np.float64).sum(axis=0))
    if others.sum() <= 0:
        raise ValueError(f"training columns hold nothing but {list(known)}")
    rest = truth[:, ~told].sum(axis=1, keepdims=True)
    return np.where(told, truth, rest * others / others.sum())


def estimates(training: pd.DataFrame, test: pd.DataFrame) -> dict[str, FloatArray]:
    """What the oracles say of the test columns.

    What an oracle is told it returns (``TOLD``).

    Parameters
    ----------
    training, test : ``true_`` counts

    Returns
    -------
    name (``DESCRIPTIONS``) -> (n, 7) atoms in the order of ``TARGETS``
    """
    learnt, truth = element_counts(training, "true"), element_counts(test, "true")
    return {
        TOTAL_KNOWN: with_sums(given_total(learnt, truth.sum(axis=1))),
        TOTAL_PT_PD_KNOWN: with_sums(given_total_and(learnt, truth)),
    }
