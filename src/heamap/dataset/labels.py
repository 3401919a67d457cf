"""What the network learns to draw: per element a Gaussian at every column, as high as its number of atoms."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

FAINTEST = 1e-12
"""Flanks below are left out: nothing beside a float32 count, and products of them are slow to compute with."""

BACKGROUND_WEIGHT = 0.05
"""Weight of a pixel far from every column, that of a column's middle being 1 more: see :func:`kernel_weights`."""


def label_maps(
    rows: Floats, cols: Floats, counts: npt.NDArray[np.number], shape: tuple[int, int], sigma_pixels: float
) -> npt.NDArray[np.float32]:
    """Sum of one Gaussian per column and element.

    The columns' tails add up. At the nearest distance of two columns, 2.3 Angstrom, a Gaussian of .5 Angstrom has
    fallen to 3e-5, so the height at a column is its own count.

    Parameters
    ----------
    rows, cols : (n,) positions in pixels; columns outside the image contribute their tails
    counts : (n, elements) atoms
    shape : rows and columns of the maps
    sigma_pixels : standard deviation of the Gaussians

    Returns
    -------
    (rows, cols, elements) float32
    """
    down = _profiles(rows, shape[0], sigma_pixels)
    across = _profiles(cols, shape[1], sigma_pixels)
    near = down.any(axis=1) & across.any(axis=1)
    down, across, counts = down[near], across[near], counts[near]
    # A Gaussian is the product of its profiles, so each map is one matrix product.
    maps = np.matmul((down[:, :, None] * counts[:, None, :].astype(np.float32)).transpose(2, 1, 0), across)
    return np.ascontiguousarray(maps.transpose(1, 2, 0))


def column_weights(rows: Floats, cols: Floats, shape: tuple[int, int], sigma_pixels: float) -> npt.NDArray[np.float32]:
    """Weights of the pixels that give columns and background the same total say.

    A pixel belongs to a column where a Gaussian of unit height there is above one half. The weights of all columns'
    pixels sum to half the number of pixels, and so do those of the background; an image that has only one kind is
    weighted evenly.

    Parameters
    ----------
    rows, cols : (n,) positions in pixels
    shape : rows and columns of the image
    sigma_pixels : standard deviation of the Gaussians

    Returns
    -------
    (rows, cols) float32 of mean 1
    """
    presence = label_maps(rows, cols, np.ones((len(rows), 1)), shape=shape, sigma_pixels=sigma_pixels)[..., 0]
    near = presence > 0.5
    share = near.mean()
    if share in (0, 1):
        return np.ones(shape, dtype=np.float32)
    return np.where(near, 0.5 / share, 0.5 / (1 - share)).astype(np.float32)


def kernel_weights(rows: Floats, cols: Floats, shape: tuple[int, int], sigma_pixels: float) -> npt.NDArray[np.float32]:
    """Weights of the pixels by what their errors do to the counts.

    With g the Gaussian of unit height at a column, the count that fits a map m best by least squares is
    sum(g m) / sum(g^2). Errors e of the map, independent from pixel to pixel, move it by a squared error of
    sum(g^2 e^2) / sum(g^2)^2 on average: each pixel's squared error counts g^2 times. The height at the column, read
    by a cubic spline, hangs on the pixels within one or two of it, where g^2 is largest. So a pixel weighs
    ``BACKGROUND_WEIGHT`` + g^2 of the columns around, scaled to a mean of 1. The background keeps a weight, for
    without one nothing would say that it is black, and maxima would be found where no column is. As it is a constant
    and not a share, no pixel weighs more than 21 times another, however few columns an image holds.

    Parameters
    ----------
    rows, cols : (n,) positions in pixels; of columns outside the image what reaches into it counts
    shape : rows and columns of the image
    sigma_pixels : standard deviation of the Gaussians

    Returns
    -------
    (rows, cols) float32 of mean 1
    """
    # The square of a Gaussian is one that is narrower by the root of two.
    squares = label_maps(rows, cols, np.ones((len(rows), 1)), shape=shape, sigma_pixels=sigma_pixels / np.sqrt(2))
    weights = BACKGROUND_WEIGHT + squares[..., 0]
    return (weights / weights.mean(dtype=np.float64)).astype(np.float32)


def _profiles(centres: Floats, size: int, sigma_pixels: float) -> npt.NDArray[np.float32]:
    distance = (np.arange(size) - np.asarray(centres, dtype=np.float64)[:, None]) / sigma_pixels
    profiles = np.exp(-0.5 * distance**2).astype(np.float32)
    profiles[profiles < FAINTEST] = 0
    return profiles
