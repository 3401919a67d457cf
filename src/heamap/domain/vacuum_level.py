"""How bright the vacuum in view is, and how that changes across the image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from heamap.domain.vacuum import Mask, Squares

Values = npt.NDArray[np.float64]

PATCH_SQUARES = 2
"""Neighbouring squares are no independent witnesses of a slope, as supports vary over Angstroms: means over patches of
so many by so many are."""

LEAST_FREE = 3
"""Patches more than the plane has numbers."""

LEAST_EXTENT = 0.5
"""Of the image along an axis: where the vacuum does not reach as far, a slope along that axis is seen, but not carried
on under the particle."""

CHANCE = 1e-3
"""Of a slope that an even, textured support shows by accident; a less certain one is none."""

LEAST_RISE = 0.2
"""Across the image, over the training's brightest background: as much as its own texture adds. Less is no slope."""

DARKER_SHARE = 0.3
"""Over the training's brightest background. Darkest squares lie below the mean of the vacuum by the support's texture,
in training by so much at most; what noise and rougher textures add to that is not left on the particle."""

_ROUNDS = 4
_OUTLYING = 3.0
"""Deviations above the rest from which a square shows something else than vacuum: contamination, a grain without a
lattice."""


@dataclass(frozen=True)
class Level:
    """A plane through the vacuum, held at what the vacuum shows at most and at least.

    Attributes
    ----------
    constant : brightness, in the image's unit
    slope : change per square along rows and columns
    middle : row and column of the square that ``constant`` belongs to
    least, most : of what the slope adds
    mean : of the vacuum beside the slope
    darkest : of the squares without the slope, by which the training's backgrounds are taken off
    rise : from the darkest to the brightest place of the plane in the image; 0 without a slope
    unknown_rise : across the image, of slopes that the vacuum shows on too short a stretch to be carried on
    outlying : share of the vacuum that is brighter than the rest, and that the plane is not made of
    span : share of the image's rows, or of its columns, that the vacuum reaches along, whichever is less
    """

    constant: float
    slope: tuple[float, float]
    middle: tuple[float, float]
    least: float
    most: float
    mean: float
    darkest: float
    rise: float
    unknown_rise: float
    outlying: float
    span: float

    def rows(self, rows: Values, cols: Values) -> Values:
        """Brightness (rows, cols) at these rows and columns, in squares and parts of them."""
        return self.constant + _slanted(self.slope, self.middle, (self.least, self.most), rows, cols)


def level_of(means: Squares, vacuum: Mask, *, most: float, darkest: float) -> Level:
    """The level of an image that shows vacuum.

    An even support is taken off as in training, by the darkest squares of the whole image.

    Parameters
    ----------
    means : of the image over its squares
    vacuum : which of them show vacuum, one at least
    most : the training's brightest background, in the image's unit
    darkest : share of the squares below the level
    """
    places, values = np.argwhere(vacuum).astype(np.float64), means[vacuum]
    slope, unknown, kept = _fit(places, values, means.shape, most)
    middle = places[kept].mean(axis=0)
    along = (places - middle) @ slope
    ends = (float(along[kept].min()), float(along[kept].max()))
    rows, cols = (np.arange(length, dtype=np.float64) for length in means.shape)
    slant = _slanted(slope, middle, ends, rows, cols)
    level = means - slant if slope.any() else means
    own = float((values - np.clip(along, *ends))[kept].mean())
    lowest = float(np.quantile(level, darkest))
    return Level(
        max(lowest, own - DARKER_SHARE * most),
        (float(slope[0]), float(slope[1])),
        (float(middle[0]), float(middle[1])),
        *ends,
        mean=own,
        darkest=lowest,
        rise=float(np.ptp(slant)),
        unknown_rise=float(np.abs(unknown) @ np.array(means.shape)),
        outlying=float(1 - kept.mean()),
        span=float(((np.ptp(places, axis=0) + 1) / np.array(means.shape)).min()),
    )


def _slanted(
    slope: npt.ArrayLike, middle: npt.ArrayLike, ends: tuple[float, float], rows: Values, cols: Values
) -> Values:
    down, across = np.asarray(slope, np.float64)
    row, col = np.asarray(middle, np.float64)
    return np.clip(down * (rows - row)[:, None] + across * (cols - col), *ends)


def _fit(places: Values, values: Values, shape: tuple[int, ...], most: float) -> tuple[Values, Values, Mask]:
    """Slopes (2,) of the plane through the vacuum's squares, that are carried on and that are not, and which squares
    (n,) it is made of."""
    kept = np.ones(len(values), np.bool_)
    slope = unknown = np.zeros(2)
    for _ in range(_ROUNDS):
        middle = places[kept].mean(axis=0)
        slope, unknown = _slopes(places[kept] - middle, values[kept], shape)
        left = values - (places - middle) @ (slope + unknown)
        left = left - np.median(left[kept])
        spread = 1.4826 * float(np.median(np.abs(left[kept])))
        within = left <= max(_OUTLYING * spread, most / 2)
        if (within == kept).all():
            break
        kept = within
    rise = float(np.abs(slope) @ np.array(shape))
    return (slope if rise > LEAST_RISE * most else np.zeros(2)), unknown, kept


def _slopes(places: Values, values: Values, shape: tuple[int, ...]) -> tuple[Values, Values]:
    """Of the plane by least squares through means over patches, along the vacuum's own axes: of those that span the
    image, and of those that do not.

    Parameters
    ----------
    places : (n, 2) from their mean
    shape : of the image, in squares
    """
    axes = np.linalg.eigh(places.T @ places)[1].T
    extents = np.array([np.ptp(places @ axis) for axis in axes])
    seen = extents >= 2 * PATCH_SQUARES
    _, owner = np.unique(np.floor(places / PATCH_SQUARES).astype(np.int64), axis=0, return_inverse=True)
    sizes = np.bincount(owner.ravel()).astype(np.float64)
    free = len(sizes) - 1 - np.count_nonzero(seen)
    if not seen.any() or free < LEAST_FREE:
        return np.zeros(2), np.zeros(2)
    sums = [np.bincount(owner.ravel(), weights=each) / sizes for each in (*(axes[seen] @ places.T), values)]
    heavy = np.sqrt(sizes)
    plane, wanted = np.column_stack([np.ones(len(sizes)), *sums[:-1]]) * heavy[:, None], sums[-1] * heavy
    found, *_ = np.linalg.lstsq(plane, wanted, rcond=None)
    variance = float(((wanted - plane @ found) ** 2).sum()) / free
    errors = variance * np.diag(np.linalg.pinv(plane.T @ plane))[1:]
    # Student's t squared is F with one degree of freedom.
    ratios = np.divide(found[1:] ** 2, errors, out=np.full(len(errors), np.inf), where=errors > 0)
    sure = np.where(special.fdtrc(1, free, ratios) < CHANCE, found[1:], 0.0)
    far = extents[seen] >= LEAST_EXTENT * (np.abs(axes[seen]) @ np.array(shape))
    return np.where(far, sure, 0.0) @ axes[seen], np.where(far, 0.0, sure) @ axes[seen]
