"""Pixels of a file at their highest value: clipped columns, or a bar and letters burnt into a display copy."""

import numpy as np
import numpy.typing as npt

from heamap.domain.windows import Grid
from heamap_serving import scratch

BAND_PIXELS = 2**22
"""Pixels looked at at a time: bounds the memory."""

FLAT_SHARE = 0.01
"""Of a cell's pixels amid blocks of saturated ones, for the cell to be burnt in."""


def saturated_share(original: npt.NDArray[np.floating]) -> float:
    """Share of the pixels (rows, cols) that have the highest value."""
    highest, number = _highest(original), 0
    for start, stop in scratch.row_bands(original.shape, BAND_PIXELS):
        number += int(np.count_nonzero(original[start:stop] == highest))
        scratch.release(original)
    return number / original.size


def burnt_in(original: npt.NDArray[np.floating], grid: Grid) -> npt.NDArray[np.bool_]:
    """Cells (rows, cols) of a grid with blocks of 3 x 3 or more saturated pixels: noise leaves none in a real image.

    Parameters
    ----------
    original : the file's pixels, the grid's field in any pixel size
    """
    highest = _highest(original)
    scale = np.array(grid.shape) / np.array(original.shape)
    found = np.zeros(grid.cells)
    for start, band in _bands(original):
        same = band == highest
        across = same[:, :-2] & same[:, 1:-1] & same[:, 2:]
        rows, cols = np.nonzero(across[:-2] & across[1:-1] & across[2:])
        places = (np.stack([rows, cols], axis=1) + np.array([start + 1, 1])) * scale
        np.add.at(found, grid.cell_of(places), 1.0)
        scratch.release(original)
    return np.asarray(found > FLAT_SHARE * (grid.cell / scale).prod())


def _highest(original: npt.NDArray[np.floating]) -> float:
    highest = -np.inf
    for start, stop in scratch.row_bands(original.shape, BAND_PIXELS):
        highest = max(highest, float(original[start:stop].max()))
        scratch.release(original)
    return highest


def _bands(original: npt.NDArray[np.floating]) -> list[tuple[int, npt.NDArray[np.floating]]]:
    """First row and rows of each band, the last two of which begin the next."""
    rows, cols = original.shape
    step = max(BAND_PIXELS // cols, 3)
    return [(start, original[start : start + step + 2]) for start in range(0, max(rows - 2, 1), step)]
