"""What the user asks of one simulation, checked before anything is computed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap.imaging.arrays import Device
from heamap.imaging.microscope import Microscope
from heamap.params import EngineName

ENERGY_KEV = (20.0, 1000.0)
"""Beyond these an energy is a wrong unit."""

SAMPLING_ANGSTROM = (0.01, 1.0)
"""A finer pixel size is a wrong unit, a coarser one shows no columns."""

USUAL_BLUR_ANGSTROM = 1.0
"""That of corrected microscopes, which rims and windows hold (10 Angstrom of defocus, 5 micrometres of spherical
aberration, 20 mrad)."""

_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True)
class Request:
    """Options of ``heamap simulate``; None leaves the choice to heamap.

    Attributes
    ----------
    detector_mrad : inner and outer collection angle
    astigmatism_angle_degree : from x to y
    configurations : phonon configurations of the reference engine
    waves : outgoing waves of the thermal engine
    device : that the thermal engine runs on
    margin_angstrom : atoms this far outside the field count too
    window_angstrom : least width of PRISM's window
    axis : ``auto``, ``x``, ``y``, ``z``, or three numbers with commas between
    """

    engine: EngineName
    energy_kev: float
    semiangle_mrad: float
    detector_mrad: tuple[float, float]
    defocus_angstrom: float
    spherical_aberration_angstrom: float
    astigmatism_angstrom: float
    astigmatism_angle_degree: float
    sampling_angstrom: float
    field_angstrom: float | None
    margin_angstrom: float | None
    slice_angstrom: float | None
    configurations: int | None
    waves: int | None
    device: Device | None
    window_angstrom: float | None
    seed: int
    axis: str

    def __post_init__(self) -> None:
        for name in ("semiangle_mrad", "field_angstrom", "slice_angstrom", "window_angstrom"):
            self._check(name, "a positive number", lambda value: value > 0)
        for name in ("margin_angstrom", "astigmatism_angstrom"):
            self._check(name, "a number from 0 up", lambda value: value >= 0)
        for name in ("defocus_angstrom", "spherical_aberration_angstrom", "astigmatism_angle_degree"):
            self._check(name, "a number", math.isfinite)
        self._check("waves", "an even number from 2 up", lambda value: value >= 2 and value % 2 == 0)
        self._check("configurations", "1 or more", lambda value: value >= 1)
        self._check("seed", "0 or more", lambda value: value >= 0)
        self._check("energy_kev", "between {:g} and {:g}".format(*ENERGY_KEV), _within(ENERGY_KEV))
        self._check("sampling_angstrom", "between {:g} and {:g}".format(*SAMPLING_ANGSTROM), _within(SAMPLING_ANGSTROM))
        inner, outer = self.detector_mrad
        if not (math.isfinite(outer) and self.semiangle_mrad < inner < outer):
            raise InputError(
                f"--detector-mrad needs inner < outer, and a dark field an inner angle above --semiangle-mrad "
                f"{self.semiangle_mrad:g}, got {inner:g} {outer:g}"
            )
        for name, owner in (("configurations", "reference"), ("waves", "thermal"), ("device", "thermal")):
            if getattr(self, name) is not None and self.engine != owner:
                raise InputError(f"--{name} belongs to --engine {owner}, got --engine {self.engine}; leave it out")
        self.direction()

    def _check(self, name: str, wanted: str, fits: Callable[[float], bool]) -> None:
        value = getattr(self, name)
        if value is not None and not (math.isfinite(value) and fits(value)):
            raise InputError(f"--{name.replace('_', '-')} must be {wanted}, got {value:g}")

    @property
    def microscope(self) -> Microscope:
        """The microscope in the engines' units."""
        return Microscope(
            energy_ev=1e3 * self.energy_kev,
            semiangle_mrad=self.semiangle_mrad,
            defocus_angstrom=self.defocus_angstrom,
            spherical_aberration_angstrom=self.spherical_aberration_angstrom,
            astigmatism_angstrom=self.astigmatism_angstrom,
            astigmatism_angle_radian=math.radians(self.astigmatism_angle_degree),
            detector_inner_mrad=self.detector_mrad[0],
            detector_outer_mrad=self.detector_mrad[1],
        )

    @property
    def spread_angstrom(self) -> float:
        """How much further than ``USUAL_BLUR_ANGSTROM`` the aberrations carry the outermost rays of the probe.

        By the slope of their phase (Kirkland, Advanced Computing in Electron Microscopy, 2010, eq. 2.21) at the edge of
        the aperture.
        """
        angle = self.semiangle_mrad / 1e3
        first = (abs(self.defocus_angstrom) + self.astigmatism_angstrom) * angle
        return max(first + abs(self.spherical_aberration_angstrom) * angle**3 - USUAL_BLUR_ANGSTROM, 0.0)

    def direction(self) -> npt.NDArray[np.float64] | Literal["auto"]:
        """The direction that is to lie along the beam.

        Raises
        ------
        InputError : ``axis`` is none
        """
        if self.axis == "auto":
            return "auto"
        try:
            vector = np.array(_AXES.get(self.axis) or [float(part) for part in self.axis.split(",")])
        except ValueError:
            vector = np.zeros(0)
        if vector.shape != (3,) or not np.isfinite(vector).all() or not vector.any():
            raise InputError(f"--axis must be auto, x, y, z or a vector such as 1,1,0, got {self.axis!r}")
        return vector


def _within(limits: tuple[float, float]) -> Callable[[float], bool]:
    return lambda value: limits[0] <= value <= limits[1]
