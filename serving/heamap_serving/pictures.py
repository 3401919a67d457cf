"""Images and maps as small pictures, for pages that hold everything they show."""

import base64
from dataclasses import dataclass
from io import BytesIO

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image

from heamap_serving import scratch

MAX_SHOWN = 1200
"""Longest side of a drawn image in pixels; larger ones are averaged over squares."""

MAP_COLOURS = "magma"
"""Even in lightness, so that it is read in grey and by every kind of colour vision."""

THUMBNAIL_PIXELS = 128

BAND_PIXELS = 2**21
"""Of an image that are averaged at a time."""

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Thinned:
    """An image averaged over squares of ``stride`` pixels; pixels left over at the bottom and right are dropped."""

    values: Floats
    stride: int

    @property
    def first(self) -> float:
        """Place of the first pixel's centre, in pixels of the image."""
        return (self.stride - 1) / 2


def thinned(image: Floats, most: int = MAX_SHOWN) -> Thinned:
    """Average an image over squares until no side is longer than ``most`` pixels, or the shorter one is 1.

    Parameters
    ----------
    image : (rows, cols) or (rows, cols, channels); of a large one, in a temporary file, a band at a time
    """
    # A strip keeps one pixel of its short side.
    stride = min(-(-max(image.shape[:2]) // most), *image.shape[:2])
    if stride == 1:
        return Thinned(np.asarray(image, np.float32), 1)
    rows, cols = (length // stride for length in image.shape[:2])
    values = np.empty((rows, cols, *image.shape[2:]), np.float32)
    for start, stop in scratch.row_bands(values.shape, BAND_PIXELS // stride**2):
        squares = image[start * stride : stop * stride, : cols * stride]
        squares = squares.reshape(stop - start, stride, cols, stride, *image.shape[2:])
        values[start:stop] = squares.mean(axis=(1, 3), dtype=np.float32)
        scratch.release(image)
    return Thinned(values, stride)


def grey_limits(values: Floats) -> tuple[float, float]:
    """Intensities drawn black and white."""
    low, high = np.percentile(values, (0.5, 99.8))
    return float(low), float(max(high, low + np.finfo(np.float32).tiny))


def map_ceiling(layer: Floats) -> float:
    """Atoms drawn brightest."""
    return max(float(np.percentile(layer, 99.8)), 1.0)


def grey_png(values: Floats) -> bytes:
    """A grey picture of an image (rows, cols)."""
    low, high = grey_limits(values)
    return _png(Image.fromarray(_levels(values, low, high)))


def map_picture(values: Floats, ceiling: float) -> bytes:
    """A JPEG picture of a map (rows, cols), 0 to ``ceiling`` atoms, in the colours of ``MAP_COLOURS``."""
    colours = mpl.colormaps[MAP_COLOURS](np.arange(256), bytes=True)[:, :3]
    return jpeg(colours[_levels(values, 0.0, ceiling)])


def thumbnail_png(image: Floats) -> bytes:
    """A grey picture of an image (rows, cols) for a list."""
    return grey_png(thinned(image, THUMBNAIL_PIXELS).values)


def data_uri(picture: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode("ascii")


def jpeg(colours: npt.NDArray[np.uint8]) -> bytes:
    """A JPEG picture of colours (rows, cols, 3).

    WebP of the same worth is a quarter smaller and takes nine times as long (docs/benchmarks.md).
    """
    file = BytesIO()
    # Colours as fine as brightness: blurred ones are what shows first at the rims of small bright spots.
    Image.fromarray(colours).save(file, format="JPEG", quality=80, subsampling=0)
    return file.getvalue()


def _levels(values: Floats, low: float, high: float) -> npt.NDArray[np.uint8]:
    scaled = (np.asarray(values, np.float64) - low) * (255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
