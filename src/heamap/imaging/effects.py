"""What an experiment adds to a clean image: source size, background, scan distortion, dose, read-out, digitiser."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from heamap import params
from heamap.imaging.blur import FWHM_PER_SIGMA, gaussian_blur

Image = npt.NDArray[np.floating]

BACKGROUND_CONTRAST = 0.2
"""Relative standard deviation of the support's thickness."""
BACKGROUND_LENGTH_ANGSTROM = 8.0
"""Distance over which the support's thickness varies."""


def source_size(image: Image, *, fwhm_angstrom: float, sampling_angstrom: float) -> Image:
    """Blur by the Gaussian image of the electron source."""
    return gaussian_blur(image, fwhm_angstrom / FWHM_PER_SIGMA / sampling_angstrom)


def background(image: Image, *, fraction: float, sampling_angstrom: float, rng: np.random.Generator) -> Image:
    """Add the scattering of a support or contamination of slowly varying thickness.

    Parameters
    ----------
    image : (rows, cols)
    fraction : mean scattering into the detector, a fraction of the incident beam
    """
    nodes = [int(np.ceil(n * sampling_angstrom / BACKGROUND_LENGTH_ANGSTROM)) + 2 for n in image.shape]
    down, across = (_spline(count, n) for count, n in zip(nodes, image.shape, strict=True))
    support = 1 + BACKGROUND_CONTRAST * rng.standard_normal(nodes)
    # On a grid the two-dimensional spline is one along the rows of one along the columns. The last bits of a matrix
    # product by BLAS depend on its threads, those of einsum do not.
    thickness = np.einsum("rn,nc->rc", down, np.einsum("nm,cm->nc", support, across))
    return image + fraction * np.maximum(thickness, 0)


@lru_cache(maxsize=16)
def _spline(nodes: int, points: int) -> npt.NDArray[np.float64]:
    """Matrix (points, nodes) of the cubic spline from even nodes to even points between the first and the last."""
    places = np.linspace(0, nodes - 1, points)
    unit = np.eye(nodes)
    matrix = np.stack([ndimage.map_coordinates(values, places[None], order=3) for values in unit], axis=1)
    matrix.flags.writeable = False
    return matrix


def scan_distortion(
    image: Image,
    *,
    pixel_jitter_angstrom: float,
    line_jitter_angstrom: float,
    drift_fraction: float,
    sampling_angstrom: float,
    rng: np.random.Generator,
) -> Image:
    """Read the image where the probe really stood.

    Every pixel and every scan line (row) is displaced by a Gaussian vector of the given root mean square per
    direction; drift moves the frame steadily, in a random direction, about its own mid-time. After Jones and
    Nellist, Microsc. Microanal. 19 (2013) 1050.

    Parameters
    ----------
    image : (rows, cols)
    drift_fraction : displacement from the first to the last pixel as a share of the frame's longer side
    """
    rows, cols = image.shape
    row, col = np.arange(rows, dtype=np.float64)[:, None], np.arange(cols, dtype=np.float64)
    time = (row + col / cols) / rows - 0.5
    direction = rng.uniform(0, 2 * np.pi)
    drift = drift_fraction * max(rows, cols) * np.array([np.sin(direction), np.cos(direction)])
    lines = rng.standard_normal((2, rows, 1)) * line_jitter_angstrom / sampling_angstrom
    pixels = rng.standard_normal((2, rows, cols), dtype=np.float32) * pixel_jitter_angstrom / sampling_angstrom
    places = drift[:, None, None] * time + lines + pixels
    places[0] += row
    places[1] += col
    return ndimage.map_coordinates(image, places, order=3, mode="mirror")


def shot_noise(
    image: Image, *, dose_per_square_angstrom: float, sampling_angstrom: float, rng: np.random.Generator
) -> Image:
    """Count electrons: Poisson noise of the given dose, back in fractions of the beam."""
    electrons = dose_per_square_angstrom * sampling_angstrom**2
    return rng.poisson(np.maximum(image, 0) * electrons) / electrons


def readout(image: Image, *, noise: float, rng: np.random.Generator) -> Image:
    """Add the Gaussian noise of the read-out, a share of the image's own maximum."""
    return image + noise * image.max() * rng.standard_normal(image.shape, dtype=np.float32)


def quantize(image: Image, *, bits: int) -> Image:
    """Round to the 2^bits levels that gain and offset spread over the image's range; 0 bits change nothing."""
    low, high = float(image.min()), float(image.max())
    if bits == 0 or high == low:
        return image
    step = (high - low) / (2**bits - 1)
    return low + np.rint((image - low) / step) * step


def degrade(
    image: npt.NDArray[np.floating], *, effects: params.Effects, sampling_angstrom: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Apply one draw of every effect, in the order in which an experiment adds them.

    Parameters
    ----------
    image : (rows, cols) clean image in fractions of the incident beam
    effects : the ranges that are drawn from
    sampling_angstrom : pixel size

    Returns
    -------
    (rows, cols) float32, fractions of the incident beam
    """
    return _exposed(image, effects=effects, sampling_angstrom=sampling_angstrom, rng=rng)[0]


def drawn(
    image: npt.NDArray[np.floating], *, effects: params.Effects, sampling_angstrom: float, rng: np.random.Generator
) -> params.Effects:
    """What :func:`degrade` draws for this image from a generator in this state, as ranges of no width.

    Strengths are drawn between the noises, and how many random numbers Poisson noise takes depends on the image: of
    another image, or another dose, the same generator draws another read-out noise. To compare such images, degrade all
    of them with what was drawn for one.

    Parameters
    ----------
    image, effects, sampling_angstrom : as of :func:`degrade`
    rng : is used up like by :func:`degrade`

    Returns
    -------
    effects with which :func:`degrade`, from a generator in the same state, gives the same image
    """
    return _exposed(image, effects=effects, sampling_angstrom=sampling_angstrom, rng=rng)[1]


def with_dose(effects: params.Effects, *, factor: float) -> params.Effects:
    """The same effects at a multiple of the dose."""
    low, high = effects.dose_per_square_angstrom
    return effects.model_copy(update={"dose_per_square_angstrom": (factor * low, factor * high)})


def _exposed(
    image: Image, *, effects: params.Effects, sampling_angstrom: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], params.Effects]:
    strengths: dict[str, tuple[float, float]] = {}

    def strength(name: str) -> float:
        value = float(rng.uniform(*getattr(effects, name)))
        strengths[name] = (value, value)
        return value

    seen = source_size(image, fwhm_angstrom=strength("source_fwhm_angstrom"), sampling_angstrom=sampling_angstrom)
    seen = background(seen, fraction=strength("background_fraction"), sampling_angstrom=sampling_angstrom, rng=rng)
    seen = scan_distortion(
        seen,
        pixel_jitter_angstrom=strength("pixel_jitter_angstrom"),
        line_jitter_angstrom=strength("line_jitter_angstrom"),
        drift_fraction=strength("drift_fraction"),
        sampling_angstrom=sampling_angstrom,
        rng=rng,
    )
    seen = shot_noise(
        seen,
        dose_per_square_angstrom=strength("dose_per_square_angstrom"),
        sampling_angstrom=sampling_angstrom,
        rng=rng,
    )
    seen = readout(seen, noise=strength("readout_noise"), rng=rng)
    return quantize(seen, bits=effects.bits).astype(np.float32), effects.model_copy(update=strengths)
