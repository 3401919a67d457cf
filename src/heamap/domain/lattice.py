"""The lattice of fcc down [110] in the power spectra of windows, and what in them is not of it.

The projected lattice has two {111} spots at sqrt(3) / a, 70.5 degrees apart, and {200} between them at 2 / a, over half
a turn (the other half is the same). All others are sums of these.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from heamap.domain.windows import ANGLES, RADIUS_STEP, radii

Polar = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

_TURNS = np.array([0.0, 1.0, -1.0]) * math.acos(1 / math.sqrt(3)) * ANGLES / math.pi
"""Directions from {200} to the three spots: 0 and +- 54.7 degrees, in steps of the grid."""

_PATTERN = tuple(zip((7, 0, 0), np.rint(_TURNS).astype(int).tolist(), strict=True))
"""Radii (by the choice of ``RADIUS_STEP``) and directions of {200} and both {111}, in steps, from the first {111}."""

_REACH = 2
"""Directions and radii by which a spot may lie off: 4 degrees, 4 %."""

_SPOT_PER_ANGSTROM = 0.085
"""Radius of a spot: that of the main lobe of the weight over a window of 25.6 Angstrom, 2 / 25.6, and a little more."""

_FORBIDDEN = ((0.5, 0.5), (0.5, -0.5))
"""{100} and {110}, which no fcc crystal has, as sums of the two {111}. A crystal of two unlike columns in the fcc
pattern has both, as the perovskites down [110] and ordered alloys."""

_FOREIGN_FROM = 0.2
"""Below, 1/Angstrom, the outline of the particle and the chemistry's fluctuations are as strong as spots."""
_FOREIGN_TO = 0.85

_BANDS = ((0.3, 0.42), (1.0, 1.2))
"""1/Angstrom: diffuse scattering, and noise, read where every pixel size that resolves the columns has signal."""


@dataclass(frozen=True)
class Fit:
    """The best fcc [110] lattice of each window; n windows.

    Attributes
    ----------
    constant : (n,) lattice constant, Angstrom
    contrast : (n,) of the weakest of the three spots: logarithm of power over the median of its ring; noise alone
        reaches 2 by chance
    misfit : (n,) root mean square of the spots' distances from the lattice, as a share of their spatial frequency
    foreign : (n,) strongest power off the lattice's spots, logarithm, over the mean of the three
    superlattice : (n,) of the weaker of {100} and {110}, which fcc forbids: logarithm of power over the median of its
        ring
    relative : (n, 5) logarithms over the mean of {111}: {200}, {220}, {311}, diffuse scattering, noise
    peak : (n,) mean logarithm of the power of the three spots
    """

    constant: Values
    contrast: Values
    misfit: Values
    foreign: Values
    superlattice: Values
    relative: Values
    peak: Values


RELATIVE = ("{200}", "{220}", "{311}", "diffuse", "noise")
"""What ``Fit.relative`` holds, in order."""


def fit(polar: Polar, *, sampling_angstrom: float) -> Fit:
    """Fit the lattice to log-polar spectra (n, radii, ANGLES) of :func:`heamap.domain.windows.log_polar`."""
    frequencies = radii(sampling_angstrom)
    above = polar - np.median(polar, axis=2, keepdims=True)
    spots = [_moved(above, out, turn) for out, turn in _PATTERN]
    weakest = np.minimum(np.minimum(spots[0], spots[1]), spots[2])
    score = weakest + (spots[0] + spots[1] + spots[2]) / 6
    radius, angle = np.unravel_index(score.reshape(len(polar), -1).argmax(axis=1), score.shape[1:])
    found = [_refine(polar, radius + out, angle + turn) for out, turn in _PATTERN]
    stretch, turned, misfit = _place(found, radius, angle)
    constant = math.sqrt(3) / (frequencies[0] * np.exp(RADIUS_STEP * (radius + stretch)))
    direction = (angle + turned) * np.pi / ANGLES
    heights = np.stack([height for _, _, height in found], axis=1)
    first = heights[:, 1:].mean(axis=1)
    others = [_height(polar, spots_of, constant, direction, frequencies) for spots_of in ((1, -1), (2, 1))]
    bands = [_band(polar, low, high, frequencies) for low, high in _BANDS]
    forbidden = [_height(above, spot, constant, direction, frequencies) for spot in _FORBIDDEN]
    return Fit(
        constant=constant,
        contrast=weakest[np.arange(len(polar)), radius, angle].astype(np.float64),
        misfit=misfit,
        foreign=_foreign(polar, constant, direction, frequencies) - heights.mean(axis=1),
        superlattice=np.minimum(*forbidden),
        relative=np.stack([heights[:, 0], *others, *bands], axis=1) - first[:, None],
        peak=heights.mean(axis=1),
    )


def _moved(above: Polar, out: int, turn: int) -> Polar:
    """What lies ``out`` radii and ``turn`` directions away from every polar point; nothing beyond the last radius."""
    moved = np.roll(above, (-out, -turn), axis=(1, 2))
    if out:
        moved[:, -out:] = -np.inf
    return moved


