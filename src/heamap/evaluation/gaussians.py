"""Gaussians fitted to the columns of one image: heights, widths and volumes over a sloping background.

The model of atom counting in practice, image = background + sum of h exp(-d^2 / (2 s^2)), with the volume 2 pi h s^2 as
a column's intensity: De Backer et al., Ultramicroscopy 134 (2013) 23; StatSTEM, Ultramicroscopy 171 (2016) 104. All
columns are fitted at once, so that what overlaps is shared out. Theirs has one constant background; here it varies
linearly between far knots, as a tilted support does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

FloatArray = npt.NDArray[np.float64]

KNOT_ANGSTROM = 60.0
"""Distance of the background's knots at most: wider than a particle.

Between its columns a particle scatters too, more where it is thicker. A background with knots of 8 Angstrom follows
that, and takes it from the volumes: they then explained .53 of the variance of the total within an image, .66 with
those of 60 (6 images of the thermal engine, 1,111 columns, degraded; Voronoi cells .68).
"""

START_WIDTH_ANGSTROM = 0.55
WIDTH_ANGSTROM = (0.2, 1.5)
"""Smallest and largest standard deviation; probes of .7 to 1.5 Angstrom full width lie well inside."""

# Less than half of the nearest distance between columns, so that no two change places.
SHIFT_ANGSTROM = 0.6

MAX_STEPS = 20
# The noise of the volumes is far above what a ten-thousandth of the squared residual moves; below EXACT is rounding.
TOLERANCE, EXACT = 1e-4, 1e-20
# Columns on top of each other leave the equations singular without a trace of damping.
MIN_DAMPING = 1e-9
# A step that still makes the fit worse at this damping cannot make it better.
MAX_DAMPING = 1e6


@dataclass(frozen=True)
class Gaussians:
    """The fitted columns, in the order in which they were given.

    Attributes
    ----------
    rows, cols : (n,) positions in pixels
    heights : (n,) intensity above the background
    widths_angstrom : (n,) standard deviations
    backgrounds : (n,) intensity of the background at the column
    """

    rows: FloatArray
    cols: FloatArray
    heights: FloatArray
    widths_angstrom: FloatArray
    backgrounds: FloatArray

    @property
    def volumes(self) -> FloatArray:
        """(n,) integrals 2 pi h s^2, intensity times square Angstrom."""
        return 2 * np.pi * self.heights * self.widths_angstrom**2


@dataclass(frozen=True)
class _State:
    """Parameters of the fit, in pixels; the last are the background's values at its knots."""

    heights: FloatArray
    rows: FloatArray
    cols: FloatArray
    widths: FloatArray
    knots: FloatArray


# Every term of the model, and of its derivatives, is a profile along the rows times a profile along the columns of the
# image. Profiles are kept in four groups: the Gaussians (0), their derivatives by position (1) and by width (2), and
# the background's tents (3). The derivative by each parameter of _State is a sum of pairs of groups.
_Terms = tuple[tuple[int, int], ...]
_DERIVATIVES: tuple[_Terms, ...] = (((0, 0),), ((1, 0),), ((0, 1),), ((2, 0), (0, 2)), ((3, 3),))


def fit_gaussians(
    image: npt.NDArray[np.floating], rows: npt.ArrayLike, cols: npt.ArrayLike, *, sampling_angstrom: float
) -> Gaussians:
    """Fit one Gaussian to every column, together with its neighbours and the background, by least squares.

    Levenberg and Marquardt's method on all parameters at once. Positions move by at most ``SHIFT_ANGSTROM`` a
    direction, widths stay within ``WIDTH_ANGSTROM``. The time rises faster than the square of the number of columns.

    Parameters
    ----------
    image : (rows, cols) intensities, linear in the signal
    rows, cols : (n,) positions to start from, in pixels

    Raises
    ------
    ValueError : the image is not two-dimensional or not finite, or a column lies outside it
    """
    values = np.asarray(image, np.float64)
    starts = np.stack([np.asarray(rows, np.float64), np.asarray(cols, np.float64)])
    if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ValueError(f"expected a finite image (rows, cols), got shape {values.shape}")
    outside = ~((starts >= -0.5) & (starts <= np.subtract(values.shape, 0.5)[:, None])).all(axis=0)
    if outside.any():
        raise ValueError(f"the column at (row, column) {starts[:, outside][:, 0].tolist()} is outside {values.shape}")
    if not starts.size:
        return Gaussians(*(np.empty(0) for _ in range(5)))
    found = _Fit(values, starts, sampling_angstrom).run()
    row_tents, col_tents = (
        _tents(where, size, KNOT_ANGSTROM / sampling_angstrom)
        for where, size in zip((found.rows, found.cols), values.shape, strict=True)
    )
    backgrounds = ((row_tents @ found.knots.reshape(-1, col_tents.shape[1])) * col_tents).sum(axis=1)
    return Gaussians(found.rows, found.cols, found.heights, found.widths * sampling_angstrom, backgrounds)


def with_gaussians(table: pd.DataFrame, image: npt.NDArray[np.floating], *, sampling_angstrom: float) -> pd.DataFrame:
    """One sample's table of columns with ``gaussian_height``, ``gaussian_volume`` (intensity times square Angstrom),
    ``gaussian_width_angstrom`` and ``gaussian_background`` added.

    Parameters
    ----------
    table : ``row``, ``col`` of every column of the image
    image : (rows, cols) intensities
    """
    found = fit_gaussians(image, table["row"], table["col"], sampling_angstrom=sampling_angstrom)
    return table.assign(
        gaussian_height=found.heights,
        gaussian_volume=found.volumes,
        gaussian_width_angstrom=found.widths_angstrom,
        gaussian_background=found.backgrounds,
    )


