"""The reference engine: abTEM's PRISM with frozen phonons."""

from dataclasses import dataclass
from importlib.metadata import version

import abtem
import numpy as np
import numpy.typing as npt
import scipy.fft
from abtem.prism.s_matrix import SMatrixArray

from heamap import params
from heamap.elements import TABLE
from heamap.errors import InputError
from heamap.imaging.blur import gaussian_blur
from heamap.imaging.microscope import Microscope, wavelength_angstrom
from heamap.imaging.potential import slice_indices, transmission_functions
from heamap.seeds import Stream, generator

ENGINE = f"abtem-{version('abtem')}-prism-1"
"""Name and version of the engine; another version makes stored images stale."""

WAVE_BAND = 0.8
"""Cut-off of the waves as a share of the Nyquist frequency; the potential has none but the grid's.

abTEM cuts both at 2/3, which also cuts the scattering between high angles: one 38 Angstrom PtNiPdCoFe particle lost
30 % of its signal between 60 and 95 mrad, with 17 % r.m.s. left after rescaling, against a grid twice as fine.
With this band it lost 3 %, with 3 % r.m.s. left."""

MAX_MATRIX_BYTES = 2_000_000_000
COLUMN_SIGMA_ANGSTROM = 0.57
"""Gaussian window that stands for the area of a column: a quarter of the distance of neighbours, .612 a."""

# Positions of a square this wide share one crop of the scattering matrix; 4 cost 2.7 times as much a position.
SCAN_BLOCK = 16


@dataclass(frozen=True)
class Simulated:
    """A clean image.

    Attributes
    ----------
    image : (rows, cols) float32, fractions of the incident beam
    potential_sampling_angstrom : sampling of potential and waves
    relative_error : root-mean-square standard error of column-integrated intensity over its root mean square,
        estimated from the spread of the configurations; NaN for a single one
    """

    image: npt.NDArray[np.float32]
    potential_sampling_angstrom: float
    relative_error: float


def simulate(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    microscope: Microscope,
    *,
    base: params.Base,
    settings: params.Simulate,
    sample: int,
) -> Simulated:
    """Simulate the HAADF image of a particle in a field of view.

    The atoms are cropped laterally to the field and ``settings.margin_angstrom`` around it; that box is periodic.
    The whole box is scanned at Nyquist and the field read off by Fourier interpolation, which is exact only there.
    The microscope's aberrations refer to the lowest atom of the whole particle.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows, z along the beam
    sample : decides the frozen phonons, with ``base.seed``

    Raises
    ------
    InputError : the scattering matrix would not fit in memory
    """
    box = base.field_angstrom + 2 * settings.margin_angstrom
    planned = plan(microscope, box_angstrom=box, interpolation=settings.interpolation)
    points = planned.gpts[0]
    inside = np.all(np.abs(positions[:, :2] - base.field_angstrom / 2) < box / 2, axis=1)
    if not inside.any():
        empty = np.zeros((base.pixels, base.pixels), dtype=np.float32)
        return Simulated(empty, box / points, float("nan"))
    slices = slice_indices(positions[:, 2], settings.slice_angstrom)
    amplitude = np.array([element.rms_displacement_angstrom for element in TABLE])[elements]
    pixels = (settings.margin_angstrom + np.arange(base.pixels) * base.sampling_angstrom) / box
    images = []
    for configuration in range(settings.configurations):
        rng = generator(base.seed, Stream.PHONONS, sample, configuration)
        displaced = positions[:, :2] + amplitude[:, None] * rng.standard_normal((len(positions), 2))
        transmissions = transmission_functions(
            elements[inside],
            displaced[inside] + settings.margin_angstrom,
            slices[inside],
            energy_ev=microscope.energy_ev,
            box_angstrom=box,
            points=points,
        )
        matrix = scattering_matrix(transmissions, planned, slice_angstrom=settings.slice_angstrom)
        images.append(_interpolate(scan_box(matrix, microscope), pixels).T)
    stack = np.stack(images)
    error = _relative_error(stack, COLUMN_SIGMA_ANGSTROM / base.sampling_angstrom)
    return Simulated(stack.mean(axis=0).astype(np.float32), box / points, error)


