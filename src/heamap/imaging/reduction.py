"""PRISM's reduction: probes summed from the scattering matrix, and what detectors count of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.fft
from abtem.prism.s_matrix import SMatrixArray

from heamap.imaging.arrays import arrays
from heamap.imaging.microscope import Microscope
from heamap.imaging.optics import probe
from heamap.imaging.scan import positions_along

BLOCK_ANGSTROM = 1.6
"""Positions of a square this wide share one window, so that it is read once for all of them; abTEM centres the window
on every position."""
SUBPIXELS = 16
"""Along a side of a pixel, for the share of it that the detector covers."""


def scan_box(matrix: SMatrixArray, microscope: Microscope) -> npt.NDArray[np.float64]:
    """Detected fraction of the beam over the whole periodic box, at Nyquist or just finer.

    Returns
    -------
    (positions, positions) axes x and y, from 0 in equal steps
    """
    box = matrix.extent[0]
    count = positions_along(box, microscope)
    along = np.arange(count) * box / count
    detector = (microscope.detector_inner_mrad, microscope.detector_outer_mrad)
    return scan(matrix, microscope, along, along, detectors_mrad=[detector])[0]


def scan(
    matrix: SMatrixArray,
    microscope: Microscope,
    x_angstrom: npt.NDArray[np.floating],
    y_angstrom: npt.NDArray[np.floating],
    *,
    detectors_mrad: Sequence[tuple[float, float]],
) -> npt.NDArray[np.float64]:
    """Detected fraction of the beam at the points of a grid, on several annular detectors at once.

    The sums are those of abTEM's ``SMatrixArray.reduce`` (a test compares them), in a third of its time: the matrix is
    multiplied where it lies, and one pattern serves all detectors.

    Parameters
    ----------
    matrix : from :func:`heamap.imaging.prism.scattering_matrix`
    microscope : aperture and aberrations
    x_angstrom, y_angstrom : rising, within the box

    Returns
    -------
    (detectors, x, y)
    """
    amplitudes = np.moveaxis(matrix.array, 0, -1)
    kept, points, box = amplitudes.shape[0], matrix.window_gpts[0], matrix.extent[0]
    pixel = 1e3 * microscope.wavelength_angstrom / matrix.window_extent[0]
    wave_vectors = np.asarray(matrix.wave_vectors)
    coefficients = probe(wave_vectors, microscope, edge=1e-3 * pixel)
    weights = np.stack([scipy.fft.ifftshift(detector_weights(points, pixel, angles)) for angles in detectors_mrad])
    image = np.empty((len(detectors_mrad), len(x_angstrom), len(y_angstrom)))
    for x in _blocks(x_angstrom):
        turned_x = np.exp(-2j * np.pi * np.outer(wave_vectors[:, 0], x_angstrom[x])) * coefficients[:, None]
        rows = _window(x_angstrom[x].mean(), box, kept, points)
        for y in _blocks(y_angstrom):
            turned_y = np.exp(-2j * np.pi * np.outer(wave_vectors[:, 1], y_angstrom[y]))
            probes = (turned_x[:, :, None] * turned_y[:, None, :]).astype(np.complex64)
            cols = _window(y_angstrom[y].mean(), box, kept, points)
            waves = _sum_beams(amplitudes, probes.reshape(len(probes), -1), rows, cols)
            patterns = np.abs(arrays("cpu").fft2(waves)) ** 2
            image[:, x, y] = np.tensordot(weights, patterns, axes=([1, 2], [1, 2])).reshape(-1, *probes.shape[1:])
    return image


def _blocks(along: npt.NDArray[np.floating]) -> list[slice]:
    """Cut rising positions into runs no wider than a block."""
    numbers = np.floor((along - along[0]) / BLOCK_ANGSTROM + 1e-9)
    starts = np.searchsorted(numbers, np.unique(numbers))
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(along)], strict=True)]


def _window(centre_angstrom: float, box_angstrom: float, kept: int, points: int) -> npt.NDArray[np.intp]:
    """The window's points along one side of the periodic matrix."""
    first = round(centre_angstrom / box_angstrom * kept) - points // 2
    return (first + np.arange(points)) % kept


def _sum_beams(
    amplitudes: npt.NDArray[np.complex64],
    probes: npt.NDArray[np.complex64],
    rows: npt.NDArray[np.intp],
    cols: npt.NDArray[np.intp],
) -> npt.NDArray[np.complex64]:
    """Exit waves in a window: (positions, points, points) from (kept, kept, beams) and (beams, positions)."""
    waves = np.empty((probes.shape[1], len(rows), len(cols)), dtype=np.complex64)
    # The window's columns wrap around at most once (or fill the box).
    turn = int(np.argmin(cols))
    runs = [(slice(0, turn), slice(cols[0], cols[0] + turn)), (slice(turn, None), slice(0, len(cols) - turn))]
    if turn == 0:
        runs = [(slice(0, None), slice(cols[0], cols[0] + len(cols)))]
    for place, row in enumerate(rows):
        for target, source in runs:
            waves[:, place, target] = (amplitudes[row, source] @ probes).T
    return waves


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
