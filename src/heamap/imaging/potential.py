"""Transmission functions of thin slices, every atom exactly where it is."""

import abtem
import numpy as np
import numpy.typing as npt
import scipy.fft
from abtem.core.energy import energy2sigma

from heamap.elements import ELEMENTS

OVERSAMPLING = 2
"""Fineness of the potential's grid against that of the waves. On their own grid exp(i sigma V) of a heavy atom aliases,
by an amount that depends on where the atom lies between the points."""


def slice_indices(z_angstrom: npt.NDArray[np.floating], thickness_angstrom: float) -> npt.NDArray[np.intp]:
    """The slice that each atom lies in, counted from the lowest atom.

    The first slice begins a quarter of its thickness below the lowest atom, so that slices of two layers do not
    cut through a layer that is rough by less than half the layers' distance. Every atom lies in one slice.

    Parameters
    ----------
    z_angstrom : (n,) positions along the beam
    """
    entrance = z_angstrom.min() - thickness_angstrom / 4
    return np.floor((z_angstrom - entrance) / thickness_angstrom).astype(np.intp)


def scattering_factors(box_angstrom: float, points: int) -> npt.NDArray[np.float32]:
    """Fourier transforms of the elements' projected potentials: Lobato's parametrization, from abTEM.

    Returns
    -------
    (elements, points, points // 2 + 1) in V Angstrom^3, frequencies of ``rfft2``
    """
    frequency_x = np.fft.fftfreq(points, box_angstrom / points)
    frequency_y = np.fft.rfftfreq(points, box_angstrom / points)
    squared = frequency_x[:, None] ** 2 + frequency_y[None, :] ** 2
    lobato = abtem.parametrizations.LobatoParametrization()
    return np.stack([lobato.projected_scattering_factor(symbol)(squared).astype(np.float32) for symbol in ELEMENTS])


def projected_potential(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    factors: npt.NDArray[np.float32],
    *,
    box_angstrom: float,
) -> npt.NDArray[np.float32]:
    """Potential of one slice projected along the beam, on a periodic square grid.

    A Fourier sum, V(k) = sum_e f_e(k) sum_j exp(-2 pi i k r_j). abTEM's own ``projection="infinite"`` spreads atoms
    bilinearly over the grid, which costs an atom half-way between two points up to 43 % of its amplitude at
    4 per Angstrom.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 2) x and y in Angstrom
    factors : from :func:`scattering_factors` of the same box

    Returns
    -------
    (points, points) in V Angstrom, axes x and y
    """
    points = factors.shape[1]
    frequency_x = np.fft.fftfreq(points, box_angstrom / points)
    frequency_y = np.fft.rfftfreq(points, box_angstrom / points)
    spectrum = np.zeros(factors.shape[1:], dtype=np.complex64)
    for element in np.unique(elements):
        x, y = positions[elements == element].T
        phase_x = np.exp(-2j * np.pi * frequency_x[:, None] * x).astype(np.complex64)
        phase_y = np.exp(-2j * np.pi * y[:, None] * frequency_y).astype(np.complex64)
        spectrum += factors[element] * (phase_x @ phase_y)
    spectrum *= np.float32((points / box_angstrom) ** 2)
    return np.asarray(scipy.fft.irfft2(spectrum, s=(points, points), workers=1), dtype=np.float32)


def transmission_functions(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    slices: npt.NDArray[np.integer],
    *,
    energy_ev: float,
    box_angstrom: float,
    points: int,
    oversampling: int = OVERSAMPLING,
) -> npt.NDArray[np.complex64]:
    """exp(i sigma V) of every slice up to the last that holds an atom, with all frequencies the grid of waves holds.

    Parameters
    ----------
    elements, positions : (n,) index into ``ELEMENTS`` and (n, 2) x and y in Angstrom
    slices : (n,) slice of each atom, 0 or more
    points : points along the box on the grid of the waves

    Returns
    -------
    (slices, points, points), axes x and y
    """
    factors = scattering_factors(box_angstrom, points * oversampling)
    interaction = np.complex64(1j * energy2sigma(energy_ev))
    kept = np.rint(np.fft.fftfreq(points, 1 / points)).astype(int)
    functions = np.empty((int(slices.max()) + 1, points, points), dtype=np.complex64)
    for index in range(len(functions)):
        members = slices == index
        potential = projected_potential(elements[members], positions[members], factors, box_angstrom=box_angstrom)
        spectrum = scipy.fft.fft2(np.exp(interaction * potential), overwrite_x=True, workers=1)
        functions[index] = scipy.fft.ifft2(spectrum[np.ix_(kept, kept)], workers=1) / oversampling**2
    return functions
