"""Local normalisation read off anywhere in an image, without a second image in memory.

A Gaussian blur with mirrored edges damps coefficient k of n of the cosine transform by exp(-(pi sigma k / n)^2 / 2)
(``heamap.imaging.blur``). With the 12 Angstrom of the normalisation next to nothing is left past some n / 28 of them:
these few say the whole blurred image, and they are sums over its rows, matrix products in as many parts as one likes.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.imaging.normalize import ABSOLUTE_SCALE, LOCAL_FLOOR, LOCAL_SIGMA_ANGSTROM
from heamap_serving import scratch

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]

LEAST_GAIN = 1e-10
"""Coefficients damped below this are left out: far below the rounding of single precision."""

BAND_PIXELS = 2**21
"""Pixels that are worked on at a time."""


@dataclass(frozen=True)
class Axis:
    """The cosines along one axis.

    Attributes
    ----------
    waves : (k, n) orthonormal cosines
    gain : (k,) what the blur leaves of each
    """

    waves: Floats
    gain: Floats

    @classmethod
    def of(cls, length: int, sigma_pixels: float) -> "Axis":
        order = math.sqrt(-2 * math.log(LEAST_GAIN)) * length / (math.pi * sigma_pixels)
        k = np.arange(min(math.ceil(order) + 1, length))
        waves = np.cos(np.pi / length * k[:, None] * (np.arange(length) + 0.5))
        waves *= np.where(k == 0, math.sqrt(1 / length), math.sqrt(2 / length))[:, None]
        return cls(waves, np.exp(-0.5 * (np.pi * sigma_pixels * k / length) ** 2))


class Blurred:
    """A blurred image, gathered band by band and read off anywhere."""

    def __init__(self, rows: Axis, cols: Axis) -> None:
        self._rows, self._cols = rows, cols
        self._sums = np.zeros((len(rows.gain), len(cols.gain)))

    def add(self, start: int, band: Floats) -> None:
        """Gather rows ``start`` onward of the image, (n, cols)."""
        waves = self._rows.waves[:, start : start + len(band)]
        self._sums += waves @ (band @ self._cols.waves.T)

    def finish(self) -> None:
        """Nothing is added any more."""
        self._damped = self._sums * self._rows.gain[:, None] * self._cols.gain

    def read(self, rows: slice, cols: slice) -> Floats:
        """Blurred pixels (rows, cols)."""
        part: Floats = self._rows.waves[:, rows].T @ (self._damped @ self._cols.waves[:, cols])
        return part


class Local:
    """``heamap.imaging.normalize.local`` of any part of an image: the same values, but for rounding.

    Parameters
    ----------
    image : (rows, cols), finite
    low, high : its extremes
    sampling_angstrom : pixel size
    """

    def __init__(self, image: Image, low: float, high: float, sampling_angstrom: float) -> None:
        self._image, self._low, self._range = image, low, high - low
        if not self._range:
            return
        sigma = LOCAL_SIGMA_ANGSTROM / sampling_angstrom
        rows, cols = (Axis.of(length, sigma) for length in image.shape)
        self._mean, self._square = Blurred(rows, cols), Blurred(rows, cols)
        bands = scratch.row_bands(image.shape, BAND_PIXELS)
        for start, stop in bands:
            self._mean.add(start, self._scaled(slice(start, stop), slice(None)))
            scratch.release(image)
        self._mean.finish()
        for start, stop in bands:
            self._square.add(start, self._deviation(slice(start, stop), slice(None)) ** 2)
            scratch.release(image)
        self._square.finish()

    def read(self, rows: slice, cols: slice) -> Image:
        """Normalised pixels (rows, cols); zeros where the image is flat throughout."""
        if not self._range:
            return np.zeros(self._image[rows, cols].shape, dtype=np.float32)
        contrast = np.sqrt(np.maximum(self._square.read(rows, cols), LOCAL_FLOOR**2))
        normalised = (self._deviation(rows, cols) / contrast).astype(np.float32)
        scratch.release(self._image)
        return normalised

    def _scaled(self, rows: slice, cols: slice) -> Floats:
        return (self._image[rows, cols].astype(np.float64) - self._low) / self._range

    def _deviation(self, rows: slice, cols: slice) -> Floats:
        return self._scaled(rows, cols) - self._mean.read(rows, cols)


class Absolute:
    """``heamap.imaging.normalize`` of kind ``absolute`` of any part of an image."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def read(self, rows: slice, cols: slice) -> Image:
        scaled = (self._image[rows, cols] * ABSOLUTE_SCALE).astype(np.float32)
        scratch.release(self._image)
        return scaled
