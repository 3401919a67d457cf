"""Image normalisation, the same for training images and micrographs."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap.imaging.blur import gaussian_blur

LOCAL_SIGMA_ANGSTROM = 12.0
"""Standard deviation of the blur. The paper states 12 Angstrom as the parameter of its Gaussian filter."""

ABSOLUTE_SCALE = 10.0
"""Factor on fractions of the incident beam: columns of 10 to 30 atoms reach .03 to .2 in HAADF."""

STANDARD_ENERGY_EV = 200.0e3
"""Beam energy that images of known energy are brought to."""

SQUARE_ANGSTROM, DARKEST = 2.0, 0.01
"""The background of an image is the level that this share of its squares, this wide, lie below: wide enough to average
the noise, and narrow enough to lie beside the particle."""

LOCAL_FLOOR = 1e-3
"""Smallest local contrast, as a share of the image's range, that is still divided by."""


def normalize(
    image: npt.NDArray[np.floating], *, kind: Literal["local", "absolute"], sampling_angstrom: float
) -> npt.NDArray[np.float32]:
    """Bring an image to the scale that the network sees.

    Parameters
    ----------
    image : (rows, cols), any scale and offset for ``local``, fractions of the incident beam for ``absolute``
    kind : ``local`` (see :func:`local`) or ``absolute`` (times ``ABSOLUTE_SCALE``)
    sampling_angstrom : pixel size

    Returns
    -------
    (rows, cols) float32

    Raises
    ------
    ValueError : not a two-dimensional, non-empty image
    InputError : NaN or infinite values
    """
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"expected a non-empty image (rows, cols), got shape {image.shape}")
    strange = image.size - int(np.count_nonzero(np.isfinite(image)))
    if strange:
        raise InputError(f"image has {strange} pixels that are NaN or infinite; crop or fill them first")
    if kind == "absolute":
        return (image * ABSOLUTE_SCALE).astype(np.float32)
    return local(image, sampling_angstrom=sampling_angstrom)


def energy_factor(energy_ev: float, exponent: float, *, standard_ev: float = STANDARD_ENERGY_EV) -> float:
    """What brings fractions of the incident beam at one energy to those at the standard energy.

    Atoms scatter fast electrons less, so that a thin particle at 180 keV is as bright as a thicker one at 220 keV.
    Over the range of an instrument brightness falls as energy to the power of minus ``exponent``, which depends on the
    detector and on the thickness: 1.3 for one atom and .95 for 20 of them at 60 to 95 mrad
    (``benchmarks/beam_energy.py``). What the power leaves, a network learns like any other variation.

    Parameters
    ----------
    energy_ev : of the electrons
    """
    return float((energy_ev / standard_ev) ** exponent)


def square_means(
    image: npt.NDArray[np.floating], *, sampling_angstrom: float, square_angstrom: float = SQUARE_ANGSTROM
) -> npt.NDArray[np.float64]:
    """Means over the whole squares of an image, from its first row and column on; one mean of an image that holds none.

    Returns
    -------
    (rows, cols) of squares
    """
    side = square_pixels(sampling_angstrom, square_angstrom)
    rows, cols = (length // side for length in image.shape)
    if not rows * cols:
        return np.array([[image.mean(dtype=np.float64)]])
    whole = image[: rows * side, : cols * side].reshape(rows, side, cols, side)
    return np.asarray(whole.mean(axis=(1, 3), dtype=np.float64))


def square_pixels(sampling_angstrom: float, square_angstrom: float = SQUARE_ANGSTROM) -> int:
    """Side of a square of :func:`square_means`."""
    return max(round(square_angstrom / sampling_angstrom), 1)


def background_level(means: npt.NDArray[np.float64], *, most: float, darkest: float = DARKEST) -> float:
    """What lies beside a particle, or what of it shows: the level of an image's darkest squares.

    A support, contamination and a black level that is a little off add to every column; a microscopist takes them off
    by what the image shows beside the particle. Where it shows nothing but particle, its darkest squares are brighter
    than any background, and half of ``most`` is taken off: nothing is known of the background there, and in training it
    is drawn evenly between 0 and ``most``.

    Parameters
    ----------
    means : from :func:`square_means`
    most : the brightest background that there may be, in the image's unit
    """
    level = float(np.quantile(means, darkest))
    return level if level <= most else most / 2


def local(image: npt.NDArray[np.floating], *, sampling_angstrom: float) -> npt.NDArray[np.float32]:
    """Remove the local mean and divide by the local contrast; a flat image gives zeros.

    I' = (I - min) / (max - min), I'' = I' - G(I'), I''' = I'' / sqrt(G(I''^2)) with a Gaussian blur G of
    ``LOCAL_SIGMA_ANGSTROM``: Ragone et al., Comput. Mater. Sci. 201 (2022) 110905, eqs. 1-3.
    """
    values = image.astype(np.float64)
    low, high = values.min(), values.max()
    if high == low:
        return np.zeros(image.shape, dtype=np.float32)
    sigma = LOCAL_SIGMA_ANGSTROM / sampling_angstrom
    values = (values - low) / (high - low)
    values -= gaussian_blur(values, sigma)
    contrast = np.sqrt(np.maximum(gaussian_blur(values**2, sigma), LOCAL_FLOOR**2))
    return (values / contrast).astype(np.float32)
