"""Transmission functions of thin slices, every atom exactly where it is."""

from typing import Any

import abtem
import numpy as np
import numpy.typing as npt
import scipy.fft
from abtem.core.backend import get_array_module, get_scipy_module
from abtem.core.energy import energy2sigma

from heamap.elements import ELEMENTS

BAND_PER_ANGSTROM = 25.6
"""Frequencies the potential has. The bright core of a heavy atom needs many more than its waves: of one Pt atom
between 60 and 100 mrad a band of 6.4 gives 29 % too much, 12.8 gives 6 %, this one .9 % too little."""
EXPONENT_SAMPLING_ANGSTROM = 0.0173
"""Sampling on which exp(i sigma V) is formed: 1.13 times as fine as the band needs. On a coarser one its aliases change
an atom's brightness with its place between the points: one Pt atom's by 1 % at .0195, by .2 to .6 % here."""
ATOMS_AT_ONCE = 1024


def structure_factors(positions: Any, extent_angstrom: tuple[float, float], modes: tuple[int, int]) -> Any:
    """sum_j exp(-2 pi i k r_j), a non-uniform Fourier transform done as one matrix product.

    It is exact, and faster than finufft with less than some thousand atoms (docs/decisions.md). NumPy or CuPy.

    Parameters
    ----------
    positions : (n, 2) x and y in Angstrom
    modes : frequencies along x and y

    Returns
    -------
    (x modes, y modes // 2 + 1) complex64, frequencies of ``rfft2``
    """
    xp = get_array_module(positions)
    frequency_x = xp.fft.fftfreq(modes[0], extent_angstrom[0] / modes[0])
    frequency_y = xp.fft.rfftfreq(modes[1], extent_angstrom[1] / modes[1])
    result = xp.zeros((len(frequency_x), len(frequency_y)), dtype=xp.complex64)
    for start in range(0, len(positions), ATOMS_AT_ONCE):
        x, y = positions[start : start + ATOMS_AT_ONCE].T
        phase_x = xp.exp(-2j * np.pi * frequency_x[:, None] * x).astype(xp.complex64)
        phase_y = xp.exp(-2j * np.pi * y[:, None] * frequency_y).astype(xp.complex64)
        result += phase_x @ phase_y
    return result


def scattering_factors(box_angstrom: float) -> npt.NDArray[np.float32]:
    """Fourier transforms of the elements' projected potentials: Lobato's parametrization, from abTEM.

    Nothing is left beyond ``BAND_PER_ANGSTROM`` in any direction: a circular band has no axes of its own.

    Returns
    -------
    (elements, n, n) in V Angstrom^3, frequencies 0, 1, ... n - 1 over the box
    """
    frequency = np.arange(int(BAND_PER_ANGSTROM * box_angstrom) + 1, dtype=np.float32) / np.float32(box_angstrom)
    squared = frequency[:, None] ** 2 + frequency**2
    lobato = abtem.parametrizations.LobatoParametrization()
    factors = np.stack([lobato.projected_scattering_factor(symbol)(squared) for symbol in ELEMENTS])
    factors[:, squared > BAND_PER_ANGSTROM**2] = 0
    return factors.astype(np.float32)


def potential_coefficients(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    factors: npt.NDArray[np.float32],
    *,
    box_angstrom: float,
) -> npt.NDArray[np.complex64]:
    """Fourier coefficients of one slice's projected potential: V(r) = sum_k c(k) exp(2 pi i k r).

    abTEM's own ``projection="infinite"`` spreads atoms bilinearly over the grid, which costs an atom half-way between
    two points up to 43 % of its amplitude at 4 per Angstrom.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 2) x and y in Angstrom; the box is periodic
    factors : from :func:`scattering_factors` of the same box

    Returns
    -------
    (modes, modes // 2 + 1) in V Angstrom, axes x and y, frequencies of ``rfft2``
    """
    count = factors.shape[1]
    modes = 2 * count - 1
    mirrored = np.abs(np.rint(np.fft.fftfreq(modes, 1 / modes)).astype(int))
    coefficients = np.zeros((modes, count), dtype=np.complex64)
    for element in np.unique(elements):
        sums = structure_factors(positions[elements == element], (box_angstrom, box_angstrom), (modes, modes))
        sums *= factors[element][mirrored]
        coefficients += sums
    coefficients /= np.float32(box_angstrom**2)
    return coefficients


def exponentiate(coefficients: Any, *, energy_ev: float, fine: tuple[int, int], points: tuple[int, int]) -> Any:
    """exp(i sigma V), formed on a fine grid and low-passed to the grid of the waves. NumPy or CuPy.

    Parameters
    ----------
    coefficients : (..., x modes, y modes // 2 + 1) of V, frequencies of ``rfft2``, none at Nyquist
    fine : points along x and y on which the exponential is formed
    points : points along x and y on the grid of the waves

    Returns
    -------
    (..., x points, y points) complex64
    """
    xp, fft = get_array_module(coefficients), get_scipy_module(coefficients).fft
    above = coefficients.shape[-2] // 2
    padded = xp.zeros((*coefficients.shape[:-2], fine[0], fine[1] // 2 + 1), dtype=xp.complex64)
    padded[..., : above + 1, : coefficients.shape[-1]] = coefficients[..., : above + 1, :]
    padded[..., fine[0] - above :, : coefficients.shape[-1]] = coefficients[..., coefficients.shape[-2] - above :, :]
    phase = fft.irfft2(padded, s=fine, norm="forward")
    phase *= np.float32(energy2sigma(energy_ev))
    wave = xp.empty(phase.shape, dtype=xp.complex64)
    xp.cos(phase, out=wave.real)
    xp.sin(phase, out=wave.imag)
    for axis, count in ((-1, points[1]), (-2, points[0])):
        kept = xp.rint(xp.fft.fftfreq(count, 1 / count)).astype(int)
        wave = xp.take(fft.fft(wave, axis=axis, norm="forward"), kept, axis=axis)
    return fft.ifft2(wave, norm="forward")


def transmission_functions(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    slices: npt.NDArray[np.integer],
    factors: npt.NDArray[np.float32],
    *,
    energy_ev: float,
    box_angstrom: float,
    points: int,
) -> npt.NDArray[np.complex64]:
    """exp(i sigma V) of every slice up to the last that holds an atom, with all frequencies the grid of waves holds.

    Parameters
    ----------
    elements, positions : (n,) index into ``ELEMENTS`` and (n, 2) x and y in Angstrom
    slices : (n,) slice of each atom, 0 or more
    factors : from :func:`scattering_factors` of the same box
    points : points along the box on the grid of the waves

    Returns
    -------
    (slices, points, points), axes x and y
    """
    fine = scipy.fft.next_fast_len(max(points, int(np.ceil(box_angstrom / EXPONENT_SAMPLING_ANGSTROM))))
    functions = np.empty((int(slices.max()) + 1, points, points), dtype=np.complex64)
    for index in range(len(functions)):
        members = slices == index
        coefficients = potential_coefficients(elements[members], positions[members], factors, box_angstrom=box_angstrom)
        functions[index] = exponentiate(coefficients, energy_ev=energy_ev, fine=(fine, fine), points=(points, points))
    return functions