class _Fit:
    """One image's least-squares problem."""

    def __init__(self, image: FloatArray, starts: FloatArray, sampling: float) -> None:
        self._image = image
        self._starts = starts
        self._shift = SHIFT_ANGSTROM / sampling
        self._widths = (WIDTH_ANGSTROM[0] / sampling, WIDTH_ANGSTROM[1] / sampling)
        self._first_width = START_WIDTH_ANGSTROM / sampling
        tents = [_tents(np.arange(size), size, KNOT_ANGSTROM / sampling) for size in image.shape]
        self._tents = (np.repeat(tents[0], tents[1].shape[1], axis=1), np.tile(tents[1], tents[0].shape[1]))

    def run(self) -> _State:
        state = self._linear()
        residual = self._residual(state)
        cost = float((residual**2).sum())
        nothing = EXACT * float((self._image**2).sum())
        damping = 1e-3
        for _ in range(MAX_STEPS):
            if cost <= nothing:
                break
            matrix, gradient = self._normal_equations(state, residual)
            while True:
                trial = self._moved(state, _solve(matrix, gradient, damping))
                trial_residual = self._residual(trial)
                trial_cost = float((trial_residual**2).sum())
                if trial_cost <= cost or damping > MAX_DAMPING:
                    break
                damping *= 10
            if trial_cost > cost:
                break
            gain, cost, state, residual = cost - trial_cost, trial_cost, trial, trial_residual
            damping = max(damping / 10, MIN_DAMPING)
            if gain <= TOLERANCE * cost:
                break
        return state

    def _profiles(self, state: _State) -> tuple[list[FloatArray], list[FloatArray]]:
        """The four groups of profiles, along the rows and along the columns of the image."""
        groups = []
        for centres, tents, size in zip((state.rows, state.cols), self._tents, self._image.shape, strict=True):
            offset = np.arange(size)[:, None] - centres
            bell = np.exp(-0.5 * (offset / state.widths) ** 2)
            groups.append([bell, bell * offset / state.widths**2, bell * offset**2 / state.widths**3, tents])
        return groups[0], groups[1]

    def _residual(self, state: _State) -> FloatArray:
        down, across = self._profiles(state)
        columns = (down[0] * state.heights) @ across[0].T
        return np.asarray(self._image - columns - (down[3] * state.knots) @ across[3].T)

    def _linear(self) -> _State:
        """Best heights and background for the starting positions and width."""
        number = self._starts.shape[1]
        knots = np.zeros(self._tents[0].shape[1])
        rows, cols = self._starts
        first = _State(np.zeros(number), rows, cols, np.full(number, self._first_width), knots)
        down, across = (np.hstack([group[0], group[3]]) for group in self._profiles(first))
        best = _solve(
            (down.T @ down) * (across.T @ across), ((down.T @ self._image) * across.T).sum(axis=1), MIN_DAMPING
        )
        return _State(best[:number], rows, cols, first.widths, best[number:])

    def _normal_equations(self, state: _State, residual: FloatArray) -> tuple[FloatArray, FloatArray]:
        """J^T J and J^T residual of the model's derivatives J, from sums over profiles: J itself is never formed."""
        down, across = self._profiles(state)
        rows_gram, cols_gram = _gram(down), _gram(across)

        def products(left: _Terms, right: _Terms) -> FloatArray:
            return np.sum([rows_gram[u][p] * cols_gram[v][q] for u, v in left for p, q in right], axis=0)

        blocks = [[products(left, right) for right in _DERIVATIVES] for left in _DERIVATIVES]
        pulled = [residual @ profiles for profiles in across]
        slopes = [sum((down[u] * pulled[v]).sum(axis=0) for u, v in terms) for terms in _DERIVATIVES]
        # A Gaussian moves and widens in proportion to its height.
        height = state.heights
        scale = np.concatenate([np.ones_like(height), height, height, height, np.ones_like(state.knots)])
        return np.block(blocks) * np.outer(scale, scale), np.concatenate(slopes) * scale

    def _moved(self, state: _State, step: FloatArray) -> _State:
        number = len(state.heights)
        heights, rows, cols, widths = step[: 4 * number].reshape(4, number)
        low, high = self._starts - self._shift, self._starts + self._shift
        return _State(
            state.heights + heights,
            np.clip(state.rows + rows, low[0], high[0]),
            np.clip(state.cols + cols, low[1], high[1]),
            np.clip(state.widths + widths, *self._widths),
            state.knots + step[4 * number :],
        )


def _tents(where: npt.NDArray[np.number], size: int, spacing: float) -> FloatArray:
    """(n, knots) weights of the background's knots at positions along an axis of ``size`` pixels; rows sum to 1."""
    last = max(int(np.ceil((size - 1) / spacing)), 1)
    place = np.clip(where, 0, size - 1)[:, None] * (last / (size - 1))
    return np.maximum(1 - np.abs(place - np.arange(last + 1)), 0.0)


def _gram(groups: list[FloatArray]) -> list[list[FloatArray]]:
    """Scalar products of the profiles of every group with those of every other."""
    edges = np.cumsum([group.shape[1] for group in groups])[:-1]
    products = np.hstack(groups)
    return [np.split(part, edges, axis=1) for part in np.split(products.T @ products, edges, axis=0)]


def _solve(matrix: FloatArray, right: FloatArray, damping: float) -> FloatArray:
    """Solution of the normal equations with the diagonal raised by a share of itself."""
    unit = np.sqrt(np.diag(matrix))
    unit[unit == 0] = 1
    scaled = matrix / np.outer(unit, unit)
    scaled[np.diag_indices_from(scaled)] += damping
    return np.asarray(cho_solve(cho_factor(scaled, overwrite_a=True, check_finite=False), right / unit) / unit)
