"""A micrograph: one greyscale image and its pixel size."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.acquisition import NOTHING_KNOWN, Acquisition
from heamap.errors import InputError
from heamap_serving import scratch

MAX_PIXELS = 2**30
"""Larger images are refused before they are read: 32768 x 32768."""

BAND_PIXELS = 2**24
"""Pixels that are read at a time: few parts, for some readers decode the whole image for each."""


@dataclass(frozen=True)
class BeamScale:
    """Counts into fractions of the incident beam: ``(counts - black_level) * per_count``."""

    per_count: float
    black_level: float


@dataclass(frozen=True)
class Frames:
    """How the frames of a series became one image.

    Attributes
    ----------
    number : of the frames whose counts were added
    way : ``align`` (shifted onto each other, then added), ``sum`` (added as they are) or ``single``
    shifts_px : (rows, columns) that each frame was moved by; empty unless they were aligned
    first : number of the first of them in the file, from 0
    chosen : the user said which way; False: it was heamap's choice
    """

    number: int
    way: str
    shifts_px: tuple[tuple[float, float], ...] = ()
    first: int = 0
    chosen: bool = False


@dataclass(frozen=True)
class Micrograph:
    """One greyscale image.

    Attributes
    ----------
    image : (rows, cols) float32, in the counts of the file; of added frames, their sum
    sampling_angstrom : step along rows and along columns, or None where the file gives none
    fault : what the file says instead of a pixel size, for the refusal
    known : what else the file states of how it was taken; gain and black level are those of ``image``, so of added
        frames those of the sum
    dataset : which of the file's datasets it is; empty where it holds one alone
    frames : None where the dataset is one image
    """

    image: npt.NDArray[np.float32]
    sampling_angstrom: tuple[float, float] | None
    fault: str = "no pixel size in the file"
    known: Acquisition = NOTHING_KNOWN
    dataset: str = ""
    frames: Frames | None = None


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


def as_image(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Pixels as (rows, cols) float32; whether they are numbers is asked of the part that is scored (``check_pixels``).

    Raises
    ------
    InputError : a shape or type that is no greyscale image
    """
    rows, cols = check_layout(values.shape, values.dtype)
    image = np.empty((rows, cols), dtype=np.float32)
    fill(image, values)
    return image


def fill(image: npt.NDArray[np.float32], values: Any) -> None:
    """Fill an image (rows, cols) from an array of a file, band by band.

    Parameters
    ----------
    values : any array with a shape, a type and slices, read or not, of a layout that ``check_layout`` passed
    """
    if image.size == 0:
        raise InputError(f"an empty image of shape {image.shape}")
    leading = (0,) * (len(values.shape) - 2)
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        part = np.asarray(values[(*leading, slice(start, stop))])
        with np.errstate(over="ignore"):
            image[start:stop] = part
        scratch.release(image)


def check_pixels(image: npt.NDArray[np.float32]) -> None:
    """Refuse an image (rows, cols) that shows nothing.

    Raises
    ------
    InputError : NaN or infinite values, or a constant image
    """
    strange, low, high = 0, np.inf, -np.inf
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        band = image[start:stop]
        strange += band.size - int(np.count_nonzero(np.isfinite(band)))
        low, high = min(low, float(band.min())), max(high, float(band.max()))
        scratch.release(image)
    if strange:
        raise InputError(
            f"{strange} pixels are NaN, infinite or beyond single precision; leave them out with --roi, or fill them"
        )
    if low == high:
        raise InputError(f"every pixel is {low:g}: a constant image shows no columns")