def plan(microscope: Microscope, *, box_angstrom: float, interpolation: int) -> abtem.SMatrix:
    """PRISM's grid and plane waves for a periodic square box, without a potential.

    The sampling is wavelength / (3 alpha) for the detector's outer angle alpha, or finer where a finer grid is faster
    to transform.

    Raises
    ------
    InputError : the scattering matrix would exceed ``MAX_MATRIX_BYTES``
    """
    pixel_mrad = 1e3 * microscope.wavelength_angstrom / box_angstrom
    points = _smooth(3 * microscope.detector_outer_mrad / pixel_mrad, multiple_of=interpolation)
    window = _smooth(2 * microscope.detector_outer_mrad / (interpolation * pixel_mrad) + 3)
    planned = abtem.SMatrix(
        semiangle_cutoff=microscope.semiangle_mrad,
        energy=microscope.energy_ev,
        gpts=points,
        extent=box_angstrom,
        interpolation=interpolation,
        # abTEM takes an angle and keeps 2 ceil(angle / pixel) + 1 points: this one makes that the window's.
        downsample=(window * interpolation / 2 - 1.25) * pixel_mrad,
    )
    size = len(planned) * planned.downsampled_gpts[0] ** 2 * np.dtype(np.complex64).itemsize
    if size > MAX_MATRIX_BYTES:
        raise InputError(
            f"the scattering matrix needs {size / 1e9:.1f} GB, more than {MAX_MATRIX_BYTES / 1e9:.0f} GB; "
            f"raise simulate.interpolation above {interpolation} or shrink the field"
        )
    return planned


def _smooth(least: float, multiple_of: int = 1) -> int:
    """Smallest multiple from ``least`` on with no prime factor over 7: such lengths are fast to transform."""
    number = multiple_of * int(np.ceil(least / multiple_of))
    # 210 = 2 x 3 x 5 x 7: a number divides a power of it when it has no other prime factor.
    while pow(210, number.bit_length(), number):
        number += multiple_of
    return number


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
    count = int(np.ceil(box / microscope.nyquist_angstrom))
    step = box / count
    ctf = abtem.CTF(
        energy=microscope.energy_ev,
        semiangle_cutoff=microscope.semiangle_mrad,
        defocus=microscope.defocus_angstrom,
        C30=microscope.spherical_aberration_angstrom,
        C12=microscope.astigmatism_angstrom,
        phi12=microscope.astigmatism_angle_radian,
    )
    detector = abtem.AnnularDetector(microscope.detector_inner_mrad, microscope.detector_outer_mrad)
    image = np.empty((count, count))
    # FFTW's estimated plans are the same in every process; measured ones depend on timing.
    with abtem.config.set({"fftw.planning_effort": "FFTW_ESTIMATE", "fftw.threads": 1}):
        for x in range(0, count, SCAN_BLOCK):
            for y in range(0, count, SCAN_BLOCK):
                shape = (min(SCAN_BLOCK, count - x), min(SCAN_BLOCK, count - y))
                block = abtem.GridScan(
                    start=(x * step, y * step),
                    end=((x + shape[0]) * step, (y + shape[1]) * step),
                    gpts=shape,
                    endpoint=False,
                )
                image[x : x + shape[0], y : y + shape[1]] = matrix.reduce(scan=block, ctf=ctf, detectors=detector).array
    return image


def _interpolate(image: npt.NDArray[np.float64], fractions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Fourier interpolation of a periodic image at the grid of ``fractions`` of its period, on both axes."""
    frequency = np.fft.fftfreq(len(image), 1 / len(image))
    waves = np.exp(2j * np.pi * fractions[:, None] * frequency) / len(image)
    return (waves @ np.fft.fft2(image) @ waves.T).real


def _relative_error(images: npt.NDArray[np.float64], sigma_pixels: float) -> float:
    if len(images) < 2:
        return float("nan")
    columns = np.stack([gaussian_blur(image, sigma_pixels) for image in images])
    return float(np.sqrt(columns.var(axis=0, ddof=1).mean() / len(images) / (columns.mean(axis=0) ** 2).mean()))
