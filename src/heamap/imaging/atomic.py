"""What an atom does to the wave of the beam, in Fourier space, still or vibrating: exp(i sigma v), or its parts."""

from functools import lru_cache
from typing import Any

import abtem
import numpy as np
import numpy.typing as npt
from abtem.core.energy import energy2sigma
from scipy.interpolate import CubicSpline
from scipy.special import j0, k0, k1

from heamap.elements import ELEMENTS, TABLE

RADIUS_ANGSTROM = 8.0
"""Where an atom's potential is taken to end."""
HIGHEST = 24.0
"""Frequency that the tables reach, per Angstrom: the corner of a grid for 200 mrad at 220 kV, and more. Where more is
asked for (300 kV), they reach twice as far, or four times, with as many more points."""
CORE_ANGSTROM = 0.7
"""How far an atom's core reaches. Beyond twice that the phase is the halo's: nearest columns of fcc [110] are 2.2
apart, and no two cores of a slice overlap."""
_RADII = 4000
_TABLE = 480


def amplitudes(energy_ev: float, frequencies: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    """Fourier transforms of exp(i sigma v) - 1 for the elements' projected potentials v (Lobato, from abTEM).

    Parameters
    ----------
    frequencies : (...) per Angstrom

    Returns
    -------
    (elements, ...) in square Angstrom
    """
    return _interpolated(_whole(energy_ev, _reach(frequencies)), frequencies)


def halos_and_cores(
    energy_ev: float, frequencies: npt.NDArray[np.floating], *, average: bool
) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
    """Fourier transforms of the two factors of an atom's transmission function exp(i h) (1 + c).

    The halo h is a smooth phase, the potential's outside the core, and c is 0 beyond the core. Where halos overlap
    their phases add, as those of exp(i sigma v) do; sums of exp(i sigma v) - 1 would add energy there.

    Parameters
    ----------
    frequencies : (...) per Angstrom
    average : factors of the mean over thermal displacements; else of an atom at rest

    Returns
    -------
    of h and of c, (elements, ...) each, in square Angstrom
    """
    halos, cores = _parts(energy_ev, average, _reach(frequencies))
    return _interpolated(halos, frequencies), _interpolated(cores, frequencies)


def _reach(frequencies: npt.NDArray[np.floating]) -> int:
    """How many times ``HIGHEST`` the tables must reach: a power of two."""
    times, highest = 1, float(np.max(frequencies))
    while highest > HIGHEST * times:
        times *= 2
    return times


def _interpolated(spline: CubicSpline, frequencies: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    return np.asarray(np.moveaxis(spline(frequencies), -1, 0))


@lru_cache(maxsize=4)
def _whole(energy_ev: float, reach: int) -> CubicSpline:
    return _spline(np.expm1(1j * _phases(energy_ev, reach)) * _rings(reach), reach)


@lru_cache(maxsize=4)
def _parts(energy_ev: float, average: bool, reach: int) -> tuple[CubicSpline, CubicSpline]:
    radius = _radii(reach)
    phases = _phases(energy_ev, reach)
    halos = phases * np.expm1(-((radius / CORE_ANGSTROM) ** 2)) ** 2
    if average:
        halos, mean = (_averaged(values, reach) for values in (halos, np.expm1(1j * phases)))
        cores = (1 + mean) * np.exp(-1j * halos) - 1
    else:
        cores = np.expm1(1j * (phases - halos))
    return _spline(halos * _rings(reach), reach), _spline(cores * _rings(reach), reach)


def _averaged(values: npt.NDArray[Any], reach: int) -> npt.NDArray[Any]:
    """Radial functions of the elements, averaged over their thermal displacements: there and back."""
    frequencies = _frequencies(reach)
    rings = 2 * np.pi * frequencies * np.gradient(frequencies) * debye_waller(frequencies)
    return np.asarray((((values * _rings(reach)) @ _bessel(reach)) * rings) @ _bessel(reach).T)


def _phases(energy_ev: float, reach: int) -> npt.NDArray[np.float64]:
    """(elements, radii): sigma v in radian."""
    return np.stack([energy2sigma(energy_ev) * projected_potential(symbol, _radii(reach)) for symbol in ELEMENTS])


def _radii(reach: int) -> npt.NDArray[np.float64]:
    # The cube puts the points where the phase turns fastest, at the nucleus.
    number = _RADII * reach
    return np.asarray(RADIUS_ANGSTROM * ((np.arange(number) + 0.5) / number) ** 3)


def _rings(reach: int) -> npt.NDArray[np.float64]:
    """Areas that belong to the radii."""
    radius = _radii(reach)
    return 2 * np.pi * radius * 3 * radius ** (2 / 3) * RADIUS_ANGSTROM ** (1 / 3) / (_RADII * reach)


def _frequencies(reach: int) -> npt.NDArray[np.float64]:
    # Denser at low frequencies, where the transforms fall steeply.
    return np.asarray(HIGHEST * reach * np.linspace(0, 1, _TABLE * reach) ** 2)


@lru_cache(maxsize=1)
def _bessel(reach: int) -> npt.NDArray[np.float64]:
    """(radii, frequencies): J0(2 pi k r)."""
    return np.asarray(j0(2 * np.pi * _radii(reach)[:, None] * _frequencies(reach)))


def _spline(rings: npt.NDArray[Any], reach: int) -> CubicSpline:
    """Hankel transforms 2 pi int f(r) J0(2 pi k r) r dr of functions times the rings' areas.

    Unlike the same functions on a grid they have no aliasing: v is infinite at the nucleus.
    """
    return CubicSpline(_frequencies(reach), (rings @ _bessel(reach)).T)


def projected_potential(symbol: str, radius: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Potential of an atom projected along the beam, in V Angstrom.

    Lobato and Van Dyck, Acta Cryst. A 70 (2014) 636, with abTEM's parameters: sum_i a_i (2 K0(b_i r) / b_i + r K1(b_i
    r)) times 2. abTEM's own function gives the same numbers and is compiled anew in each process, for five seconds.

    Parameters
    ----------
    radius : (n,) Angstrom, above 0
    """
    lobato = abtem.parametrizations.LobatoParametrization()
    a, b = np.asarray(lobato.scaled_parameters(symbol, "projected_potential"), dtype=np.float64)[:, :, None]
    return np.asarray((2 * a * (2 * k0(b * radius) / b + radius * k1(b * radius))).sum(axis=0))


def debye_waller(frequencies: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Mean phase factors of the elements' thermal displacements, exp(-2 pi^2 k^2 u^2).

    Parameters
    ----------
    frequencies : (...) per Angstrom

    Returns
    -------
    (elements, ...)
    """
    displacement = np.array([element.rms_displacement_angstrom for element in TABLE])
    shape = (-1,) + (1,) * np.ndim(frequencies)
    return np.exp(-2 * np.pi**2 * displacement.reshape(shape) ** 2 * np.asarray(frequencies)[None] ** 2)
