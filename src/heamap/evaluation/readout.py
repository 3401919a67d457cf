"""Element maps to column positions and counts."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.floating]

DISTANCE_SHARE = 0.7
"""Columns may lie this much closer than the nearest columns of the training lattices: strain, steps and drift."""

THRESHOLD_ATOMS = 1.0
"""Smallest predicted total of a column."""


def find_columns(
    maps: Floats, *, sampling_angstrom: float, min_distance_angstrom: float, threshold: float
) -> npt.NDArray[np.float64]:
    """Positions of the columns: maxima of the summed map, refined below the pixel.

    A maximum is as high as its eight neighbours, reaches ``threshold`` and does not lie on the outermost pixels,
    where nothing tells a column from the flank of one outside.

    Parameters
    ----------
    maps : (rows, cols, elements) in atoms
    sampling_angstrom : pixel size of the maps
    min_distance_angstrom : of two maxima closer than this only the higher one stays
    threshold : smallest height of the summed map, in atoms

    Returns
    -------
    (n, 2) row and column in pixels, ordered by row, then column
    """
    if maps.ndim != 3:
        raise ValueError(f"expected maps (rows, cols, elements), got shape {maps.shape}")
    total = maps.sum(axis=-1, dtype=np.float64)
    if min(total.shape) < 3:
        return np.empty((0, 2))
    peaks = (total == ndimage.maximum_filter(total, size=3, mode="nearest")) & (total >= threshold)
    peaks[[0, -1], :] = False
    peaks[:, [0, -1]] = False
    positions = _highest_within(peaks, total, min_distance_angstrom / sampling_angstrom)
    return positions + _subpixel(total, positions)


def read_counts(
    maps: Floats, rows: npt.NDArray[np.floating], cols: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Heights of the maps at column positions, by cubic spline between the pixels.

    A label is a Gaussian whose peak is the number of atoms, so the height at the column is its count.

    Parameters
    ----------
    maps : (rows, cols, elements) in atoms
    rows, cols : (n,) positions in pixels; outside the maps the nearest border value is read

    Returns
    -------
    (n, elements) atoms, unrounded
    """
    if maps.ndim != 3:
        raise ValueError(f"expected maps (rows, cols, elements), got shape {maps.shape}")
    where = np.stack([np.asarray(rows, dtype=np.float64), np.asarray(cols, dtype=np.float64)])
    counts = np.empty((where.shape[1], maps.shape[2]))
    for channel in range(maps.shape[2]):
        counts[:, channel] = ndimage.map_coordinates(
            maps[..., channel], where, output=np.float64, order=3, mode="nearest"
        )
    return counts


def _highest_within(
    peaks: npt.NDArray[np.bool_], total: npt.NDArray[np.float64], radius: float
) -> npt.NDArray[np.int64]:
    """The highest peaks first, each one silencing those closer than ``radius`` pixels; ties in reading order."""
    reach = int(np.ceil(radius))
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    # A flat top is one column, however small the radius.
    near = down**2 + right**2 < max(radius**2, 3)
    free = np.pad(np.ones(peaks.shape, dtype=bool), reach)
    candidates = np.argwhere(peaks)
    kept = np.zeros(peaks.shape, dtype=bool)
    for row, col in candidates[np.argsort(-total[peaks], kind="stable")]:
        if free[row + reach, col + reach]:
            kept[row, col] = True
            free[row : row + 2 * reach + 1, col : col + 2 * reach + 1] &= ~near
    return np.argwhere(kept)


def _subpixel(total: npt.NDArray[np.float64], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Vertex of the parabola through the logarithm of three pixels along each axis: exact for a Gaussian."""
    logs = np.log(np.maximum(total, np.finfo(np.float32).tiny))
    row, col = positions.T
    centre = logs[row, col]
    offsets = np.zeros(positions.shape)
    pairs = ((logs[row - 1, col], logs[row + 1, col]), (logs[row, col - 1], logs[row, col + 1]))
    for axis, (before, after) in enumerate(pairs):
        curvature = before - 2 * centre + after
        bent = curvature < 0
        offsets[bent, axis] = (0.5 * (before - after)[bent]) / curvature[bent]
    return np.clip(offsets, -0.5, 0.5)
