"""Counts of an image whose composition is known from elsewhere, such as X-ray spectroscopy (EDX).

An image hardly tells Ni from Co from Fe, so the model's composition of a whole image may be far off where its sums and
its differences between columns are not. A told composition mends that: counts are multiplied by one factor an element
and one a column, until every column keeps its total and the elements' shares of the image are those told. Among all
tables with these sums it is the one nearest to the model's (iterative proportional fitting: Deming and Stephan, Ann.
Math. Stat. 11 (1940) 427; nearest in relative entropy: Ireland and Kullback, Biometrika 55 (1968) 179).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.evaluation.baselines import image_composition
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import TARGETS, FloatArray, with_sums

MODEL_TOLD = "model_told_composition"

DESCRIPTIONS = {
    MODEL_TOLD: "the model's counts, brought to the true composition of the image's in-field columns",
}

LEAST_SHARE = 0.01
"""Of its column that a count is taken for at least: factors raise no count of 0, and an image may hold, by what was
told, more of an element than all columns where the model saw any."""

_CLOSE = 1e-7
"""Largest difference of a share that is left."""
_MOST_ROUNDS = 10_000


def bring_to(counts: npt.ArrayLike, composition: npt.ArrayLike) -> FloatArray:
    """Counts of one image brought to a composition.

    Parameters
    ----------
    counts : (n, 5) atoms; columns of no atoms or less stay as they are and have no say
    composition : (5,) shares that sum to 1

    Returns
    -------
    (n, 5) atoms, none negative in a column of atoms; every column's total is unchanged

    Raises
    ------
    ValueError : the shares are negative or do not sum to 1, or there is not one per element
    """
    atoms, shares = np.array(counts, np.float64), np.asarray(composition, np.float64)
    if atoms.ndim != 2 or shares.shape != atoms.shape[1:]:
        raise ValueError(f"counts (n, 5) need a composition (5,), got {atoms.shape} and {shares.shape}")
    if not ((shares >= 0).all() and abs(shares.sum() - 1) <= 1e-6):
        raise ValueError(f"a composition is shares of 0 or more that sum to 1, got {shares.tolist()}")
    held = atoms.sum(axis=1) > 0
    if not held.any():
        return atoms
    totals = atoms[held].sum(axis=1)
    model = np.maximum(atoms[held], LEAST_SHARE * totals[:, None])
    factors = np.ones_like(shares)
    for _ in range(_MOST_ROUNDS):
        # Of each column: what is left to share out an atom of weight.
        column = totals / (model @ factors)
        reached = factors * (column @ model) / totals.sum()
        if np.abs(reached - shares).max() <= _CLOSE:
            break
        factors *= np.divide(shares, reached, out=np.zeros_like(shares), where=reached > 0)
    atoms[held] = model * factors * (totals / (model @ factors))[:, None]
    return atoms


def told(table: pd.DataFrame) -> pd.DataFrame:
    """The table with ``pred_`` counts of every target brought to the true composition of each image.

    Parameters
    ----------
    table : ``sample``, ``true_`` and ``pred_`` counts
    """
    counts = estimates(table)[MODEL_TOLD]
    return table.assign(**{f"pred_{target}": part for target, part in zip(TARGETS, counts.T, strict=True)})


def estimates(table: pd.DataFrame) -> dict[str, FloatArray]:
    """What the model says of the columns when it is told what baseline 1 is.

    Parameters
    ----------
    table : ``sample``, ``true_`` and ``pred_`` counts

    Returns
    -------
    name (``DESCRIPTIONS``) -> (n, 7) atoms in the order of ``TARGETS``; the totals are the model's own
    """
    images, guess = table["sample"].to_numpy(), element_counts(table, "pred")
    shares = image_composition(images, element_counts(table, "true"))
    counts = np.empty_like(guess)
    for image in np.unique(images):
        here = images == image
        counts[here] = bring_to(guess[here], shares[here][0])
    return {MODEL_TOLD: with_sums(counts)}
