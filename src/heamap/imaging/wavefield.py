"""Waves on a periodic square grid: slices that they pass and the space between."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.imaging import atomic
from heamap.imaging.arrays import Arrays
from heamap.imaging.microscope import wavelength_angstrom

WAVE_BAND = 0.8
"""Cut-off of the waves as a share of the Nyquist frequency; the slices have none but the grid's (docs/decisions.md)."""
_TABLE = 8000


class Wavefield:
    """A grid for waves of one energy.

    Parameters
    ----------
    box_angstrom : side of the periodic square box
    points : grid points along a side
    """

    def __init__(self, arrays: Arrays, *, energy_ev: float, box_angstrom: float, points: int) -> None:
        self.arrays = arrays
        self.energy_ev = energy_ev
        self.box_angstrom = box_angstrom
        self.points = points
        self.pixel_angstrom = box_angstrom / points
        self.wavelength_angstrom = wavelength_angstrom(energy_ev)
        self.frequencies = np.fft.fftfreq(points, self.pixel_angstrom)
        inside = np.hypot(self.frequencies[:, None], self.frequencies) <= WAVE_BAND / 2 / self.pixel_angstrom
        self._band = arrays.xp.asarray(inside.astype(np.float32))

    def plane_waves(self, numbers: npt.NDArray[np.integer]) -> Any:
        """exp(2 pi i (x, y) r / box) for each (x, y), (n, points, points) complex64, axes x and y.

        Parameters
        ----------
        numbers : (n, 2)
        """
        xp = self.arrays.xp
        turns = np.arange(self.points) / self.points
        waves = xp.empty((len(numbers), self.points, self.points), dtype=xp.complex64)
        for wave, pair in zip(waves, numbers, strict=True):
            along_x, along_y = (xp.asarray(np.exp(2j * np.pi * number * turns).astype(np.complex64)) for number in pair)
            wave[:] = along_x[:, None] * along_y
        return waves

    def propagator(self, distance_angstrom: float) -> Any:
        """Fresnel's factors exp(-i pi lambda d k^2) within the waves' band, axes of ``fft2``."""
        phase = np.exp(-1j * np.pi * self.wavelength_angstrom * distance_angstrom * self.frequencies**2)
        along = self.arrays.xp.asarray(phase.astype(np.complex64))
        return self._band * (along[:, None] * along)

    def pass_through(self, waves: Any, transmissions: Any, propagator: Any) -> None:
        """Multiply each wave by its transmission function, then propagate it; in place.

        Parameters
        ----------
        waves : (n, points, points) complex64
        transmissions : n of (points, points), or one for all
        """
        arrays = self.arrays
        for index in range(len(waves)):
            wave = waves[index] * (transmissions if transmissions.ndim == 2 else transmissions[index])
            wave = arrays.fft2(wave)
            wave *= propagator
            waves[index] = arrays.ifft2(wave)


class Atoms:
    """Transmission functions of thin slices in which no atom lies behind another: exp(i sum_j h_j) (1 + sum_j c_j).

    Halos h and cores c are those of :func:`heamap.imaging.atomic.halos_and_cores`. Both sums are Fourier sums, so every
    atom lies exactly where it is, and no atom aliases.
    """

    def __init__(self, field: Wavefield, *, average: bool) -> None:
        """
        Parameters
        ----------
        average : of thermally vibrating atoms, the mean over their displacements; else of atoms at rest
        """
        self._field = field
        radius = np.hypot(field.frequencies[:, None], field.frequencies)
        table = np.linspace(0, radius.max(), _TABLE)
        self._factors = [
            [
                field.arrays.xp.asarray(
                    (np.interp(radius, table, value.real) + 1j * np.interp(radius, table, value.imag)).astype(
                        np.complex64
                    )
                )
                for value in part / field.pixel_angstrom**2
            ]
            for part in atomic.halos_and_cores(field.energy_ev, table, average=average)
        ]

    def transmission(self, elements: npt.NDArray[np.integer], positions: npt.NDArray[np.floating]) -> Any:
        """Transmission function of one slice.

        Parameters
        ----------
        elements : (n,) index into ``ELEMENTS``
        positions : (n, 2) x and y in Angstrom, in the box

        Returns
        -------
        (points, points) complex64, axes x and y
        """
        field = self._field
        xp = field.arrays.xp
        halos, cores = (xp.zeros((field.points, field.points), dtype=xp.complex64) for _ in self._factors)
        for element in range(len(ELEMENTS)):
            x, y = positions[elements == element].T
            if len(x):
                phase_x = np.exp(-2j * np.pi * field.frequencies[:, None] * x).astype(np.complex64)
                phase_y = np.exp(-2j * np.pi * y[:, None] * field.frequencies).astype(np.complex64)
                sums = xp.asarray(phase_x) @ xp.asarray(phase_y)
                halos += self._factors[0][element] * sums
                cores += self._factors[1][element] * sums
        phase = field.arrays.ifft2(halos).real
        return (field.arrays.ifft2(cores) + xp.complex64(1)) * xp.exp(xp.complex64(1j) * phase)
