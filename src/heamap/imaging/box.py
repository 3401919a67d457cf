"""The periodic box that a field of view is simulated in: what of the field, how much around it, PRISM's windows."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap import params

RIM_ANGSTROM = 4.0
"""From the outermost atoms to where an image counts as dark."""
LEAST_PIXELS, MULTIPLE = 32, 8
"""Of the part of a field that is simulated."""
LARGEST_PRIME = 7
"""Of PRISM's factors: grids are multiples of them and must be fast to transform."""


@dataclass(frozen=True)
class Part:
    """A square part of a field.

    Attributes
    ----------
    row, col : first pixel
    """

    row: int
    col: int
    pixels: int


def occupied(positions: npt.NDArray[np.floating], base: params.Base) -> Part:
    """The part of a field that a particle and its rim take up.

    Parameters
    ----------
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows
    """
    whole = Part(0, 0, base.pixels)
    if not len(positions):
        return whole
    step, side = base.sampling_angstrom, base.field_angstrom
    low = (positions[:, :2].min(axis=0) - RIM_ANGSTROM).clip(0, side)
    high = (positions[:, :2].max(axis=0) + RIM_ANGSTROM).clip(0, side)
    pixels = max(MULTIPLE * math.ceil((high - low).max() / step / MULTIPLE), LEAST_PIXELS)
    if pixels >= base.pixels:
        return whole
    first = np.rint((low + high) / 2 / step - pixels / 2).astype(int).clip(0, base.pixels - pixels)
    return Part(row=int(first[1]), col=int(first[0]), pixels=pixels)


def margin(positions: npt.NDArray[np.floating], *, field_angstrom: float, reach_angstrom: float) -> float:
    """How far the periodic box goes on beyond the field.

    All atoms within ``reach_angstrom`` of the field lie in the box, and between them and their neighbouring copies lies
    twice that distance at least, unless they go on beyond it.

    Parameters
    ----------
    positions : (n, 3) Angstrom in field coordinates
    """
    across = positions[:, :2]
    near = across[np.all((across > -reach_angstrom) & (across < field_angstrom + reach_angstrom), axis=1)]
    if not len(near):
        return 0.0
    low, high = near.min(axis=0), near.max(axis=0)
    beyond = max(-low.min(), (high - field_angstrom).max()) + 1e-3
    apart = ((high - low).max() + 2 * reach_angstrom - field_angstrom) / 2
    return float(min(max(beyond, apart, 0.0), reach_angstrom))


def interpolation_factor(box_angstrom: float, window_angstrom: float) -> int:
    """The largest PRISM factor that leaves every probe a window of that width, on grids that are fast to transform."""
    factor = max(int(box_angstrom / window_angstrom), 1)
    while largest_prime(factor) > LARGEST_PRIME:
        factor -= 1
    return factor


def largest_prime(number: int) -> int:
    """Largest prime factor of a positive number; 1 for 1."""
    factor = 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            number //= factor
    return number
