"""Normal equations of Gaussians fitted to columns: banded, for columns that do not overlap have nothing to share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded, solve
from scipy.spatial import KDTree

FloatArray = npt.NDArray[np.float64]

Terms = tuple[tuple[int, int], ...]
"""Pairs of groups of profiles, along the rows and along the columns of the image."""

_Gram = Callable[[int, int], FloatArray]

NEGLIGIBLE = 1e-10
"""Of the product of two unit Gaussians. What lies below is left out of the equations, though not of the image."""


@dataclass(frozen=True)
class Equations:
    """Normal equations: a banded part for the columns, bordered by the few knots of the background.

    Attributes
    ----------
    band : (width of the band, kinds x columns) lower diagonals; a column's kinds follow each other
    border : (kinds, columns, knots)
    corner : (knots, knots)
    columns, knots : (kinds, columns) and (knots,) right-hand sides
    """

    band: FloatArray
    border: FloatArray
    corner: FloatArray
    columns: FloatArray
    knots: FloatArray

    def solve(self, damping: float) -> tuple[FloatArray, FloatArray]:
        """Solution with the diagonal raised by a share of itself; more, where it must for the equations to be definite.

        Returns
        -------
        (kinds, columns) and (knots,)
        """
        unit, knot_unit = (_unit(diagonal) for diagonal in (self.band[0], np.diag(self.corner)))
        scaled = self.band / unit
        for offset in range(len(scaled)):
            scaled[offset, : len(unit) - offset] /= unit[offset:]
        scaled[0] += damping
        number, knots = self.columns.size, len(self.corner)
        border = self.border.transpose(1, 0, 2).reshape(number, knots) / unit[:, None] / knot_unit
        corner = self.corner / np.outer(knot_unit, knot_unit)
        corner[np.diag_indices(knots)] += damping
        right, knot_right = self.columns.T.ravel() / unit, self.knots / knot_unit
        try:
            factor = cholesky_banded(scaled, lower=True, check_finite=False)
            solved = cho_solve_banded((factor, True), np.column_stack([right, border]), check_finite=False)
            # Block elimination: the knots first, from what the columns leave of them.
            left = corner - border.T @ solved[:, 1:]
            found = solve(left, knot_right - border.T @ solved[:, 0], assume_a="pos", check_finite=False)
        except LinAlgError:
            return self.solve(10 * damping)
        columns = (solved[:, 0] - solved[:, 1:] @ found) / unit
        return columns.reshape(self.columns.T.shape).T, found / knot_unit


def _unit(diagonal: FloatArray) -> FloatArray:
    unit = np.sqrt(diagonal)
    unit[unit == 0] = 1
    return unit


def band_width(rows: FloatArray, cols: FloatArray, widths: FloatArray) -> int:
    """How far apart in their order two columns that overlap are at most.

    Parameters
    ----------
    rows, cols, widths : (columns,) positions and standard deviations in pixels
    """
    positions = np.column_stack([rows, cols])
    far = -2 * np.log(NEGLIGIBLE)
    near = KDTree(positions).query_pairs(np.sqrt(2 * far) * widths.max(), output_type="ndarray")
    square = ((positions[near[:, 0]] - positions[near[:, 1]]) ** 2).sum(axis=1)
    touching = near[square < far * (widths[near] ** 2).sum(axis=1)]
    return int(np.ptp(touching, axis=1).max(initial=0))


def band(
    down: FloatArray, across: FloatArray, width: int, derivatives: tuple[Terms, ...], scale: FloatArray
) -> FloatArray:
    """Lower diagonals of the normal equations of columns that are at most ``width`` apart in their order.

    Parameters
    ----------
    down, across : (groups, columns, pixels) profiles along the rows and along the columns of the image
    derivatives : by kind of parameter, the pairs of groups whose products sum to the model's derivative
    scale : (kinds, columns) multiplies the derivatives
    """
    kinds, number = scale.shape
    diagonals = np.zeros((kinds * (width + 1), kinds * number))
    # Products of as many columns as the band is wide with those within its reach: little is computed in vain.
    for first in range(0, number, width + 1):
        one, other = slice(first, min(first + width + 1, number)), slice(first, min(first + 2 * width + 1, number))
        grams = [_gram(profiles, one, other) for profiles in (down, across)]
        left, right = np.arange(one.start, one.stop)[:, None], np.arange(other.start, other.stop)
        apart = right - left
        kept = (apart >= 0) & (apart <= width)
        for a, left_terms in enumerate(derivatives):
            for b, right_terms in enumerate(derivatives):
                products = sum(grams[0](u, p) * grams[1](v, q) for u, v in left_terms for p, q in right_terms)
                products = products * scale[a, one][:, None] * scale[b, other]
                below = kept & (kinds * apart + b >= a)
                diagonal, column = kinds * apart + b - a, np.broadcast_to(kinds * left + a, apart.shape)
                diagonals[diagonal[below], column[below]] = products[below]
    return diagonals


def _gram(profiles: FloatArray, one: slice, other: slice) -> _Gram:
    """Scalar products of some columns' profiles with others', by groups: (columns of one, columns of the other)."""
    groups, _, size = profiles.shape
    left, right = (profiles[:, part].reshape(-1, size) for part in (one, other))
    products = (left @ right.T).reshape(groups, one.stop - one.start, groups, other.stop - other.start)
    return lambda u, p: products[u, :, p]
