"""Element maps to column positions and counts."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

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
    pixels, heights, offsets = candidates(maps.sum(axis=-1, dtype=np.float64), threshold)
    kept = strongest(pixels, heights, min_distance_angstrom / sampling_angstrom)
    return pixels[kept] + offsets[kept]


def candidates(
    total: npt.NDArray[np.float64], threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Maxima of a summed map that reach ``threshold`` and do not lie on its outermost pixels.

    A maximum depends on its eight neighbours alone, so that a map may be searched in overlapping parts.

    Parameters
    ----------
    total : (rows, cols) atoms

    Returns
    -------
    (n, 2) pixels in reading order, (n,) heights, (n, 2) offsets to the place below the pixel
    """
    if min(total.shape) < 3:
        return np.empty((0, 2), np.int64), np.empty(0), np.empty((0, 2))
    peaks = (total == ndimage.maximum_filter(total, size=3, mode="nearest")) & (total >= threshold)
    peaks[[0, -1], :] = False
    peaks[:, [0, -1]] = False
    pixels = np.argwhere(peaks)
    return pixels, total[peaks], _subpixel(total, pixels)


def strongest(pixels: npt.NDArray[np.int64], heights: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.bool_]:
    """Which maxima stay when the highest come first, each one silencing those closer than ``radius``.

    Parameters
    ----------
    pixels : (n, 2) in reading order, which decides between equal heights
    heights : (n,)
    radius : in pixels

    Returns
    -------
    (n,)
    """
    # A flat top is one column, however small the radius: neighbours of a pixel lie within the root of two.
    squared = max(radius**2, 3.0)
    silent = np.zeros(len(pixels), dtype=bool)
    if len(pixels) < 2:
        return ~silent
    pairs = cKDTree(pixels).query_pairs(np.sqrt(squared), output_type="ndarray")
    pairs = pairs[((pixels[pairs[:, 0]] - pixels[pairs[:, 1]]) ** 2).sum(axis=1) < squared]
    near: dict[int, list[int]] = defaultdict(list)
    for one, other in pairs.tolist():
        near[one].append(other)
        near[other].append(one)
    for index in np.argsort(-heights, kind="stable").tolist():
        if index in near and not silent[index]:
            silent[near[index]] = True
    return ~silent


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


def _subpixel(total: npt.NDArray[np.float64], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Vertex of the parabola through the logarithm of three pixels along each axis: exact for a Gaussian."""

    def log(row: npt.NDArray[np.int64], col: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.log(np.maximum(total[row, col], np.finfo(np.float32).tiny))

    row, col = positions.T
    centre = log(row, col)
    offsets = np.zeros(positions.shape)
    pairs = ((log(row - 1, col), log(row + 1, col)), (log(row, col - 1), log(row, col + 1)))
    for axis, (before, after) in enumerate(pairs):
        curvature = before - 2 * centre + after
        bent = curvature < 0
        offsets[bent, axis] = (0.5 * (before - after)[bent]) / curvature[bent]
    return np.clip(offsets, -0.5, 0.5)
