"""Images for files of the tests."""

import numpy as np
from scipy import ndimage

ROWS, COLS = 40, 56


def picture(rows=ROWS, cols=COLS):
    """Counts (rows, cols) of uint16 in which no flip or transposition goes unseen."""
    row, col = np.mgrid[:rows, :cols]
    image = 1000 + 7 * row + 3 * col
    image[5:9, 10:30] += 4000
    image[5:25, 10:13] += 4000
    return image.astype(np.uint16)


def lattice(rows=96, cols=112, spacing=11.0):
    """A particle of columns (rows, cols) off the centre, as float64 from 0 to 1."""
    row, col = np.mgrid[:rows, :cols].astype(float)
    columns = (np.cos(2 * np.pi * row / spacing) + np.cos(2 * np.pi * col / (0.8 * spacing)) + 2) / 4
    inside = np.hypot(row - 0.45 * rows, 1.3 * (col - 0.55 * cols)) < 0.36 * rows
    return columns**2 * ndimage.gaussian_filter(inside.astype(float), 3)


def drifted(shifts, *, counts=0.0, seed=0, image=None):
    """Frames (n, rows, cols) of a lattice that moves; with shot noise of so many counts a pixel, else without."""
    image = lattice() if image is None else image
    frames = np.stack([ndimage.shift(image, (-row, -col), order=3, mode="nearest") for row, col in shifts])
    frames = np.clip(frames, 0, None)
    if counts:
        return np.random.default_rng(seed).poisson(counts * (frames + 0.1)).astype(np.uint16)
    return np.rint(20_000 * frames + 500).astype(np.uint16)
