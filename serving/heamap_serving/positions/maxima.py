"""Columns of an image as maxima above their own surroundings, whatever its scale, background and thickness."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from heamap.evaluation.readout import candidates, strongest
from heamap_serving import scratch

Image = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

SHARP, SMOOTH = (0.35, 0.6), (0.45, 0.8)
"""Standard deviations, Angstrom, of two blurs whose difference is searched: of images with little noise, where it parts
a light column from heavy neighbours, and of others. The wider one takes slopes of thickness and background off."""

PLACE_BLURS = (0.3, 0.45)
"""Standard deviations, Angstrom, of the blur whose maxima are the places of the columns, with ``SHARP`` and ``SMOOTH``.
The difference of blurs pushes neighbours apart, by half a per cent of their distance."""

PLACE_REACH_ANGSTROM = 0.4
"""From a maximum of the difference to that of the blur, less than a third of the least distance of two: no two columns
meet. A light column beside a heavy one may have none, and keeps the first."""

LEAST_FOR_SHARP = 8.0
"""Contrast over noise of the median maximum that the sharp one needs."""

LEAST_DISTANCE_SHARE = 0.6
"""Of the nearest-column distance of training: of two maxima closer than this the higher one stays. Less than for the
network's maps, for crystals with closer columns than the alloy's."""

LEAST_OF_NOISE, CLEAR_OF_NOISE = 2.0, 3.5
"""Standard deviations of the noise, from the pixels around, that a maximum stands out by: at all, and clearly. Noise
itself has a maximum above 2 in some of the places where a column could be, and hardly one above 3.5."""

LEAST_OF_NEIGHBOURS = 0.12
"""Contrast of a column at least, of the stronger maxima around it."""

_NOISE_ANGSTROM = 3.0
_FINEST_FOR_NOISE_ANGSTROM = 0.35
"""Pixels larger than this see the columns in the differences of neighbours, which shall tell the noise."""

_NEIGHBOURS, _STRONGER = 12, 70
BAND_PIXELS = 2**21


@dataclass(frozen=True)
class Maxima:
    """Maxima of an image.

    Attributes
    ----------
    positions : (n, 2) row and column in pixels, below the pixel, in reading order
    contrast : (n,) difference of the blurs there, in the image's unit
    clear : (n,) whether it is above ``CLEAR_OF_NOISE``
    found : maxima before those without contrast were left out
    """

    positions: Values
    contrast: Values
    clear: npt.NDArray[np.bool_]
    found: int

    def kept(self, chosen: npt.NDArray[np.bool_]) -> "Maxima":
        return Maxima(self.positions[chosen], self.contrast[chosen], self.clear[chosen], self.found)


def find_maxima(image: Image, noise: "Noise", *, sampling_angstrom: float, nearest_distance_angstrom: float) -> Maxima:
    """Find the columns of an image (rows, cols) with square pixels.

    A maximum of the difference of two blurs, ``SHARP`` or, in noise, ``SMOOTH``, placed at the maximum of the blurred
    image, below the pixel by parabolas through its logarithm. It must stand out of the noise of the pixels around it,
    and among the maxima around it, so that thin and thick parts of a particle are judged by themselves.

    Parameters
    ----------
    noise : of the image before it was resampled
    nearest_distance_angstrom : expected from column to column
    """
    found, blur = _search(image, SHARP, sampling_angstrom, nearest_distance_angstrom), PLACE_BLURS[0]
    found, over = _above_noise(found, noise.of_response(found.positions * sampling_angstrom, SHARP))
    if len(over) and np.median(over) < LEAST_FOR_SHARP:
        found, blur = _search(image, SMOOTH, sampling_angstrom, nearest_distance_angstrom), PLACE_BLURS[1]
        found, _ = _above_noise(found, noise.of_response(found.positions * sampling_angstrom, SMOOTH))
    found = found.kept(found.contrast > LEAST_OF_NEIGHBOURS * _typical(found.positions, found.contrast))
    reach = PLACE_REACH_ANGSTROM / sampling_angstrom
    return replace(found, positions=_placed(found.positions, _blurred_maxima(image, blur / sampling_angstrom), reach))


def _above_noise(found: Maxima, level: Values) -> tuple[Maxima, Values]:
    """Maxima above the noise (n,) at their places, and how often they hold it."""
    # Where pixels are too coarse to tell it, all are clear.
    over = np.divide(found.contrast, level, out=np.full(len(level), np.inf), where=level > 0)
    some = over > LEAST_OF_NOISE
    return replace(found, clear=over > CLEAR_OF_NOISE).kept(some), over[some]


def _search(image: Image, blurs: tuple[float, float], sampling_angstrom: float, nearest_distance: float) -> Maxima:
    """All maxima of the difference of two blurs, the higher ones of those too close."""
    narrow, wide = (blur / sampling_angstrom for blur in blurs)

    def difference(band: Image) -> Image:
        return np.asarray(ndimage.gaussian_filter(band, narrow) - ndimage.gaussian_filter(band, wide))

    pixels, height, offset = _maxima(image, difference, math.ceil(4 * wide) + 1)
    kept = strongest(pixels, height, LEAST_DISTANCE_SHARE * nearest_distance / sampling_angstrom)
    return Maxima((pixels + offset)[kept], height[kept], np.ones(kept.sum(), bool), int(kept.sum()))


def _blurred_maxima(image: Image, blur: float) -> Values:
    """Places (n, 2) of the maxima of the image blurred by so many pixels."""
    # Above the darkest pixel: the logarithm of a column on a background that is not taken off is no parabola.
    darkest = float(image.min())
    pixels, _, offset = _maxima(
        image, lambda band: ndimage.gaussian_filter(band - darkest, blur), math.ceil(4 * blur) + 1
    )
    return np.asarray(pixels + offset)


def _maxima(
    image: Image, filtered: Callable[[Image], Image], reach: int
) -> tuple[npt.NDArray[np.int64], Values, Values]:
    """Maxima above 0 of an image that is filtered in bands: pixels (n, 2), heights (n,), offsets (n, 2).

    Parameters
    ----------
    reach : of the filter, in pixels
    """
    places, heights, offsets = [np.empty((0, 2), np.int64)], [np.empty(0)], [np.empty((0, 2))]
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        first, last = max(start - reach, 0), min(stop + reach, image.shape[0])
        response = filtered(image[first:last]).astype(np.float64)
        pixels, height, offset = candidates(response, float(np.finfo(np.float32).tiny))
        own = (pixels[:, 0] + first >= start) & (pixels[:, 0] + first < stop)
        places.append(pixels[own] + np.array([first, 0]))
        heights.append(height[own])
        offsets.append(offset[own])
        scratch.release(image)
    return np.concatenate(places), np.concatenate(heights), np.concatenate(offsets)


def _placed(positions: Values, better: Values, reach: float) -> Values:
    """Positions (n, 2) moved to the nearest better place within reach, if no other is nearer to that."""
    if not len(positions) or not len(better):
        return positions
    away, nearest = (np.asarray(found) for found in cKDTree(better).query(positions, distance_upper_bound=reach))
    back = np.asarray(cKDTree(positions).query(better)[1])
    moved = np.flatnonzero(np.isfinite(away))
    moved = moved[back[nearest[moved]] == moved]
    placed = positions.copy()
    placed[moved] = better[nearest[moved]]
    return placed


def _typical(positions: Values, height: Values) -> Values:
    """Contrast (n,) of the stronger ones among the nearest maxima."""
    count = min(_NEIGHBOURS, len(positions) - 1)
    if count < 1:
        return np.zeros(len(positions))
    _, index = cKDTree(positions).query(positions, k=range(2, count + 2))
    return np.asarray(np.percentile(height[index], _STRONGER, axis=1))


@dataclass(frozen=True)
class Noise:
    """White noise of an image, square by square.

    Attributes
    ----------
    power : (rows, cols) variance of a pixel times its area, image unit squared times square Angstrom
    side_angstrom : of a square along rows and columns
    """

    power: Values
    side_angstrom: tuple[float, float]

    def of_response(self, places_angstrom: Values, blurs: tuple[float, float]) -> Values:
        """Standard deviation (n,) that it has in the difference of two blurs at places (n, 2)."""
        narrow, wide = (blur**2 for blur in blurs)
        # The integral of the squared difference of two normal densities in the plane.
        share = (1 / narrow + 1 / wide - 4 / (narrow + wide)) / (4 * math.pi)
        return np.asarray(np.sqrt(self._power_at(places_angstrom) * share))

    def of_integral(self, places_angstrom: Values, area: float) -> Values:
        """Standard deviation (n,) that it has in an integral over so many square Angstrom at places (n, 2)."""
        return np.asarray(np.sqrt(self._power_at(places_angstrom) * area))

    def _power_at(self, places_angstrom: Values) -> Values:
        last = np.array(self.power.shape) - 1
        row, col = np.clip((places_angstrom / self.side_angstrom).astype(np.int64), 0, last).T
        return self.power[row, col]


def measure_noise(image: npt.NDArray[np.floating], steps: tuple[float, float]) -> Noise:
    """Noise of an image (rows, cols) of pixels of ``steps`` Angstrom, from the differences of four neighbours.

    The second difference a - b - c + d of a square of pixels sees no slope and, in fine pixels, no column (the finest
    wavelet; Donoho and Johnstone, Biometrika 81 (1994) 425). Where pixels are too coarse for that it is 0.
    """
    rows, cols = image.shape
    block = tuple(max(round(_NOISE_ANGSTROM / step), 2) for step in steps)
    shape = tuple(max(length // side, 1) for length, side in zip((rows, cols), block, strict=True))
    side = (block[0] * steps[0], block[1] * steps[1])
    if max(steps) > _FINEST_FOR_NOISE_ANGSTROM or min(rows // block[0], cols // block[1]) < 1:
        return Noise(np.zeros(shape), side)
    power = np.empty(shape)
    for row in range(shape[0]):
        band = image[row * block[0] : (row + 1) * block[0], : shape[1] * block[1]].astype(np.float64)
        twist = np.diff(np.diff(band, axis=0), axis=1) ** 2 / 4
        edges = np.arange(shape[1]) * block[1]
        power[row] = np.add.reduceat(twist.sum(axis=0), edges) / (len(twist) * block[1])
    scratch.release(image)
    smooth = ndimage.uniform_filter(power, 3, mode="nearest")
    return Noise(smooth * steps[0] * steps[1], side)
