"""Waves on a periodic square grid: slices that they pass and the space between."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.imaging import atomic
from heamap.imaging.arrays import Arrays
from heamap.imaging.microscope import wavelength_angstrom

WAVE_BAND = 0.9
"""Cut-off of the waves as a share of the Nyquist frequency; the slices have none but the grid's (docs/decisions.md)."""
HALO_BAND = 5.0
"""Highest frequency of halos along an axis, per Angstrom: beyond it their transforms are below 2e-5 of the lowest."""
_TABLE = 8000
_STRIDE = 32


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
            place = waves[index]
            place *= transmissions if transmissions.ndim == 2 else transmissions[index]
            wave = arrays.fft2(place)
            wave *= propagator
            wave = arrays.ifft2(wave)
            if wave is not place:
                place[:] = wave


class Atoms:
    """Transmission functions of thin slices in which no atom lies behind another: exp(i sum_j h_j) (1 + sum_j c_j).

    Halos h and cores c are those of :func:`heamap.imaging.atomic.halos_and_cores`. Both sums are Fourier sums, so every
    atom lies exactly where it is, and no atom aliases. Halos and both parts of the cores are real: half of their
    spectrum is summed.
    """

    def __init__(self, field: Wavefield, *, average: bool) -> None:
        """
        Parameters
        ----------
        average : of thermally vibrating atoms, the mean over their displacements; else of atoms at rest
        """
        self._field = field
        halos, cores = atomic.halos_and_cores(field.energy_ev, self._table(), average=average)
        self._halos, self._real, self._imag = (self._factors(values) for values in (halos.real, cores.real, cores.imag))
        # Halos end at a low frequency: the rows of positive and of negative ones, and the first columns.
        low = int(np.count_nonzero(self._along_y() < HALO_BAND))
        rows = [slice(0, low), slice(field.points - low + 1, None)] if 2 * low <= field.points else [slice(None)]
        self._low = [(some, slice(0, low)) for some in rows]

    def _along_y(self) -> npt.NDArray[np.float64]:
        return np.asarray(np.fft.rfftfreq(self._field.points, self._field.pixel_angstrom))

    def _table(self) -> npt.NDArray[np.float64]:
        return np.linspace(0, np.sqrt(2) * np.abs(self._field.frequencies).max(), _TABLE)

    def _factors(self, values: npt.NDArray[np.float64]) -> list[Any]:
        """Each element's transform on half of the grid's frequencies, from its values along the table."""
        radius = np.hypot(self._field.frequencies[:, None], self._along_y())
        return [
            self._field.arrays.xp.asarray(np.interp(radius, self._table(), value).astype(np.float32))
            for value in values / self._field.pixel_angstrom**2
        ]

    def _phases(self, along: npt.NDArray[np.floating]) -> npt.NDArray[np.complex64]:
        """exp(-2 pi i k x) of every atom for the frequencies k of ``rfft``: (points // 2 + 1, n).

        As products of two short lists of exponentials, which are dear.
        """
        number = self._field.points // 2 + 1
        turn = -2j * np.pi / self._field.box_angstrom * along
        coarse = np.exp(np.arange(0, number, _STRIDE)[:, None] * turn)
        fine = np.exp(np.arange(_STRIDE)[:, None] * turn)
        every = (coarse[:, None] * fine).reshape(-1, len(along))
        return every[:number].astype(np.complex64)

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
        half = field.points // 2
        halos, real, imag = xp.zeros((3, field.points, half + 1), dtype=xp.complex64)
        for element in range(len(ELEMENTS)):
            x, y = positions[elements == element].T
            if len(x):
                positive = self._phases(x)
                phase_x = np.concatenate([positive[: field.points - half], positive[half:0:-1].conj()])
                sums = xp.asarray(phase_x) @ xp.asarray(self._phases(y).T)
                for low in self._low:
                    halos[low] += self._halos[element][low] * sums[low]
                real += self._real[element] * sums
                sums *= self._imag[element]
                imag += sums
        phase, real, imag = (field.arrays.irfft2(part, field.points) for part in (halos, real, imag))
        real += 1
        cosine, sine = xp.cos(phase), xp.sin(phase)
        result = xp.empty((field.points, field.points), dtype=xp.complex64)
        result.real = real * cosine - imag * sine
        result.imag = real * sine + imag * cosine
        return result

    def transmissions(
        self,
        elements: npt.NDArray[np.integer],
        positions: npt.NDArray[np.floating],
        slices: npt.NDArray[np.integer],
    ) -> Any:
        """Transmission functions of every slice up to the last that holds an atom.

        Parameters
        ----------
        elements, positions : (n,) index into ``ELEMENTS`` and (n, 2) x and y in Angstrom, in the box
        slices : (n,) slice of each atom, 0 or more

        Returns
        -------
        (slices, points, points) complex64, axes x and y
        """
        points = self._field.points
        functions = self._field.arrays.xp.empty((int(slices.max()) + 1, points, points), dtype=np.complex64)
        for index in range(len(functions)):
            members = slices == index
            functions[index] = self.transmission(elements[members], positions[members])
        return functions
