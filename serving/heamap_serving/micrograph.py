"""A micrograph: one greyscale image and its pixel size."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError

MAX_PIXELS = 2**28
"""Larger images are refused before they are read: 16384 x 16384."""


@dataclass(frozen=True)
class BeamScale:
    """Counts into fractions of the incident beam: ``(counts - black_level) * per_count``."""

    per_count: float
    black_level: float


@dataclass(frozen=True)
class Micrograph:
    """One greyscale image.

    Attributes
    ----------
    image : (rows, cols) float32, in the counts of the file
    sampling_angstrom : step along rows and along columns, or None where the file gives none
    fault : what the file says instead of a pixel size, for the refusal
    beam : how the file says that counts become fractions of the incident beam, or None
    """

    image: npt.NDArray[np.float32]
    sampling_angstrom: tuple[float, float] | None
    fault: str = "no pixel size in the file"
    beam: BeamScale | None = None


def check_layout(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, int]:
    """Refuse what is not one greyscale image, before its pixels are read.

    Returns
    -------
    rows, cols : leading axes of length 1 are dropped

    Raises
    ------
    InputError
    """
    if dtype.names is not None:
        raise InputError(
            f"a colour image ({'/'.join(dtype.names)}): its grey values are a display copy; export the original data"
        )
    if dtype.kind not in "uif":
        raise InputError(f"pixels of type {dtype}: expected real numbers, one intensity a pixel")
    if len(shape) == 3 and shape[-1] in (3, 4) and dtype == np.uint8:
        raise InputError(f"shape {shape}: looks like a colour image; export the original greyscale data")
    image = shape
    while len(image) > 2 and image[0] == 1:
        image = image[1:]
    if len(image) != 2:
        raise InputError(f"shape {tuple(shape)}: expected one image (rows, cols); export a single frame or the sum")
    rows, cols = int(image[0]), int(image[1])
    if rows * cols > MAX_PIXELS:
        raise InputError(f"{rows} x {cols} pixels are more than {MAX_PIXELS}; crop the image")
    return rows, cols


def clean_image(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Pixels as (rows, cols) float32.

    Raises
    ------
    InputError : a shape or type that is no greyscale image, NaN or infinite values, a constant image
    """
    image = values.reshape(check_layout(values.shape, values.dtype))
    if image.size == 0:
        raise InputError(f"an empty image of shape {image.shape}")
    with np.errstate(over="ignore"):
        image = np.ascontiguousarray(image, dtype=np.float32)
    strange = image.size - int(np.count_nonzero(np.isfinite(image)))
    if strange:
        raise InputError(f"{strange} pixels are NaN, infinite or beyond single precision; crop or fill them first")
    if image.min() == image.max():
        raise InputError(f"every pixel is {image.flat[0]:g}: a constant image shows no columns")
    return image
