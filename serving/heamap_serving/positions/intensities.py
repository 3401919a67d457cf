"""Relative intensities of columns in an image whose black level nobody knows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from heamap_serving import scratch
from heamap_serving.atom_counting import cell_intensities

Image = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

FREE, DARKEST = "the field without columns", "the darkest place of the image"
"""Where the background is from."""

_SQUARE_ANGSTROM = 0.8
_AWAY_SHARE = 1.1
"""Nearest-column distances from every column: where none is, and little of any is seen."""

_REACH_ANGSTROM = 12.8
_LEAST_FREE = 0.01
_DARK_PERCENTILE = 0.5
_WHOLE_WEIGHT = 1e-3


@dataclass(frozen=True)
class Intensities:
    """Intensities of n columns.

    Attributes
    ----------
    integrated : (n,) above the background, image unit times square Angstrom
    relative : (n,) over the median column's; NaN where that is not above the background
    background : (n,) at the column, image unit
    background_from : ``FREE`` or ``DARKEST``
    """

    integrated: Values
    relative: Values
    background: Values
    background_from: str

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Intensities":
        """Of some of the columns, relative to their own median."""
        integrated = self.integrated[chosen]
        return Intensities(integrated, _relative(integrated), self.background[chosen], self.background_from)


def measure_intensities(
    image: Image,
    positions: Values,
    occupied: Values,
    *,
    sampling_angstrom: float,
    radius_angstrom: float,
    nearest_distance_angstrom: float,
) -> Intensities:
    """Integrated intensities of columns above what surrounds them.

    The image over each column's Voronoi cell (``heamap.evaluation.table.integrated_intensity``), less the background
    there: the mean of the field without columns nearby, far from columns the mean of all of it. In a field full of
    columns nothing tells the background from them, and the darkest half per cent stands in. What lies between the
    columns of a particle stays: it is scattered by them (``heamap.evaluation.gaussians``).

    Parameters
    ----------
    image : (rows, cols) of any unit and black level
    positions : (n, 2) row and column in pixels
    occupied : (m, 2) all places that may be columns, which tell no background
    radius_angstrom : that cells are cut off at
    """
    squares, side = _squares(image, sampling_angstrom)
    empty = np.ones(squares.shape, bool)
    empty[_square_of(occupied, side, squares.shape)] = False
    away = np.asarray(ndimage.distance_transform_edt(empty)) * side * sampling_angstrom
    free = away > _AWAY_SHARE * nearest_distance_angstrom
    if free.mean() >= _LEAST_FREE:
        background, source = _local_mean(squares, free, _REACH_ANGSTROM / (side * sampling_angstrom)), FREE
    else:
        background, source = np.full(squares.shape, np.percentile(squares, _DARK_PERCENTILE)), DARKEST
    below = background[_square_of(positions, side, squares.shape)]
    whole = cell_intensities(image, positions, sampling_angstrom, radius_angstrom)
    integrated = whole - below * np.pi * radius_angstrom**2
    return Intensities(integrated, _relative(integrated), below, source)


def _relative(integrated: Values) -> Values:
    middle = float(np.median(integrated)) if len(integrated) else 0.0
    return integrated / middle if middle > 0 else np.full(len(integrated), np.nan)


def _squares(image: Image, sampling_angstrom: float) -> tuple[Values, int]:
    """Means of squares of about ``_SQUARE_ANGSTROM``, and their side in pixels; pixels left over are dropped."""
    side = min(max(round(_SQUARE_ANGSTROM / sampling_angstrom), 1), *image.shape)
    rows, cols = (length // side for length in image.shape)
    means = np.empty((rows, cols))
    for start, stop in scratch.row_bands(means.shape, 2**21 // side**2):
        part = image[start * side : stop * side, : cols * side].reshape(stop - start, side, cols, side)
        means[start:stop] = part.mean(axis=(1, 3), dtype=np.float64)
        scratch.release(image)
    return means, side


def _square_of(positions: Values, side: int, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], ...]:
    """Rows and columns (n,) of the squares that positions (n, 2), in pixels, lie in."""
    return tuple(np.clip((positions / side).astype(np.int64), 0, np.array(shape) - 1).T)


def _local_mean(values: Values, chosen: npt.NDArray[np.bool_], reach: float) -> Values:
    """Mean of the chosen values around each place, weighted by distance; that of all where none are near."""
    weight = ndimage.gaussian_filter(chosen.astype(np.float64), reach, mode="nearest") + _WHOLE_WEIGHT
    mean = float(values[chosen].mean())
    around = ndimage.gaussian_filter(np.where(chosen, values - mean, 0.0), reach, mode="nearest")
    return np.asarray(mean + around / weight)
