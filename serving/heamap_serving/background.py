"""What a support, contamination and the black level add to an image, taken off as in training."""

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract
from heamap.errors import InputError
from heamap.imaging.normalize import background_level, square_means, square_pixels
from heamap_serving import scratch

BAND_PIXELS = 2**21
"""Pixels that are looked at at a time."""


def take_off(image: npt.NDArray[np.float32], contract: Contract, *, beam: float) -> float | None:
    """Subtract the level of the image's darkest squares, in place.

    Parameters
    ----------
    image : (rows, cols) at the model's sampling, in its unit of brightness
    beam : the whole incident beam in that unit

    Returns
    -------
    the level as a fraction of the incident beam; None of a model that has nothing taken off

    Raises
    ------
    InputError : the darkest squares lie so far below black that it cannot be noise
    """
    wanted = contract.background
    if wanted is None:
        return None
    means = []
    side = square_pixels(contract.sampling_angstrom, wanted.square_angstrom)
    whole = image.shape[0] // side * side or image.shape[0]
    height = max(BAND_PIXELS // image.shape[1] // side, 1) * side
    for start in range(0, whole, height):
        band = image[start : min(start + height, whole)]
        squares = square_means(
            band, sampling_angstrom=contract.sampling_angstrom, square_angstrom=wanted.square_angstrom
        )
        means.append(squares.ravel())
        scratch.release(image)
    level = background_level(np.concatenate(means), most=wanted.most * beam, darkest=wanted.darkest)
    if level < -wanted.most * beam:
        raise InputError(
            f"the darkest parts of the image are at {level / beam:.2g} of the beam, far below black: check the black "
            "level, or crop a black border"
        )
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        image[start:stop] -= np.float32(level)
        scratch.release(image)
    return level / beam
