"""An image cut into overlapping square windows, and their power spectra on a log-polar grid."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

Floats = npt.NDArray[np.floating]

SIDE_ANGSTROM = 25.6
"""Side of a window: some 50 columns of the alloy, and no more of a particle of 25 Angstrom than it has."""

STEPS_ANGSTROM = ((12.8, 64), (25.6, 1024))
"""From window to window in images of up to so many; beyond, the last is doubled until the image keeps to its number. An
overlap shows more, but the check of a large image must stay cheap beside the network."""

CHUNK = 64
"""Windows transformed at a time: bounds the memory."""

ANGLES = 90
"""Directions of the polar grid over half a turn: 2 degrees each, a third of a spot's width."""

RADIUS_STEP = math.log(2 / math.sqrt(3)) / 7
"""Of the logarithm of spatial frequency: {111} and {200} of fcc lie 7 steps apart, so one roll compares them."""

LOWEST, HIGHEST = 0.14, 1.22
"""Spatial frequencies of the grid, 1/Angstrom: below the first spot of a perovskite, above {400} of the alloy."""

FLOOR = np.float32(1e-6)
"""Least power beside a window's largest: a hundredth of the noise that training images have."""

_PADDING = 3.0
"""The transform's length over the window's: linear interpolation between its points is then exact enough."""


@dataclass(frozen=True)
class Grid:
    """Where the windows of an image lie.

    Attributes
    ----------
    shape : of the image, in pixels
    side : of a window in pixels, along rows and columns; no larger than the image
    cell : step from window to window in pixels; each cell is judged by the window around its middle
    cells : number of cells along rows and columns; the last may reach beyond the image
    """

    shape: tuple[int, int]
    side: tuple[int, int]
    cell: float
    cells: tuple[int, int]

    def corners(self) -> npt.NDArray[np.int64]:
        """(cells, 2) upper left pixel of the window of each cell, in reading order."""
        along = []
        for length, side, count in zip(self.shape, self.side, self.cells, strict=True):
            middles = (np.arange(count) + 0.5) * self.cell
            along.append(np.clip(np.rint(middles - side / 2), 0, length - side).astype(np.int64))
        return np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 2)

    def cell_of(self, positions: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Row and column (n,) of the cells that positions (n, 2), in pixels, lie in."""
        row, col = (
            np.clip((positions[:, axis] / self.cell).astype(np.int64), 0, count - 1)
            for axis, count in enumerate(self.cells)
        )
        return row, col


def plan_grid(shape: tuple[int, int], *, sampling_angstrom: float) -> Grid:
    """Lay windows over an image of ``shape`` (rows, cols)."""
    side = max(round(SIDE_ANGSTROM / sampling_angstrom), 8)
    for step, most in STEPS_ANGSTROM:
        cell = step / sampling_angstrom
        if math.prod(_cells(shape, cell)) <= most:
            break
    while math.prod(_cells(shape, cell)) > most:
        cell *= 2
    return Grid(shape, (min(side, shape[0]), min(side, shape[1])), cell, _cells(shape, cell))


def _cells(shape: tuple[int, int], cell: float) -> tuple[int, int]:
    return math.ceil(shape[0] / cell - 1e-9), math.ceil(shape[1] / cell - 1e-9)


def cut(image: Floats, grid: Grid) -> Iterator[npt.NDArray[np.float32]]:
    """Windows (n, rows, cols) of an image in the order of ``grid.corners``, at most ``CHUNK`` at a time."""
    corners = grid.corners()
    rows, cols = grid.side
    for start in range(0, len(corners), CHUNK):
        part = corners[start : start + CHUNK]
        yield np.stack([image[top : top + rows, left : left + cols] for top, left in part]).astype(np.float32)


def radii(sampling_angstrom: float) -> npt.NDArray[np.float64]:
    """Spatial frequencies of the polar grid, 1/Angstrom, evenly spaced in the logarithm, below the sampling limit."""
    top = min(HIGHEST, 0.95 * 0.5 / sampling_angstrom)
    count = max(int(math.log(top / LOWEST) / RADIUS_STEP) + 1, 2)
    return LOWEST * np.exp(RADIUS_STEP * np.arange(count))


def log_polar(windows: npt.NDArray[np.float32], *, sampling_angstrom: float) -> npt.NDArray[np.float32]:
    """Logarithm of the power of windows (n, rows, cols), as (n, radii, ANGLES).

    Windows lose their mean and are weighted by a Hann window. Angle 0 points along the columns' axis (x), a quarter
    turn along the rows' (y). Power is per pixel of the weight, so that white noise of variance 1 has power 1.
    """
    taper = _taper(windows.shape)
    mean = np.tensordot(windows, taper, axes=2) / taper.sum()
    weighted = (windows - mean[:, None, None].astype(np.float32)) * taper
    length = scipy.fft.next_fast_len(round(_PADDING * max(windows.shape[1:])), real=True)
    frequencies = radii(sampling_angstrom)
    top = min(math.ceil(frequencies[-1] * length * sampling_angstrom) + 1, length // 2)
    power = _low_power(weighted, length, top) / np.float32((taper**2).sum())
    # Without a floor, an image free of noise would have contrasts of rounding errors.
    power += FLOOR * power.max(axis=(1, 2), keepdims=True) + np.float32(1e-30)
    logarithm = np.log(power, out=power).reshape(len(windows), -1)
    sampled = np.zeros((len(windows), len(frequencies) * ANGLES), dtype=np.float32)
    for place, weight in zip(*_corners_of(frequencies, length * sampling_angstrom, top), strict=True):
        sampled += np.take(logarithm, place, axis=1) * weight
    return sampled.reshape(len(windows), -1, ANGLES)


def _low_power(windows: npt.NDArray[np.float32], length: int, top: int) -> npt.NDArray[np.float32]:
    """Power (n, 2 top + 1, top + 1) at frequencies -top to top along rows and 0 to top along columns, padded."""
    along = np.ascontiguousarray(scipy.fft.rfft(windows, n=length, axis=2)[..., : top + 1].transpose(0, 2, 1))
    spectrum = scipy.fft.fft(along, n=length, axis=2)
    low = np.concatenate([spectrum[..., length - top :], spectrum[..., : top + 1]], axis=2)
    power: npt.NDArray[np.float32] = (low.real**2 + low.imag**2).transpose(0, 2, 1)
    return np.ascontiguousarray(power)


def _taper(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    rows, cols = (np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2 for length in shape[1:])
    return np.outer(rows, cols).astype(np.float32)


def _corners_of(
    frequencies: npt.NDArray[np.float64], scale: float, top: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The four points of ``_low_power`` around each polar point (4, points), flat, and their linear weights."""
    angles = np.pi * np.arange(ANGLES) / ANGLES
    row = (frequencies[:, None] * np.sin(angles)).ravel() * scale
    col = (frequencies[:, None] * np.cos(angles)).ravel() * scale
    # A real image has the same power at opposite frequencies, and only half of them are stored.
    row, col = np.where(col < 0, -row, row) + top, np.abs(col)
    first_row = np.minimum(np.floor(row).astype(np.int64), 2 * top - 1)
    first_col = np.minimum(np.floor(col).astype(np.int64), top - 1)
    part_row, part_col = row - first_row, col - first_col
    places, weights = [], []
    for down, weight_row in ((0, 1 - part_row), (1, part_row)):
        for right, weight_col in ((0, 1 - part_col), (1, part_col)):
            places.append((first_row + down) * (top + 1) + first_col + right)
            weights.append(weight_row * weight_col)
    return np.stack(places), np.stack(weights).astype(np.float32)
