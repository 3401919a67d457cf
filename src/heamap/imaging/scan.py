"""The scan of a periodic box: how many positions, what lies between them, how sure the columns are."""

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.imaging.blur import gaussian_blur
from heamap.imaging.microscope import Microscope

COLUMN_SIGMA_ANGSTROM = 0.57
"""Gaussian window that stands for the area of a column: a quarter of the distance of neighbours, .612 a."""


def smooth(least: float, multiple_of: int = 1) -> int:
    """Smallest multiple from ``least`` on that adds no prime factor over 7: such lengths are fast to transform."""
    factor = max(int(np.ceil(least / multiple_of)), 1)
    # 210 = 2 x 3 x 5 x 7: a number divides a power of it when it has no other prime factor.
    while pow(210, factor.bit_length(), factor):
        factor += 1
    return multiple_of * factor


def positions_along(box_angstrom: float, microscope: Microscope) -> int:
    """Scan positions along a box at Nyquist or just finer."""
    return int(np.ceil(box_angstrom / microscope.nyquist_angstrom))


def read_field(
    image: npt.NDArray[np.floating], *, base: params.Base, margin_angstrom: float
) -> npt.NDArray[np.float64]:
    """The field's pixels from a scan of the whole periodic box, by Fourier interpolation, exact from Nyquist on.

    Parameters
    ----------
    image : (n, n) axes x and y
    margin_angstrom : from the box's edge to the field's

    Returns
    -------
    (rows, cols)
    """
    box = base.field_angstrom + 2 * margin_angstrom
    pixels = (margin_angstrom + np.arange(base.pixels) * base.sampling_angstrom) / box
    frequency = np.fft.fftfreq(len(image), 1 / len(image))
    waves = np.exp(2j * np.pi * pixels[:, None] * frequency) / len(image)
    return (waves @ np.fft.fft2(image) @ waves.T).real.T


def relative_error(images: npt.NDArray[np.floating], *, sampling_angstrom: float) -> float:
    """Standard error of the mean image's column-integrated intensity, root mean square, from independent images.

    Parameters
    ----------
    images : (n, rows, cols); NaN is returned for one
    """
    if len(images) < 2:
        return float("nan")
    columns = np.stack([gaussian_blur(image, COLUMN_SIGMA_ANGSTROM / sampling_angstrom) for image in images])
    return float(np.sqrt(columns.var(axis=0, ddof=1).mean() / len(images) / (columns.mean(axis=0) ** 2).mean()))
