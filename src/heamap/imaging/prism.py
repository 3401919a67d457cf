"""abTEM's PRISM on slices of our own: the plane waves, the scattering matrix, the scan."""

import abtem
import numpy as np
import numpy.typing as npt
import scipy.fft
from abtem.prism.s_matrix import SMatrixArray

from heamap.imaging.microscope import Microscope, wavelength_angstrom
from heamap.imaging.scan import positions_along, smooth

WAVE_BAND = 0.8
"""Cut-off of the waves as a share of the Nyquist frequency; the slices have none but the grid's.

abTEM cuts both at 2/3, which also cuts the scattering between high angles: one 38 Angstrom PtNiPdCoFe particle lost
30 % of its signal between 60 and 95 mrad, with 17 % r.m.s. left after rescaling, against a grid twice as fine.
With this band it lost 3 %, with 3 % r.m.s. left."""

# Positions of a square this wide share one crop of the scattering matrix; 4 cost 2.7 times as much a position. Of wide
# windows fewer, for their crops and patterns take memory.
SCAN_BLOCK, SCAN_BLOCK_POINTS, CROP_PER_WINDOW = 16, 1280, 1.2
SUBPIXELS = 16
"""Along a side of a pixel, for the share of it that the detector covers."""


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


def needed_bytes(planned: abtem.SMatrix, slices: int) -> int:
    """Memory at the peak: the scattering matrix and the slices that it is computed from, or the crops it is cut into.

    A crop is a window and a block of positions wide, and the reduction holds it twice.
    """
    matrix = len(planned) * planned.downsampled_gpts[0] ** 2
    crops = 2 * len(planned) * (CROP_PER_WINDOW * planned.window_gpts[0]) ** 2
    return int((matrix + max(slices * planned.gpts[0] ** 2, crops)) * np.dtype(np.complex64).itemsize)


def scattering_matrix(
    transmissions: npt.NDArray[np.complex64],
    planned: abtem.SMatrix,
    *,
    slice_angstrom: float,
    band: float = WAVE_BAND,
) -> SMatrixArray:
    """PRISM's plane waves, propagated through the slices.

    The numbers are those of ``abtem.SMatrix.build`` (a test compares them). Its loop is replaced: one wave at a time
    stays in the processor's cache, which is more than twice as fast, and FFTW picks its algorithms by timing them,
    which makes the last bits differ from run to run.

    Parameters
    ----------
    transmissions : (slices, points, points)
    planned : from :func:`plan`
    band : cut-off of the waves as a share of the Nyquist frequency
    """
    wave_vectors = planned.wave_vectors
    points, kept, box_angstrom = planned.gpts[0], planned.downsampled_gpts[0], planned.extent[0]
    frequency = np.fft.fftfreq(points, box_angstrom / points)
    squared = frequency[:, None] ** 2 + frequency[None, :] ** 2
    phase = np.pi * wavelength_angstrom(planned.energy) * slice_angstrom * squared
    propagator = np.exp(-1j * phase).astype(np.complex64)
    propagator[squared > (band * points / box_angstrom / 2) ** 2] = 0

    low = np.rint(np.fft.fftfreq(kept, 1 / kept)).astype(int)
    coordinate = 2j * np.pi * box_angstrom / points * np.arange(points)
    norm = planned.interpolation[0] ** 2 / points**2
    matrix = np.empty((len(wave_vectors), kept, kept), dtype=np.complex64)
    for index, (kx, ky) in enumerate(wave_vectors):
        wave = (norm * np.exp(kx * coordinate)[:, None] * np.exp(ky * coordinate)[None, :]).astype(np.complex64)
        for transmission in transmissions[:-1]:
            wave *= transmission
            wave = scipy.fft.fft2(wave, overwrite_x=True, workers=1)
            wave *= propagator
            wave = scipy.fft.ifft2(wave, overwrite_x=True, workers=1)
        wave *= transmissions[-1]
        wave = scipy.fft.fft2(wave, overwrite_x=True, workers=1)
        wave *= propagator
        matrix[index] = scipy.fft.ifft2(wave[np.ix_(low, low)], workers=1)
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


def scan_box(matrix: SMatrixArray, microscope: Microscope) -> npt.NDArray[np.float64]:
    """Detected fraction of the beam over the whole periodic box, at Nyquist or just finer.

    Returns
    -------
    (positions, positions) axes x and y, from 0 in equal steps
    """
    box = matrix.extent[0]
    count = positions_along(box, microscope)
    step = box / count
    ctf = abtem.CTF(
        energy=microscope.energy_ev,
        semiangle_cutoff=microscope.semiangle_mrad,
        defocus=microscope.defocus_angstrom,
        C30=microscope.spherical_aberration_angstrom,
        C12=microscope.astigmatism_angstrom,
        phi12=microscope.astigmatism_angle_radian,
    )
    weights = detector_weights(
        matrix.window_gpts[0],
        1e3 * microscope.wavelength_angstrom / matrix.window_extent[0],
        (microscope.detector_inner_mrad, microscope.detector_outer_mrad),
    )
    detector = abtem.PixelatedDetector(max_angle="full")
    side = max(1, min(SCAN_BLOCK, SCAN_BLOCK_POINTS // matrix.window_gpts[0]))
    image = np.empty((count, count))
    # FFTW's estimated plans are the same in every process; measured ones depend on timing.
    with abtem.config.set({"fftw.planning_effort": "FFTW_ESTIMATE", "fftw.threads": 1}):
        for x in range(0, count, side):
            for y in range(0, count, side):
                shape = (min(side, count - x), min(side, count - y))
                block = abtem.GridScan(
                    start=(x * step, y * step),
                    end=((x + shape[0]) * step, (y + shape[1]) * step),
                    gpts=shape,
                    endpoint=False,
                )
                patterns = matrix.reduce(scan=block, ctf=ctf, detectors=detector).array
                image[x : x + shape[0], y : y + shape[1]] = np.tensordot(patterns, weights, axes=2)
    return image


def detector_weights(points: int, pixel_mrad: float, angles_mrad: tuple[float, float]) -> npt.NDArray[np.float32]:
    """The share of each pixel of a diffraction pattern that an annular detector covers.

    abTEM's ``AnnularDetector`` takes or leaves whole pixels, and those of PRISM's windows are 2 to 4 mrad wide: the
    cross-section of one Fe atom into 60-95 mrad came out between .970 and 1.037 of its own in windows of 5 to 8
    Angstrom, and between .999 and 1.002 with these weights.

    Parameters
    ----------
    points : pixels along a side, the direct beam at ``points // 2``

    Returns
    -------
    (points, points)
    """
    axis = np.arange(points) - points // 2
    angle = pixel_mrad * np.hypot(axis[:, None], axis)
    weights = ((angle >= angles_mrad[0]) & (angle < angles_mrad[1])).astype(np.float32)
    row, col = np.nonzero(np.abs(angle[..., None] - np.array(angles_mrad)).min(axis=-1) < pixel_mrad)
    within = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    parts = pixel_mrad * np.hypot(axis[row, None, None] + within[:, None], axis[col, None, None] + within)
    weights[row, col] = ((parts >= angles_mrad[0]) & (parts < angles_mrad[1])).mean(axis=(1, 2))
    return weights
