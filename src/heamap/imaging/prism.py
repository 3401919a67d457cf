"""abTEM's PRISM on slices of our own: the plane waves and the scattering matrix."""

import abtem
import numpy as np
import numpy.typing as npt
from abtem.prism.s_matrix import SMatrixArray

from heamap.imaging.arrays import arrays
from heamap.imaging.microscope import Microscope, wavelength_angstrom
from heamap.imaging.scan import smooth
from heamap.imaging.wavefield import Atoms, Wavefield

WAVE_BAND = 0.9
"""Cut-off of the waves as a share of the Nyquist frequency; the slices have none but the grid's.

abTEM cuts both at 2/3, which also cuts the scattering between high angles: of two PtNiPdCoFe particles 7 and 9 % of the
signal between 60 and 95 mrad was lost against a grid 1.6 times as fine, with 3-4 % r.m.s. of column-integrated
intensity left after rescaling. With a band of .8 it was .4 and 1.2 %, with this one 0 and .8-.9 % r.m.s."""


def plan(
    microscope: Microscope, *, box_angstrom: float, interpolation: int, oversampling: float = 1.0
) -> abtem.SMatrix:
    """PRISM's grid and plane waves for a periodic square box, without a potential.

    The sampling is wavelength / (3 alpha) for the detector's outer angle alpha, or finer where a finer grid is faster
    to transform; ``oversampling`` makes it finer still.
    """
    pixel_mrad = 1e3 * microscope.wavelength_angstrom / box_angstrom
    points = smooth(3 * oversampling * microscope.detector_outer_mrad / pixel_mrad, multiple_of=interpolation)
    window = smooth(2 * microscope.detector_outer_mrad / (interpolation * pixel_mrad) + 3)
    return abtem.SMatrix(
        semiangle_cutoff=microscope.semiangle_mrad,
        energy=microscope.energy_ev,
        gpts=points,
        extent=box_angstrom,
        interpolation=interpolation,
        # abTEM takes an angle and keeps 2 ceil(angle / pixel) + 1 points: this one makes that the window's.
        downsample=(window * interpolation / 2 - 1.25) * pixel_mrad,
    )


def atoms_at_rest(planned: abtem.SMatrix) -> Atoms:
    """Transmission functions on the grid that a scattering matrix is computed on."""
    field = Wavefield(arrays("cpu"), energy_ev=planned.energy, box_angstrom=planned.extent[0], points=planned.gpts[0])
    return Atoms(field, average=False)


def needed_bytes(planned: abtem.SMatrix, slices: int) -> int:
    """Memory at the peak: the scattering matrix and the slices that it is computed from."""
    numbers = len(planned) * planned.downsampled_gpts[0] ** 2 + slices * planned.gpts[0] ** 2
    return int(numbers * np.dtype(np.complex64).itemsize)


def scattering_matrix(
    transmissions: npt.NDArray[np.complex64],
    planned: abtem.SMatrix,
    *,
    slice_angstrom: float | npt.NDArray[np.floating],
    entrance_angstrom: float = 0.0,
    band: float = WAVE_BAND,
) -> SMatrixArray:
    """PRISM's plane waves, propagated through the slices.

    The numbers are those of ``abtem.SMatrix.build`` (a test compares them). Its loop is replaced: one wave at a time
    stays in the processor's cache, and FFTW picks its algorithms by timing them, which makes the last bits differ from
    run to run.

    Parameters
    ----------
    transmissions : (slices, points, points)
    planned : from :func:`plan`
    slice_angstrom : distance behind every slice, or (slices,) behind each
    entrance_angstrom : distance from the plane that the probe is focused on to the first slice
    band : cut-off of the waves as a share of the Nyquist frequency
    """
    wave_vectors = planned.wave_vectors
    points, kept, box_angstrom = planned.gpts[0], planned.downsampled_gpts[0], planned.extent[0]
    frequency = np.fft.fftfreq(points, box_angstrom / points)
    squared = frequency[:, None] ** 2 + frequency[None, :] ** 2
    beyond = squared > (band * points / box_angstrom / 2) ** 2
    phase_per_angstrom = -1j * np.pi * wavelength_angstrom(planned.energy)
    behind = np.broadcast_to(slice_angstrom, len(transmissions)).tolist()
    propagators = {}
    for distance in set(behind):
        propagators[distance] = np.exp(phase_per_angstrom * distance * squared).astype(np.complex64)
        propagators[distance][beyond] = 0

    low = np.rint(np.fft.fftfreq(kept, 1 / kept)).astype(int)
    coordinate = 2j * np.pi * box_angstrom / points * np.arange(points)
    norm = planned.interpolation[0] ** 2 / points**2
    transforms = arrays("cpu")
    # The beams of one point lie together: so the scan multiplies windows of the matrix where they lie.
    matrix = np.empty((kept, kept, len(wave_vectors)), dtype=np.complex64).transpose(2, 0, 1)
    for index, (kx, ky) in enumerate(wave_vectors):
        arrived = norm * np.exp(phase_per_angstrom * entrance_angstrom * (kx**2 + ky**2))
        wave = (arrived * np.exp(kx * coordinate)[:, None] * np.exp(ky * coordinate)[None, :]).astype(np.complex64)
        for transmission, distance in zip(transmissions[:-1], behind[:-1], strict=True):
            wave *= transmission
            wave = transforms.fft2(wave)
            wave *= propagators[distance]
            wave = transforms.ifft2(wave)
        wave *= transmissions[-1]
        wave = transforms.fft2(wave)
        wave *= propagators[behind[-1]]
        matrix[index] = transforms.ifft2(wave[np.ix_(low, low)])
    return SMatrixArray(
        matrix,
        wave_vectors=wave_vectors,
        semiangle_cutoff=planned.semiangle_cutoff,
        energy=planned.energy,
        interpolation=planned.interpolation,
        extent=box_angstrom,
        window_gpts=planned.window_gpts,
        device="cpu",
        metadata={"adjusted_antialias_cutoff_gpts": planned.window_gpts},
    )
