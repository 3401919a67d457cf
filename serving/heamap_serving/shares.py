"""Shares of atoms, of a column and of an image."""

import numpy as np
import numpy.typing as npt


def fractions(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """In-column atomic fractions (n, 5) of counts (n, 5); a negative count stands for none, no atoms give zeros."""
    atoms = np.maximum(counts, 0.0)
    total = atoms.sum(axis=1, keepdims=True)
    return np.divide(atoms, total, out=np.zeros_like(atoms), where=total > 0)


def image_composition(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Atomic fractions (5,) of all columns of an image together; zeros where there are no atoms.

    Parameters
    ----------
    counts : (n, 5) atoms; a negative count stands for none
    """
    whole: npt.NDArray[np.float64] = fractions(np.maximum(counts, 0.0).sum(axis=0, keepdims=True))[0]
    return whole
