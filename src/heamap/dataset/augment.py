"""Variations of a training image that leave its columns' counts true."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.imaging.blur import gaussian_blur

Image = npt.NDArray[np.floating]
Positions = npt.NDArray[np.floating]


def turn(image: Image, positions: Positions, *, quarters: int, mirror: bool) -> tuple[Image, Positions]:
    """Turn anticlockwise by quarters, then mirror left to right, image and positions alike.

    Parameters
    ----------
    image : (side, side)
    positions : (n, 2) row and column in pixels, sub-pixel

    Returns
    -------
    image and positions ; every position points at the same feature as before
    """
    side = image.shape[0]
    if image.shape != (side, side):
        raise ValueError(f"expected a square image, got shape {image.shape}")
    row, col = positions.T
    for _ in range(quarters % 4):
        row, col = side - 1 - col, row
    turned = np.rot90(image, quarters)
    if mirror:
        turned, col = turned[:, ::-1], side - 1 - col
    return turned, np.stack([row, col], axis=-1)


def crop(image: Image, positions: Positions, *, corner: tuple[int, int], side: int) -> tuple[Image, Positions]:
    """Cut a square out of an image (rows, cols) by its upper left pixel; positions move along and none is dropped."""
    top, left = corner
    return image[top : top + side, left : left + side], positions - np.array([top, left])


def illuminate(image: Image, *, slope: float, direction_radian: float) -> Image:
    """Multiply by a plane that rises to ``1 + slope`` and falls to ``1 - slope`` at the inscribed circle's edge."""
    rows, cols = (np.linspace(-1, 1, n) for n in image.shape)
    return image * (1 + slope * (rows[:, None] * np.sin(direction_radian) + cols * np.cos(direction_radian)))


def contrast(image: Image, *, exponent: float) -> Image:
    """Raise to a power between the image's own minimum and maximum, which stay."""
    low, high = image.min(), image.max()
    if high == low:
        return image
    return low + (high - low) * ((image - low) / (high - low)) ** exponent


@dataclass(frozen=True)
class Variation:
    """One draw of every augmentation."""

    quarters: int
    mirror: bool
    blur_sigma_angstrom: float
    slope: float
    direction_radian: float
    exponent: float
    corner: tuple[int, int]


def draw(augment: params.Augment, *, pixels: int, crop_pixels: int, rng: np.random.Generator) -> Variation:
    """Draw a variation for an image of ``pixels`` a side that is cropped to ``crop_pixels``."""
    quarters, mirror = int(rng.integers(4)), bool(rng.integers(2))
    top, left = rng.integers(pixels - crop_pixels + 1, size=2).tolist()
    return Variation(
        quarters=quarters if augment.symmetry else 0,
        mirror=mirror and augment.symmetry,
        blur_sigma_angstrom=float(rng.uniform(*augment.blur_sigma_angstrom)),
        slope=float(rng.uniform(0, augment.illumination)),
        direction_radian=float(rng.uniform(0, 2 * np.pi)),
        # Uniform in the logarithm: an exponent and its inverse are equally likely.
        exponent=float(np.exp(rng.uniform(*np.log(augment.contrast)))),
        corner=(top, left),
    )


def blur_and_illuminate(image: Image, variation: Variation, *, sampling_angstrom: float) -> Image:
    """What varies before the experiment's own effects."""
    blurred = gaussian_blur(image, variation.blur_sigma_angstrom / sampling_angstrom)
    return illuminate(blurred, slope=variation.slope, direction_radian=variation.direction_radian)
