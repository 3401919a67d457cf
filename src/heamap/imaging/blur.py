"""Gaussian blur with mirrored edges, at a cost that does not depend on its width."""

import numpy as np
import numpy.typing as npt
import scipy.fft

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))


def gaussian_blur(image: npt.NDArray[np.floating], sigma_pixels: float) -> npt.NDArray[np.float64]:
    """Convolve with a unit-sum Gaussian; the image is continued by its mirror image beyond the edges.

    The cosine transform diagonalises a convolution with mirrored edges: coefficient k of n is multiplied by
    exp(-(pi sigma k / n)^2 / 2).

    Parameters
    ----------
    image : (rows, cols)
    sigma_pixels : standard deviation in pixels, 0 or more

    Returns
    -------
    (rows, cols)
    """
    if image.ndim != 2:
        raise ValueError(f"expected an image (rows, cols), got shape {image.shape}")
    rows, cols = (np.exp(-0.5 * (np.pi * sigma_pixels * np.arange(n) / n) ** 2) for n in image.shape)
    spectrum = scipy.fft.dctn(image.astype(np.float64), norm="ortho")
    spectrum *= rows[:, None]
    spectrum *= cols[None, :]
    return scipy.fft.idctn(spectrum, norm="ortho")
