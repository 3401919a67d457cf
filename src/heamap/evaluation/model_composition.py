"""The model's own totals shared out by the model's own composition: all that it says beyond this is said by column."""

import numpy as np
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import FloatArray, with_sums

MODEL_COMPOSITION = "model_total_x_model_composition"

DESCRIPTIONS = {
    MODEL_COMPOSITION: "the model's own total times the composition of the image by the model's own counts",
}


def predicted_composition(table: pd.DataFrame) -> FloatArray:
    """Composition, by the model's counts, of the image that each column lies in.

    An element whose predicted atoms sum to less than nothing has no share. Where no element's do, as an untrained
    model may have it, all shares are equal.

    Parameters
    ----------
    table : ``sample`` and ``pred_`` counts

    Returns
    -------
    (n, 5) shares; rows sum to 1
    """
    atoms = element_counts(table, "pred")
    _, image = np.unique(table["sample"].to_numpy(), return_inverse=True)
    sums = np.zeros((int(image.max(initial=-1)) + 1, len(ELEMENTS)))
    np.add.at(sums, image, atoms)
    sums = np.maximum(sums, 0)
    sums[sums.sum(axis=1) == 0] = 1
    return np.asarray((sums / sums.sum(axis=1, keepdims=True))[image])


def estimates(table: pd.DataFrame) -> dict[str, FloatArray]:
    """The model's total times its composition.

    Parameters
    ----------
    table : ``sample`` and ``pred_`` counts

    Returns
    -------
    name (``DESCRIPTIONS``) -> (n, 7) atoms in the order of ``TARGETS``; the totals are the model's own
    """
    total = element_counts(table, "pred").sum(axis=1, keepdims=True)
    return {MODEL_COMPOSITION: with_sums(total * predicted_composition(table))}
