"""The table of atomic columns: what the truth of an image is."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.elements import ELEMENTS


def column_table(
    positions: npt.NDArray[np.float64],
    species: npt.NDArray[np.int8],
    column: npt.NDArray[np.int32],
    *,
    pixels: int,
    sampling_angstrom: float,
) -> pd.DataFrame:
    """Count the atoms of each column.

    Parameters
    ----------
    positions : (n, 3) in Angstrom, field coordinates
    species : (n,) indices into ``ELEMENTS``
    column : (n,) column number of each atom, 0 to the number of columns - 1, each used

    Returns
    -------
    one row a column: column, row and col (means of its atoms, in pixels), a count per element, total, order (element
    indices along the beam from the entrance, e.g. ``"0413"``), in_field
    """
    number = int(column.max()) + 1
    counts = np.bincount(column * len(ELEMENTS) + species, minlength=number * len(ELEMENTS))
    counts = counts.reshape(number, len(ELEMENTS)).astype(np.int16)
    total = counts.sum(axis=1)
    col = np.bincount(column, positions[:, 0], number) / total / sampling_angstrom
    row = np.bincount(column, positions[:, 1], number) / total / sampling_angstrom
    along_beam = np.lexsort((positions[:, 2], column))
    letters = "".join(map(str, species[along_beam].tolist()))
    ends = np.cumsum(total).tolist()
    order = [letters[low:high] for low, high in pairwise([0, *ends])]
    inside = (row >= 0) & (row <= pixels - 1) & (col >= 0) & (col <= pixels - 1)
    return pd.DataFrame(
        {
            "column": np.arange(number, dtype=np.int32),
            "row": row,
            "col": col,
            **{symbol: counts[:, kind] for kind, symbol in enumerate(ELEMENTS)},
            "total": total.astype(np.int16),
            "order": order,
            "in_field": inside,
        }
    )
