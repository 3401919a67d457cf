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

from heamap.evaluation.gaussian_equations import Equations, FloatArray, Terms, band, band_width

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
# Below lies nothing that double precision would see, but numbers so small that processors compute slowly with them.
FAINTEST = 1e-30
# Parameters of a column: height, row, column, width.
KINDS = 4
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
# image. Profiles of the columns are kept in three groups: the Gaussians (0), their derivatives by position (1) and by
# width (2). The derivative by each of the KINDS is a sum of pairs of groups.
_DERIVATIVES: tuple[Terms, ...] = (((0, 0),), ((1, 0),), ((0, 1),), ((2, 0), (0, 2)))


def fit_gaussians(
    image: npt.NDArray[np.floating], rows: npt.ArrayLike, cols: npt.ArrayLike, *, sampling_angstrom: float
) -> Gaussians:
    """Fit one Gaussian to every column, together with its neighbours and the background, by least squares.

    Levenberg and Marquardt's method on all parameters at once. Positions move by at most ``SHIFT_ANGSTROM`` a
    direction, widths stay within ``WIDTH_ANGSTROM``. Columns that do not overlap stay apart in the equations, which are
    banded when the columns are taken in their order along one axis.

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
    # Banded equations are narrowest along the axis along which the columns spread farthest.
    order = np.argsort(starts[np.ptp(starts, axis=1).argmax()], kind="stable")
    found = _Fit(values, starts[:, order], sampling_angstrom).run()
    back = np.argsort(order)
    found = _State(found.heights[back], found.rows[back], found.cols[back], found.widths[back], found.knots)
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
        # (knots, pixels) along either axis
        self._tents = (
            np.repeat(tents[0], tents[1].shape[1], axis=1).T.copy(),
            np.tile(tents[1], tents[0].shape[1]).T.copy(),
        )

    def run(self) -> _State:
        state = self._linear()
        residual = self._residual(state)
        cost = float((residual**2).sum())
        nothing = EXACT * float((self._image**2).sum())
        damping = 1e-3
        for _ in range(MAX_STEPS):
            if cost <= nothing:
                break
            # A Gaussian moves and widens in proportion to its height.
            scale = np.stack([np.ones_like(state.heights), *[state.heights] * (KINDS - 1)])
            equations = self._equations(state, residual, _DERIVATIVES, scale)
            while True:
                trial = self._moved(state, *equations.solve(damping))
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

    def _profiles(self, state: _State) -> tuple[FloatArray, FloatArray]:
        """The three groups of profiles along the rows and along the columns of the image, each (3, columns, pixels)."""
        groups = []
        for centres, size in zip((state.rows, state.cols), self._image.shape, strict=True):
            scaled = (np.arange(size) - centres[:, None]) / state.widths[:, None]
            bell = np.exp(-0.5 * scaled**2)
            bell[bell < FAINTEST] = 0
            slope = bell * scaled / state.widths[:, None]
            groups.append(np.stack([bell, slope, slope * scaled]))
        return groups[0], groups[1]

    def _residual(self, state: _State) -> FloatArray:
        down, across = self._profiles(state)
        columns = (down[0].T * state.heights) @ across[0]
        return np.asarray(self._image - columns - (self._tents[0].T * state.knots) @ self._tents[1])

    def _linear(self) -> _State:
        """Best heights and background for the starting positions and width."""
        number = self._starts.shape[1]
        rows, cols = self._starts
        widths = np.full(number, self._first_width)
        flat = _State(np.zeros(number), rows, cols, widths, np.zeros(len(self._tents[0])))
        best, knots = self._equations(flat, self._image, _DERIVATIVES[:1], np.ones((1, number))).solve(MIN_DAMPING)
        return _State(best[0], rows, cols, widths, knots)

    def _equations(
        self, state: _State, residual: FloatArray, derivatives: tuple[Terms, ...], scale: FloatArray
    ) -> Equations:
        """J^T J and J^T residual of the model's derivatives J, from sums over profiles: J itself is never formed.

        ``scale`` (kinds, columns) multiplies the derivatives.
        """
        down, across = self._profiles(state)
        pulled = [residual @ profiles.T for profiles in across]
        slopes = np.stack([sum((down[u].T * pulled[v]).sum(axis=0) for u, v in terms) for terms in derivatives])
        # (kinds, columns, knots)
        border = np.stack(
            [
                sum((down[u] @ self._tents[0].T) * (across[v] @ self._tents[1].T) for u, v in terms)
                for terms in derivatives
            ]
        )
        return Equations(
            band(down, across, band_width(state.rows, state.cols, state.widths), derivatives, scale),
            border * scale[..., None],
            (self._tents[0] @ self._tents[0].T) * (self._tents[1] @ self._tents[1].T),
            slopes * scale,
            ((self._tents[0] @ residual) * self._tents[1]).sum(axis=1),
        )

    def _moved(self, state: _State, step: FloatArray, knots: FloatArray) -> _State:
        heights, rows, cols, widths = step
        low, high = self._starts - self._shift, self._starts + self._shift
        return _State(
            state.heights + heights,
            np.clip(state.rows + rows, low[0], high[0]),
            np.clip(state.cols + cols, low[1], high[1]),
            np.clip(state.widths + widths, *self._widths),
            state.knots + knots,
        )


def _tents(where: npt.NDArray[np.number], size: int, spacing: float) -> FloatArray:
    """(n, knots) weights of the background's knots at positions along an axis of ``size`` pixels; rows sum to 1."""
    last = max(int(np.ceil((size - 1) / spacing)), 1)
    place = np.clip(where, 0, size - 1)[:, None] * (last / (size - 1))
    return np.maximum(1 - np.abs(place - np.arange(last + 1)), 0.0)
