"""Pairs of neighbouring columns on one lattice, and the lattice that least squares fit to them."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Neighbours ``here`` -> ``there`` (pairs,) on one lattice: ``site`` (pairs, 2), and ``vector`` in Angstrom."""

    here: Whole
    there: Whole
    site: Values
    vector: Values

    def kept(self, chosen: Flags | Whole) -> "Pairs":
        return Pairs(self.here[chosen], self.there[chosen], self.site[chosen], self.vector[chosen])


@dataclass(frozen=True)
class Grain:
    """One connected lattice. Vectors are (along rows, along columns) in Angstrom.

    Attributes
    ----------
    vectors : (2, 2) the two primitive vectors, one a row; [001] is their sum, [1-10] their difference
    vector_error : (2,) standard error of each vector's components, from the scatter of the columns about their
        neighbours' lattice
    columns : positions on it
    lattice_constant_angstrom, lattice_constant_error : cubic a, the mean of what both axes give: |[001]| and
        sqrt(2) |[1-10]|
    axis_ratio, axis_ratio_error : |[001]| over sqrt(2) |[1-10]|, 1 in a cubic crystal seen with square pixels
    axis_angle_degree, axis_angle_error : between both axes, 90 in a cubic crystal
    scatter_angstrom : of a column about its neighbours' lattice, standard deviation along an axis
    """

    vectors: Values
    vector_error: Values
    columns: int
    lattice_constant_angstrom: float
    lattice_constant_error: float
    axis_ratio: float
    axis_ratio_error: float
    axis_angle_degree: float
    axis_angle_error: float
    scatter_angstrom: float


def normal_equations(pairs: Pairs, group: Whole, count: int) -> tuple[Values, Values]:
    """Normal equations of vector = site @ primitive vectors, summed over the groups (pairs,): (count, 2, 2) each."""

    def summed(one: Values, other: Values) -> Values:
        terms = [np.bincount(group, one[:, i] * other[:, j], count) for i in (0, 1) for j in (0, 1)]
        return np.stack(terms, axis=1, dtype=np.float64).reshape(count, 2, 2)

    return summed(pairs.site, pairs.site), summed(pairs.site, pairs.vector)


def solved(normal: Values, right: Values) -> Values:
    """Primitive vectors (n, 2, 2); NaN where all pairs lie on one line."""
    known = np.linalg.det(normal) > 0.5
    found = np.full(right.shape, np.nan)
    found[known] = np.linalg.solve(normal[known], right[known])
    return found


def describe(pairs: Pairs, number: int, local: Values) -> Grain:
    """One grain from all of its pairs.

    Least squares are linear in the positions, so the errors follow from the scatter of the columns themselves, which
    every column brings into all of its pairs.
    """
    columns = np.unique(pairs.here)
    here = np.searchsorted(columns, pairs.here)
    normal, right = (values[0] for values in normal_equations(pairs, np.zeros(len(here), np.int64), 1))
    vectors = np.linalg.solve(normal, right)
    share = np.stack([np.bincount(here, pairs.site[:, axis], len(columns)) for axis in (0, 1)], axis=1)
    inverse = np.linalg.inv(normal)
    scatter = _scatter(pairs, here, local)
    covariance = 4 * scatter**2 * inverse @ (share.T @ share) @ inverse
    first, second = vectors[0] + vectors[1], vectors[0] - vectors[1]
    long, short = (float(np.linalg.norm(axis)) for axis in (first, second))
    long_error, short_error = (
        math.sqrt(max(float(weights @ covariance @ weights), 0.0)) for weights in np.array([[1.0, 1.0], [1.0, -1.0]])
    )
    relative = math.hypot(long_error / long, short_error / short)
    ratio = long / (math.sqrt(2) * short)
    cosine = float(first @ second) / (long * short)
    return Grain(
        vectors=vectors,
        vector_error=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        columns=number,
        lattice_constant_angstrom=(long + math.sqrt(2) * short) / 2,
        lattice_constant_error=math.hypot(long_error, math.sqrt(2) * short_error) / 2,
        axis_ratio=ratio,
        axis_ratio_error=ratio * relative,
        axis_angle_degree=math.degrees(math.acos(cosine)),
        axis_angle_error=math.degrees(relative),
        scatter_angstrom=scatter,
    )


def _scatter(pairs: Pairs, here: Whole, local: Values) -> float:
    """Standard deviation along an axis of columns about the mean of where their neighbours put them."""
    known = np.isfinite(local[pairs.here, 0, 0])
    off = pairs.vector[known] - np.einsum("pi,pij->pj", pairs.site[known], local[pairs.here[known]])
    number = np.bincount(here[known])
    several = number >= 3
    if not several.any():
        return math.nan
    mean = np.stack([np.bincount(here[known], off[:, axis]) for axis in (0, 1)], axis=1)[several]
    squares = (mean**2).sum(axis=1) / number[several] ** 2 / (1 + 1 / number[several])
    # The median, of two degrees of freedom: columns beside a step or a vacancy do not decide.
    return math.sqrt(float(np.median(squares)) / (2 * math.log(2)))
