"""Made-up images of fcc particles down [110] in counts of no known scale, with the truth of their columns."""

import math

import numpy as np

CONSTANT = 3.7
STEP = 0.2


def columns_of(radius=17.0, *, constant=CONSTANT, degree=20.0, middle=(20.0, 20.0)):
    """(n, 2) Angstrom of a round particle."""
    i, j = np.mgrid[-20:21, -20:21].reshape(2, -1)
    columns = np.stack([(i + j) * constant / 2, (i - j) * constant / math.sqrt(8)], axis=1)
    turn = math.radians(degree)
    columns = columns @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return columns[np.hypot(*columns.T) <= radius] + np.asarray(middle)


def image_of(
    columns, heights, *, shape=(200, 200), steps=(STEP, STEP), sigma=0.5, background=1000.0, noise=0.0, seed=0
):
    """Gaussian columns (n, 2), Angstrom, on a background of any shape, with noise in counts."""
    rows, cols = (np.arange(length) * step for length, step in zip(shape, steps, strict=True))
    image = np.zeros(shape) + background
    for (y, x), height in zip(columns, np.broadcast_to(heights, len(columns)), strict=True):
        image += height * np.outer(
            np.exp(-((rows - y) ** 2) / (2 * sigma**2)), np.exp(-((cols - x) ** 2) / (2 * sigma**2))
        )
    return (image + noise * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def matched(found, true, reach=0.7):
    """Recall, precision and root mean square distance of found places (n, 2) and true ones, in Angstrom."""
    apart = np.linalg.norm(np.asarray(found)[:, None] - np.asarray(true), axis=2)
    near = apart.min(axis=1)
    return (apart.min(axis=0) < reach).mean(), (near < reach).mean(), math.sqrt((near[near < reach] ** 2).mean())