def _refine(polar: Polar, radius: npt.NDArray[np.int64], angle: npt.NDArray[np.int64]) -> tuple[Values, Values, Values]:
    """The highest point within ``_REACH`` of a spot's place: radius and direction in steps, and height; (n,) each."""
    n = np.arange(len(polar))
    offsets = np.arange(-_REACH, _REACH + 1)
    rows = np.clip(radius[:, None] + offsets, 0, polar.shape[1] - 1)
    cols = angle[:, None] + offsets
    near = polar[n[:, None, None], rows[:, :, None], cols[:, None, :] % ANGLES]
    best = near.reshape(len(polar), -1).argmax(axis=1)
    row, col = rows[n, best // len(offsets)], cols[n, best % len(offsets)]
    inner = np.clip(row, 1, polar.shape[1] - 2)
    out = inner + _vertex(*(polar[n, inner + step, col % ANGLES] for step in (-1, 0, 1)))
    turn = col + _vertex(*(polar[n, row, (col + step) % ANGLES] for step in (-1, 0, 1)))
    return out, turn, polar[n, row, col % ANGLES].astype(np.float64)


def _vertex(before: Polar, middle: Polar, after: Polar) -> Values:
    """Where the parabola through three neighbours has its maximum, at most a step from the middle one."""
    bend = before - 2 * middle + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1), 0.0)
    return np.clip(shift, -1.0, 1.0).astype(np.float64)


def _place(
    found: list[tuple[Values, Values, Values]], radius: npt.NDArray[np.int64], angle: npt.NDArray[np.int64]
) -> tuple[Values, Values, Values]:
    """Stretch and turn of the pattern that fit the three spots best, in steps, and the spots' misfit as a share."""
    out = np.stack([spot[0] for spot in found], axis=1) - radius[:, None] - np.array([place[0] for place in _PATTERN])
    turn = np.stack([spot[1] for spot in found], axis=1) - angle[:, None] - _TURNS
    stretch, turned = out.mean(axis=1), turn.mean(axis=1)
    along = (out - stretch[:, None]) * RADIUS_STEP
    across = (turn - turned[:, None]) * np.pi / ANGLES
    return stretch, turned, np.sqrt((along**2 + across**2).mean(axis=1))


def _height(
    polar: Polar, spot: tuple[float, float], constant: Values, direction: Values, frequencies: npt.NDArray[np.float64]
) -> Values:
    """Mean logarithm of the power at a spot and its mirror image, read at the nearest polar points."""
    m, n = spot
    along, across = m + n, math.sqrt(2) * (m - n)
    size = math.hypot(along, across) / constant
    row = np.rint(np.log(size / frequencies[0]) / RADIUS_STEP).astype(np.int64)
    # Beyond the sampling limit there is no signal to read; the last radius stands in, and the first below it.
    row = np.clip(row, 0, polar.shape[1] - 1)
    place = np.arange(len(polar))
    heights = []
    for side in (1, -1):
        col = np.rint((direction + side * math.atan2(across, along)) * ANGLES / np.pi).astype(np.int64)
        heights.append(polar[place, row, col % ANGLES])
    return np.mean(heights, axis=0, dtype=np.float64)


def _band(polar: Polar, low: float, high: float, frequencies: npt.NDArray[np.float64]) -> Values:
    """Median over directions of the power between two frequencies, (n,): what lies between the spots."""
    inside = (frequencies >= low) & (frequencies < high)
    if not inside.any():
        inside[-1] = True
    return np.median(polar[:, inside], axis=2).mean(axis=1, dtype=np.float64)


def _foreign(polar: Polar, constant: Values, direction: Values, frequencies: npt.NDArray[np.float64]) -> Values:
    """Logarithm of the highest power that belongs to no spot of the lattice, (n,)."""
    inside = (frequencies >= _FOREIGN_FROM) & (frequencies < _FOREIGN_TO)
    size = frequencies[inside].astype(np.float32)[None, :, None]
    turn = ((np.pi * np.arange(ANGLES) / ANGLES)[None, None, :] - direction[:, None, None]).astype(np.float32)
    scale = constant.astype(np.float32)[:, None, None]
    along, across = size * np.cos(turn) * scale, size * np.sin(turn) * scale / math.sqrt(2)
    m, n = np.rint((along + across) / 2), np.rint((along - across) / 2)
    away = np.hypot(along - m - n, math.sqrt(2) * (across - m + n)) / scale
    return np.where(away > _SPOT_PER_ANGSTROM, polar[:, inside], -np.inf).max(axis=(1, 2)).astype(np.float64)


def joined(parts: Sequence[Fit]) -> Fit:
    """Fits of several groups of windows as one."""
    return Fit(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Fit)})


def cell_area(constant: Values) -> Values:
    """Area of the projected primitive cell, which holds one column, in square Angstrom: a^2 / sqrt(8)."""
    return constant**2 / math.sqrt(8)
