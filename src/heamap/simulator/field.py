"""The field of view that a structure is seen in."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.errors import InputError
from heamap.simulator.request import Request

Array = npt.NDArray[np.float64]

RIM_ANGSTROM = 4.0
"""Empty rim around a structure that is seen whole: the probe's tails and the columns' own areas lie in it, and what the
aberrations spread comes on top."""

LARGEST_ANGSTROM = 90.0
"""Largest field that is taken without being asked for. At 200 mrad it does not fit in memory; the message says so."""

STANDARD_ANGSTROM = 51.2
"""Field of the paper, for structures too large to be seen whole."""

MAX_PIXELS = 4096

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Field:
    """A square field of view around the middle of a structure.

    Attributes
    ----------
    pixels : side of the image
    origin_angstrom : (3,) in the coordinates of the turned structure: x and y of the first pixel's centre, z of the
        lowest atom
    """

    pixels: int
    sampling_angstrom: float
    origin_angstrom: Array

    @property
    def side_angstrom(self) -> float:
        """Side of the field."""
        return self.pixels * self.sampling_angstrom

    def check_size(self) -> None:
        """Refuse a field of too many pixels.

        Raises
        ------
        InputError
        """
        if self.pixels > MAX_PIXELS:
            raise InputError(
                f"a field of {self.side_angstrom:.4g} Angstrom in steps of {self.sampling_angstrom:g} has "
                f"{self.pixels:.4g} pixels a side; up to {MAX_PIXELS} can be simulated: change --sampling-angstrom or "
                "--field-angstrom"
            )

    def place(self, positions: Array) -> Array:
        """Field coordinates (n, 3): x along columns, y along rows, z along the beam from 0."""
        return positions - self.origin_angstrom

    def base(self, seed: int) -> params.Base:
        """The engines' field, a multiple of 8 pixels wide: this one, and what is to be cut off at its far ends."""
        whole = max(8 * math.ceil(self.pixels / 8), 32)
        return params.Base(seed=seed, pixels=whole, sampling_angstrom=self.sampling_angstrom)


def field_around(positions: Array, request: Request) -> Field:
    """A field that holds all of a structure: of the side asked for, else its extent and a rim around it.

    Parameters
    ----------
    positions : (n, 3) Angstrom, z along the beam

    Raises
    ------
    InputError : the structure is wider than from the first pixel to the last of the side asked for, or the side is less
        than a pixel
    """
    across, down = np.ptp(positions[:, :2], axis=0)
    extent, side = float(max(across, down)), request.field_angstrom
    if side is not None and extent > max(side - request.sampling_angstrom, 0.0) + _ROUNDING:
        raise InputError(
            f"the structure does not fit its box: {across:.1f} x {down:.1f} Angstrom as seen along the beam are "
            f"{extent - side + request.sampling_angstrom:.1f} Angstrom more than --field-angstrom {side:g} holds from "
            "its first pixel to its last; give a larger field, or none"
        )
    return _field(positions, side or extent + 2 * (RIM_ANGSTROM + request.spread_angstrom), request)


def middle_field(positions: Array, request: Request) -> Field:
    """The middle ``STANDARD_ANGSTROM`` of a structure, however large it is."""
    return _field(positions, STANDARD_ANGSTROM, request)


def _field(positions: Array, side_angstrom: float, request: Request) -> Field:
    step = request.sampling_angstrom
    if side_angstrom < step:
        raise InputError(
            f"a field of {side_angstrom:.4g} Angstrom is less than a pixel of {step:g}: change --sampling-angstrom or "
            "--field-angstrom"
        )
    # A whole number of steps stays what it is although 51.2 / .2 is a little more than 256 in binary.
    pixels = math.ceil(side_angstrom / step - 1e-6)
    low, high = positions.min(axis=0), positions.max(axis=0)
    # Pixels are points: the first and the last stand as far from the middle.
    corner = (low + high) / 2 - (pixels - 1) * step / 2
    return Field(pixels, step, np.array([corner[0], corner[1], low[2]]))
