"""What one atom does to the beam's wave: exp(i sigma v) - 1, in Fourier space and still or vibrating."""

from functools import lru_cache

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
"""Highest tabulated frequency, per Angstrom: the corner of a grid for 250 mrad at 300 kV."""
_RADII = 4000
_TABLE = 480
_CHUNK = 60


def amplitudes(energy_ev: float, frequencies: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    """Fourier transforms of exp(i sigma v) - 1 for the elements' projected potentials v (Lobato, from abTEM).

    Parameters
    ----------
    frequencies : (...) per Angstrom, 0 to ``HIGHEST``

    Returns
    -------
    (elements, ...) in square Angstrom

    Raises
    ------
    ValueError : a frequency above ``HIGHEST``
    """
    if np.max(frequencies) > HIGHEST:
        raise ValueError(f"frequency {np.max(frequencies)} per Angstrom is above {HIGHEST}")
    return np.asarray(np.moveaxis(_spline(energy_ev)(frequencies), -1, 0))


@lru_cache(maxsize=4)
def _spline(energy_ev: float) -> CubicSpline:
    """The Hankel transforms 2 pi int (exp(i sigma v(r)) - 1) J0(2 pi k r) r dr.

    Unlike the same function on a grid they have no aliasing: v is infinite at the nucleus.
    """
    # The cube puts the points where the phase turns fastest, at the nucleus.
    share = (np.arange(_RADII) + 0.5) / _RADII
    radius = RADIUS_ANGSTROM * share**3
    area = 2 * np.pi * radius * 3 * RADIUS_ANGSTROM * share**2 / _RADII
    sigma = energy2sigma(energy_ev)
    rings = np.stack([area * np.expm1(1j * sigma * projected_potential(symbol, radius)) for symbol in ELEMENTS])
    # Denser at low frequencies, where the transforms fall steeply.
    frequencies = HIGHEST * np.linspace(0, 1, _TABLE) ** 2
    values = [
        rings @ j0(2 * np.pi * radius[:, None] * some) for some in np.split(frequencies, range(_CHUNK, _TABLE, _CHUNK))
    ]
    return CubicSpline(frequencies, np.concatenate(values, axis=1).T)


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
