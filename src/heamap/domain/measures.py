"""What is measured of an image, window by window and as a whole, before anything is counted in it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import KDTree

from heamap.domain import lattice
from heamap.domain.windows import Grid, cut, log_polar, plan_grid

Values = npt.NDArray[np.float64]

FOUND_CONTRAST = 2.5
"""Of the weakest spot, logarithm, for a lattice to be there: noise stays below 2 in hundreds of windows."""

DARK_SHARE = 0.15
"""A window that varies by less than this share of the image's clearest windows shows nothing to count."""

FEATURES = (*lattice.RELATIVE, "spots", "skewness")
"""What the distance from the training images is made of, all free of the image's scale and offset."""

MAXIMA_WINDOWS = 36
"""At most so many windows are searched for columns."""

_MAXIMA_BLUR_ANGSTROM = 0.45
_LEAST_MAXIMA = 6


@dataclass(frozen=True)
class Measures:
    """Measures of an image's windows, in reading order; n windows.

    Attributes
    ----------
    grid : the windows
    fit : their lattices
    strength : (n,) standard deviation of the pixels, in the image's own unit
    features : (n, len(FEATURES))
    weights : (n,) of the windows in the image's means; 0 where no lattice was found
    columns : maxima per unit cell of the lattice in the clearest windows; NaN where there is no lattice
    spacing_angstrom : median distance of neighbouring maxima; NaN where there are too few
    """

    grid: Grid
    fit: lattice.Fit
    strength: Values
    features: Values
    weights: Values
    columns: float
    spacing_angstrom: float

    @property
    def lit(self) -> npt.NDArray[np.bool_]:
        """(n,) whether there is something to count."""
        clear = self.strength[self.weights > 0]
        reference = np.percentile(clear if clear.size else self.strength, 90)
        return np.asarray(self.strength >= DARK_SHARE * reference)

    @property
    def any_lattice(self) -> bool:
        return bool((self.weights > 0).any())

    def mean(self, values: Values) -> Values:
        """Weighted mean of window values (n, ...) over the windows with a lattice."""
        return np.asarray(np.average(values, axis=0, weights=self.weights))

    def median(self, values: Values) -> float:
        """Weighted median of window values (n,) over the windows with a lattice."""
        order = np.argsort(values)
        passed = np.cumsum(self.weights[order])
        return float(values[order][np.searchsorted(passed, passed[-1] / 2)])


def measure(image: npt.NDArray[np.floating], *, sampling_angstrom: float) -> Measures:
    """Measure an image (rows, cols) of any scale and offset."""
    rows, cols = image.shape
    grid = plan_grid((rows, cols), sampling_angstrom=sampling_angstrom)
    fits, strength, skewness = [], [], []
    for windows in cut(image, grid):
        fits.append(
            lattice.fit(log_polar(windows, sampling_angstrom=sampling_angstrom), sampling_angstrom=sampling_angstrom)
        )
        spread, skew = _moments(windows)
        strength.append(spread)
        skewness.append(skew)
    fit = lattice.joined(fits)
    deviation = np.concatenate(strength)
    features = np.column_stack([fit.relative, fit.contrast, np.concatenate(skewness)])
    weights = _weights(fit.contrast, deviation)
    columns, spacing = _columns(image, grid, fit, weights, sampling_angstrom)
    return Measures(grid, fit, deviation, features, weights, columns, spacing)


def _moments(windows: npt.NDArray[np.float32]) -> tuple[Values, Values]:
    """Standard deviation and skewness (n,) of windows' pixels; a constant window has no skewness."""
    flat = windows.reshape(len(windows), -1)
    flat = flat - flat.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    squares = flat * flat
    deviation = np.sqrt(squares.mean(axis=1, dtype=np.float64))
    third = np.mean(squares * flat, axis=1, dtype=np.float64)
    cube = deviation**3
    return deviation, np.divide(third, cube, out=np.zeros_like(third), where=cube > 0)


def _weights(contrast: Values, strength: Values) -> Values:
    """The square of a lattice's contrast above the least: windows at a particle's edge shall not decide."""
    found = np.where(contrast >= FOUND_CONTRAST, contrast - FOUND_CONTRAST + 0.1, 0.0)
    if found.any():
        found[strength < DARK_SHARE * np.percentile(strength[found > 0], 90)] = 0.0
    return np.asarray(found**2)


def _columns(
    image: npt.NDArray[np.floating], grid: Grid, fit: lattice.Fit, weights: Values, sampling_angstrom: float
) -> tuple[float, float]:
    """Maxima per unit cell, and the median distance of neighbouring ones, in the windows with the clearest lattices."""
    clearest = np.argsort(-weights)[:MAXIMA_WINDOWS]
    shares, distances = [], []
    corners = grid.corners()
    for window in clearest[weights[clearest] > 0.5 * weights.max()]:
        top, left = corners[window]
        places = _maxima(image[top : top + grid.side[0], left : left + grid.side[1]], sampling_angstrom)
        if len(places) < _LEAST_MAXIMA:
            continue
        distances.append(np.asarray(KDTree(places).query(places, k=2)[0])[:, 1])
        shares.append(
            len(places) / (grid.side[0] * grid.side[1] * sampling_angstrom**2 / lattice.cell_area(fit.constant[window]))
        )
    if not distances:
        return np.nan, np.nan
    return float(np.median(shares)), float(np.median(np.concatenate(distances)))


def _maxima(window: npt.NDArray[np.floating], sampling_angstrom: float) -> Values:
    """Places (n, 2), in Angstrom, of maxima above the window's mean, away from its border."""
    smooth = ndimage.gaussian_filter(window.astype(np.float32), _MAXIMA_BLUR_ANGSTROM / sampling_angstrom)
    peaks = (smooth == ndimage.maximum_filter(smooth, size=3)) & (smooth > smooth.mean())
    peaks[[0, -1], :] = False
    peaks[:, [0, -1]] = False
    return np.asarray(np.argwhere(peaks) * sampling_angstrom)
