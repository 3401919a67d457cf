"""Ends that hold the residuals of columns not calibrated on: of the same images, and of an unseen one."""

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LEAST_IMAGES = 4
"""Fewer cannot tell how much images differ."""

# Residuals without spread on one side, as of an element that is absent, would make any stretch infinite.
_LEAST_REACH_ATOMS = 0.01


def column_ends(residuals: npt.ArrayLike, level: float) -> tuple[float, float]:
    """Ends that hold the residual of one more exchangeable column with at least the probability ``level``.

    With a = (1 - level) / 2, the floor((n + 1) a)-th smallest residual and the ceil((n + 1) (1 - a))-th.

    Raises
    ------
    ValueError : fewer than 2 / (1 - level) - 1 residuals, where the ends would be infinite
    """
    ordered = np.sort(np.asarray(residuals, np.float64))
    rank = _rank(ordered.size, level)
    if rank < 1:
        raise ValueError(f"intervals at {level:g} need {2 / (1 - level) - 1:.0f} columns or more, got {ordered.size}")
    return float(ordered[rank - 1]), float(ordered[-rank])


def new_image_ends(images: npt.ArrayLike, residuals: npt.ArrayLike, level: float) -> tuple[float, float, float]:
    """Ends that hold a column of an unseen image with the probability ``level``, about, and their stretch.

    The ends for exchangeable columns (``column_ends``), moved away from the median by one factor. The factor is that
    which covers ``level`` of the columns of calibration images with the ends of all other images, every image counting
    the same; it is never below 1, so that the promise to exchangeable columns stays. Where all other images together
    have fewer columns than the level needs, their extremes stand for its ends.

    Parameters
    ----------
    images : (n,) image of each column
    residuals : (n,) true - predicted atoms

    Raises
    ------
    ValueError : fewer than ``LEAST_IMAGES`` images, or fewer columns than ``column_ends`` needs
    """
    values = np.asarray(residuals, np.float64)
    ends = column_ends(values, level)
    _, image, columns = np.unique(np.asarray(images), return_inverse=True, return_counts=True)
    if len(columns) < LEAST_IMAGES:
        raise ValueError(f"intervals need {LEAST_IMAGES} calibration images or more, got {len(columns)}")
    needed = np.empty(values.size)
    for number in range(len(columns)):
        here = image == number
        others = values[~here]
        enough = _rank(others.size, level) >= 1
        middle, down, up = _reach(others, column_ends(others, level) if enough else (others.min(), others.max()))
        away = values[here] - middle
        needed[here] = np.where(away > 0, away / up, -away / down)
    order = np.argsort(needed)
    covered = np.cumsum(1 / (columns[image[order]] * len(columns)))
    stretch = max(1.0, float(needed[order][np.searchsorted(covered, level - 1e-9)]))
    middle, down, up = _reach(values, ends)
    return middle - stretch * down, middle + stretch * up, stretch


def _rank(columns: int, level: float) -> int:
    # Products such as 20 x .05 come out a hair off the whole number they are.
    return math.floor((columns + 1) * (1 - level) / 2 + 1e-9)


def _reach(residuals: FloatArray, ends: tuple[float, float]) -> tuple[float, float, float]:
    """Median, and how far the ends lie below and above it."""
    low, high = ends
    middle = float(np.median(residuals))
    return middle, max(middle - low, _LEAST_REACH_ATOMS), max(high - middle, _LEAST_REACH_ATOMS)
