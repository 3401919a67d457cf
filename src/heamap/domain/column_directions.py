"""Neighbours of columns, and which way the fcc [110] lattice around each of them lies."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Values = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PRIMITIVE = np.array([[0.5, math.sqrt(1 / 8)], [0.5, -math.sqrt(1 / 8)]]) * math.sqrt(8 / 3)
"""Primitive vectors of fcc down [110] as (along [001], along [1-10]), in nearest-column distances: a sqrt(3/8) each."""

REACH = 1.9
"""Nearest-column distances to which neighbours are looked for, well beyond the 8 sites that pairs are made of: four at
1, two at 1.15 and two at 1.63. Of the next, at 1.91, only those too near would be found."""

MOST_NEIGHBOURS = 16
"""Of one position: its 8 sites, and as many that are no columns."""

TOLERANCE = 0.3
"""Nearest-column distances by which a neighbour may lie off its site: 5 degrees of the direction, and 3 % of strain."""

_NEAR = (0.7, 1.4)
"""The six nearest columns, in nearest-column distances; as many as three are looked for around a position."""
_LEAST_NEAR = 3.0
_SHELLS = np.array([1.0, 1.155, 1.633, 1.915, 2.0, 2.309, 2.517])
_COLUMNS_OF_SHELL = np.array([4.0, 2.0, 2.0, 4.0, 4.0, 2.0, 4.0])
_SHELL_WIDTH = 0.06
_SHELL_RANGE = (0.4, 2.7)
_SHELL_GRID = np.linspace(*_SHELL_RANGE, 461)
_WANTED = np.exp(-0.5 * ((_SHELL_GRID[:, None] - _SHELLS) / _SHELL_WIDTH) ** 2) @ (_COLUMNS_OF_SHELL / _SHELLS)
_DISTANCE_STEPS, _DISTANCE_BINS, _SAMPLED = 160, 1500, 20_000
_SAME_DIRECTION = math.radians(12)
_SLICE = 2**15


@dataclass(frozen=True)
class Neighbours:
    """The nearest positions around each of n positions, at most k.

    Attributes
    ----------
    index : (n, k) which; n where there is none
    vectors : (n, k, 2) from the position to them, in nearest-column distances
    """

    index: Whole
    vectors: npt.NDArray[np.float32]

    @property
    def exist(self) -> Flags:
        """(n, k)"""
        return self.index < len(self.index)

    def pairs(self, chosen: Flags) -> tuple[Whole, Whole]:
        """Positions and neighbours (pairs,) of the chosen (n, k)."""
        here, place = np.nonzero(chosen)
        return here, self.index[here, place]


def neighbours_of(positions: Values, distance: float) -> Neighbours:
    """Neighbours within ``REACH`` nearest-column distances of positions (n, 2) in the same unit."""
    count = len(positions)
    most = min(MOST_NEIGHBOURS, count - 1) + 1
    _, index = cKDTree(positions).query(positions, k=range(1, most + 1), distance_upper_bound=REACH * distance)
    index = np.where(index == np.arange(count)[:, None], count, index)
    vectors = np.full((*index.shape, 2), np.inf, np.float32)
    exist = index < count
    vectors[exist] = (positions[index[exist]] - positions[np.nonzero(exist)[0]]) / distance
    return Neighbours(index.astype(np.int64), vectors)


def nearest_distance(positions: Values, bounds: tuple[float, float]) -> float:
    """The nearest-column distance between ``bounds`` that the distances of all neighbours agree with best.

    Their histogram, per area, is compared with the shells of fcc down [110] and the gaps between them, so that false
    positions, which lie at any distance, do not count.

    Parameters
    ----------
    positions : (n, 2)
    bounds : least and most, in the unit of the positions
    """
    sampled = positions[:: -(-len(positions) // _SAMPLED)]
    most = min(24, len(positions) - 1)
    distances = np.asarray(cKDTree(positions).query(sampled, k=range(2, most + 2))[0]).ravel()
    found, edges = np.histogram(distances, bins=_DISTANCE_BINS, range=(0, 3 * bounds[1]))
    middles = (edges[1:] + edges[:-1]) / 2
    tried = np.geomspace(*bounds, _DISTANCE_STEPS)
    agreement = np.empty(len(tried))
    for place, distance in enumerate(tried):
        inside = (middles > _SHELL_RANGE[0] * distance) & (middles < _SHELL_RANGE[1] * distance)
        at = middles[inside] / distance
        # Per area, as chance neighbours of a shell grow with its circumference.
        density = found[inside] / at
        wanted = np.interp(at, _SHELL_GRID, _WANTED)
        wanted -= np.average(wanted, weights=at)
        norm = math.sqrt(float((density**2).sum()) * float((wanted**2).sum()))
        # A few false positions at one distance agree with a shell too, but no column has so few neighbours.
        near = found[(middles > _NEAR[0] * distance) & (middles < _NEAR[1] * distance)].sum() / len(sampled)
        agreement[place] = min(near / _LEAST_NEAR, 1.0) * float((wanted * density).sum()) / norm if norm else 0.0
    return float(tried[agreement.argmax()])


def directions_of(neighbours: Neighbours) -> Values:
    """Direction (n,) of [001] around each position, radians from the first axis, 0 to pi; noise where is no lattice.

    The six nearest sites lie within 5 degrees of a regular hexagon, whose direction is that of the sixth moment of all
    directions to neighbours. Which of its three axes is [001] is tried out, and then agreed on with the neighbours.
    """
    hexagon = _hexagon(neighbours)
    tried = [turn + step for turn in (0.0, math.pi / 3, 2 * math.pi / 3) for step in (-0.1, 0.0, 0.1)]
    candidates = (hexagon[:, None] + np.array(tried)) % math.pi
    own = _scores(neighbours, candidates)
    found = candidates[np.arange(len(candidates)), own.argmax(axis=1)]
    for _ in range(2):
        found = _agreed(neighbours, found)
    return found


def site_of(vectors: npt.NDArray[np.floating], direction: Values) -> tuple[npt.NDArray[np.float32], Values]:
    """Nearest lattice site of vectors, and the distance from it.

    Parameters
    ----------
    vectors : (n, k, 2) in nearest-column distances; infinite where there is none
    direction : (n,) of [001], radians

    Returns
    -------
    (n, k, 2) whole multiples of the primitive vectors, and (n, k) distances, infinite for all but the 8 sites around it
    """
    cosine, sine = (np.asarray(value, np.float32)[:, None] for value in (np.cos(direction), np.sin(direction)))
    there = np.isfinite(vectors[..., 0])
    first, second = (np.where(there, vectors[..., axis], 9.0) for axis in (0, 1))
    along, across = cosine * first + sine * second, cosine * second - sine * first
    (up, side), _ = PRIMITIVE.astype(np.float32)
    one = np.rint((along / up + across / side) / 2)
    other = np.rint((along / up - across / side) / 2)
    away = np.hypot(along - up * (one + other), across - side * (one - other))
    site = np.stack([one, other], axis=-1)
    away[~there | ~is_near(site)] = np.inf
    return site, away


def is_near(site: npt.NDArray[np.floating]) -> Flags:
    """Whether sites (..., 2) are among the 8 around a column."""
    # NumPy is slow in reducing an axis of two.
    return np.asarray(np.maximum(np.abs(site[..., 0]), np.abs(site[..., 1])) == 1)


def agree(one: Values, other: Values) -> Flags:
    """Whether two directions are the same within 12 degrees; half a turn is none."""
    apart = np.abs(one - other) % math.pi
    return np.asarray(np.minimum(apart, math.pi - apart) < _SAME_DIRECTION)


def _hexagon(neighbours: Neighbours) -> Values:
    length = np.hypot(neighbours.vectors[..., 0], neighbours.vectors[..., 1])
    near = (length > _NEAR[0]) & (length < _NEAR[1])
    here, there = neighbours.pairs(near)
    vectors = neighbours.vectors[near].astype(np.float64)
    turns = ((vectors[:, 0] + 1j * vectors[:, 1]) / np.abs(vectors[:, 0] + 1j * vectors[:, 1])) ** 6
    count = len(near)

    def summed(values: npt.NDArray[Any]) -> npt.NDArray[np.complex128]:
        return np.bincount(here, values.real, count) + 1j * np.bincount(here, values.imag, count)

    moment = summed(turns)
    moment = moment + summed(moment[there])
    # Sites lie about 30 degrees, half of the hexagon's turn, from [001].
    return (np.angle(moment) - math.pi) / 6


def _scores(neighbours: Neighbours, candidates: Values) -> Values:
    """How well directions (n, c) explain the neighbours of each position, (n, c): the number of sites filled."""
    scores = np.empty(candidates.shape)
    for start in range(0, len(candidates), _SLICE):
        part = slice(start, start + _SLICE)
        for place in range(candidates.shape[1]):
            _, away = site_of(neighbours.vectors[part], candidates[part, place])
            scores[part, place] = np.clip(1 - (away / TOLERANCE) ** 2, 0, None).sum(axis=1)
    return scores


def _agreed(neighbours: Neighbours, found: Values) -> Values:
    """The best of a position's own direction and its neighbours', judged by its neighbours' places and directions."""
    most = min(8, neighbours.index.shape[1])
    around = np.append(found, np.nan)[neighbours.index]
    like = agree(around, found[:, None]).sum(axis=1)
    unsettled = np.flatnonzero(like < 0.8 * neighbours.exist.sum(axis=1))
    chosen = Neighbours(neighbours.index[unsettled], neighbours.vectors[unsettled])
    around, own = around[unsettled], found[unsettled]
    nearest = np.where(np.isnan(around[:, :most]), own[:, None], around[:, :most])
    candidates = np.column_stack([own, nearest])
    scores = _scores(chosen, candidates)
    for place in range(candidates.shape[1]):
        scores[:, place] += 0.3 * agree(around, candidates[:, place, None]).sum(axis=1)
    settled = found.copy()
    settled[unsettled] = candidates[np.arange(len(candidates)), scores.argmax(axis=1)]
    return settled
