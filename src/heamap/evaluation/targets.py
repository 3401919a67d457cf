"""What is scored of a column, on NumPy alone, so that the scorer may share it."""

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS

FloatArray = npt.NDArray[np.float64]

NI_CO_FE = "NiCoFe"
TOTAL = "total"
TARGETS = (*ELEMENTS, NI_CO_FE, TOTAL)
"""Each element, the sum of Ni, Co and Fe, which one image cannot tell apart, and the total."""


def with_sums(counts: npt.ArrayLike) -> FloatArray:
    """Counts of every target from counts of the elements.

    Parameters
    ----------
    counts : (n, 5) atoms in the order of ``ELEMENTS``

    Returns
    -------
    (n, 7) atoms in the order of ``TARGETS``

    Raises
    ------
    ValueError : counts are not (n, 5)
    """
    elements = np.asarray(counts, dtype=np.float64)
    if elements.ndim != 2 or elements.shape[1] != len(ELEMENTS):
        raise ValueError(f"counts must be (n, {len(ELEMENTS)}), got shape {elements.shape}")
    light = elements[:, [ELEMENTS.index(symbol) for symbol in ("Ni", "Co", "Fe")]].sum(axis=1)
    return np.column_stack([elements, light, elements.sum(axis=1)])
