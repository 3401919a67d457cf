"""The lattice that found columns lie on: vectors, lattice constant and grains, and which positions are not on it.

Works on positions alone, not on the image. Columns of fcc down [110] form a centred rectangle of a along [001] by
a / sqrt(2) along [1-10], with four nearest columns at sqrt(3/8) a and two at a / sqrt(2).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from heamap.domain.column_directions import (
    TOLERANCE,
    Flags,
    Neighbours,
    Values,
    Whole,
    agree,
    directions_of,
    is_near,
    nearest_distance,
    neighbours_of,
    site_of,
)
from heamap.domain.column_pairs import Grain, Pairs, describe, normal_equations, solved

OFF_LATTICE = 0.25
"""Of the nearest-column distance: a position further from its neighbours' lattice is nearer to a gap than a site."""

LEAST_COLUMNS = 5
"""Of a grain: fewer fit any lattice."""

_GIVEN_SHARE = (0.82, 1.2)
"""Nearest-column distances looked for, over the given one: pixel sizes are off by so much, and lattice constants."""

_MOST_MISFIT = 0.13
"""Nearest-column distances, root mean square, of a grain's pairs: chance neighbours within ``TOLERANCE`` have .2."""

_LEAST_SIDES = 3.0
"""Pairs of a column of a grain in the mean, of 8: chance neighbours form chains, with two."""

_LEAST_VOTES = 2

_TRUSTED = 2.5
"""Times the middle one's: columns of a grain that are misplaced by more do not tell its lattice constant."""


@dataclass(frozen=True)
class ColumnLattice:
    """What n positions say of the lattice that they lie on.

    Attributes
    ----------
    nearest_distance_angstrom : nearest-column distance that the positions were searched with
    misplaced : (n,) distance from the site that the neighbours' lattice has there, in nearest-column distances; NaN
        where there are no neighbours to tell from
    grain : (n,) place in ``grains``; -1 off every lattice
    pairs : (n,) neighbours that ``local_vectors`` are fitted to
    local_vectors : (n, 2, 2) primitive vectors around each position, fitted to it and its neighbours of the same
        grain, in the order of the grain's; NaN with fewer than three, or all on one line
    grains : the largest first
    """

    nearest_distance_angstrom: float
    misplaced: Values
    grain: Whole
    pairs: Whole
    local_vectors: Values
    grains: tuple[Grain, ...]

    @property
    def off_lattice(self) -> Flags:
        """(n,) further than ``OFF_LATTICE`` from a site, or without neighbours to tell from."""
        return ~(self.misplaced <= OFF_LATTICE)


def fit_column_lattice(
    positions_angstrom: npt.NDArray[np.floating], *, nearest_distance_angstrom: float | None = None
) -> ColumnLattice:
    """Find the fcc [110] lattices that positions lie on, where a third of the positions may be no columns.

    Neighbours that see each other on sites of lattices of one direction are connected, and what is connected is a
    grain, so that twins are two. A position is judged by the lattices of the columns around it, each carried on to it
    with its own vectors: strain and drift do not add up over a particle.

    Parameters
    ----------
    positions_angstrom : (n, 2) along rows and columns
    nearest_distance_angstrom : expected, within a fifth; None: found from the positions

    Raises
    ------
    ValueError : positions are not (n, 2) finite numbers
    """
    positions = np.asarray(positions_angstrom, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.isfinite(positions).all():
        raise ValueError(f"expected finite positions (n, 2), got shape {positions.shape}")
    distance = _distance(positions, nearest_distance_angstrom)
    if math.isnan(distance):
        return _nothing(len(positions), distance)
    neighbours = neighbours_of(positions, distance)
    pairs, member = _connected(positions, neighbours, distance)
    vectors = _smoothed_vectors(pairs, member)
    misplaced, grain = _judge(positions, neighbours, distance, vectors, member)
    grain, count = _without_small(grain)
    pairs = _pairs_within(positions, neighbours, grain, vectors, distance)
    local, number = _local_vectors(pairs, len(positions))
    trust = _trusted(misplaced, grain, count)
    trusted = pairs.kept(trust[pairs.here] & trust[pairs.there])
    columns = np.bincount(grain[grain >= 0], minlength=count)
    grains = tuple(
        describe(trusted.kept(grain[trusted.here] == which), int(columns[which]), local) for which in range(count)
    )
    return ColumnLattice(distance, misplaced, grain, number, local, grains)


def _distance(positions: Values, given: float | None) -> float:
    if len(positions) < LEAST_COLUMNS:
        return math.nan if given is None else given
    if given is not None:
        return nearest_distance(positions, (_GIVEN_SHARE[0] * given, _GIVEN_SHARE[1] * given))
    low, high = positions.min(axis=0), positions.max(axis=0)
    # The nearest neighbours of a third of false positions are too near, those across a gap too far.
    own = math.sqrt(max(float(np.prod(high - low)), 1e-12) / len(positions))
    return nearest_distance(positions, (0.25 * own, 1.6 * own))


def _nothing(count: int, distance: float) -> ColumnLattice:
    nan, none = np.full(count, np.nan), np.full(count, -1)
    return ColumnLattice(distance, nan, none, np.zeros(count, np.int64), np.full((count, 2, 2), np.nan), ())


def _connected(positions: Values, neighbours: Neighbours, distance: float) -> tuple[Pairs, Whole]:
    """Pairs that see each other on their lattices, and the number (n,) of the lattice of each position; -1: none."""
    count = len(positions)
    direction = directions_of(neighbours)
    site, away = site_of(neighbours.vectors, direction)
    around = np.append(direction, np.nan)[neighbours.index]
    seen = (away < TOLERANCE) & agree(around, direction[:, None])
    here, there = neighbours.pairs(seen)
    # Whole numbers name the pairs in a table of who sees whom; products with its mirror image are the mutual ones.
    names = sparse.csr_array((np.arange(1.0, len(here) + 1), (here, there)), shape=(count, count))
    ones = sparse.csr_array((np.ones(len(here)), (there, here)), shape=(count, count))
    mutual = names.multiply(ones).tocsr()
    number, labels = connected_components(mutual, directed=False)
    member = labels.astype(np.int64)
    both = np.sort(mutual.data.astype(np.int64)) - 1
    pairs = Pairs(here, there, site[seen].astype(np.float64), positions[there] - positions[here]).kept(both)
    pairs = _aligned(pairs, direction, member)
    good = _fits(pairs, member, number, distance)
    return pairs.kept(good[member[pairs.here]]), np.where(good[member], member, -1)


def _aligned(pairs: Pairs, direction: Values, member: Whole) -> Pairs:
    """The same pairs with sites counted along one direction in a grain: [001] has two ways."""
    mean = np.bincount(member, np.cos(2 * direction)) + 1j * np.bincount(member, np.sin(2 * direction))
    turned = np.cos(direction - np.angle(mean)[member] / 2) < 0
    return Pairs(pairs.here, pairs.there, np.where(turned[pairs.here, None], -pairs.site, pairs.site), pairs.vector)


def _fits(pairs: Pairs, member: Whole, number: int, distance: float) -> Flags:
    """Which of the connected sets (number,) are grains: large enough, and on a lattice."""
    group = member[pairs.here]
    vectors = solved(*normal_equations(pairs, group, number))
    off = ((pairs.vector - np.einsum("pi,pij->pj", pairs.site, vectors[group])) ** 2).sum(axis=1)
    # A grain that is bent is off its mean lattice; the middle of its pairs is not by much.
    misfit = np.sqrt(np.bincount(group, np.minimum(off, (TOLERANCE * distance) ** 2), number))
    misfit /= np.sqrt(np.maximum(np.bincount(group, minlength=number), 1))
    size = np.bincount(member, minlength=number)
    sides = np.bincount(group, minlength=number)
    return np.asarray((size >= LEAST_COLUMNS) & (misfit < _MOST_MISFIT * distance) & (sides >= _LEAST_SIDES * size))


def _smoothed_vectors(pairs: Pairs, member: Whole) -> Values:
    """Primitive vectors (n, 2, 2) around every column, from its own pairs and its neighbours'; NaN off the grains."""
    count = len(member)
    normal, right = normal_equations(pairs, pairs.here, count)
    link = sparse.csr_array((np.ones(len(pairs.here)), (pairs.here, pairs.there)), shape=(count, count))
    normal, right = (values + np.reshape(link @ values.reshape(count, 4), (count, 2, 2)) for values in (normal, right))
    inside = member >= 0
    whole = np.full((count, 2, 2), np.nan)
    if inside.any():
        grains = solved(*normal_equations(pairs, member[pairs.here], int(member.max()) + 1))
        whole[inside] = grains[member[inside]]
    # One pair's worth of the grain's own vectors, for columns whose neighbours lie on one line.
    return np.linalg.solve(normal + np.eye(2), right + whole)


def _judge(
    positions: Values, neighbours: Neighbours, distance: float, vectors: Values, member: Whole
) -> tuple[Values, Whole]:
    """Shares by which positions (n,) are misplaced, and the grain on whose lattice they lie; -1: none.

    The neighbours of one grain vote by the distance from their nearest site; the middle one counts, and of several
    grains the best.
    """
    count = len(positions)
    here, there = neighbours.pairs(np.append(member, -1)[neighbours.index] >= 0)
    away = _off_site(positions[here] - positions[there], vectors[there])[1] / distance
    grain = member[there]
    order = np.lexsort((away, grain, here))
    here, grain, away = here[order], grain[order], away[order]
    new = np.flatnonzero(np.diff(here * (count + 1) + grain, prepend=-1))
    votes = np.diff(np.append(new, len(here)))
    new, votes = new[votes >= _LEAST_VOTES], votes[votes >= _LEAST_VOTES]
    middle = away[new + votes // 2]
    misplaced, found = np.full(count, np.nan), np.full(count, -1)
    # The best of a position's grains is written last.
    best = np.argsort(-middle, kind="stable")
    misplaced[here[new[best]]] = middle[best]
    found[here[new[best]]] = grain[new[best]]
    return misplaced, np.where(misplaced <= OFF_LATTICE, found, -1)


def _off_site(vector: Values, primitive: Values) -> tuple[Values, Values]:
    """Nearest site (n, 2) of vectors (n, 2) by primitive vectors (n, 2, 2), and the distance (n,) from it."""
    site = np.rint(np.linalg.solve(primitive.swapaxes(1, 2), vector[..., None])[..., 0])
    return site, np.linalg.norm(vector - np.einsum("ni,nij->nj", site, primitive), axis=1)


def _without_small(grain: Whole) -> tuple[Whole, int]:
    """Grains numbered by size, the largest 0, and their number; those below ``LEAST_COLUMNS`` are none."""
    size = np.bincount(grain[grain >= 0])
    order = np.argsort(-size, kind="stable")
    count = int((size >= LEAST_COLUMNS).sum())
    place = np.full(len(size) + 1, -1)
    place[order[:count]] = np.arange(count)
    return place[grain], count


def _pairs_within(positions: Values, neighbours: Neighbours, grain: Whole, vectors: Values, distance: float) -> Pairs:
    """All neighbours of one grain, by their sites."""
    around = np.append(grain, -2)[neighbours.index]
    known = np.isfinite(vectors[:, 0, 0])
    here, there = neighbours.pairs((around == grain[:, None]) & (grain >= 0)[:, None])
    use = known[here] | known[there]
    here, there = here[use], there[use]
    vector = positions[there] - positions[here]
    both = np.where(known[:, None, None], vectors, 0.0)
    primitive = (both[here] + both[there]) / (known[here].astype(float) + known[there])[:, None, None]
    site, away = _off_site(vector, primitive)
    return Pairs(here, there, site, vector).kept((away < TOLERANCE * distance) & is_near(site))


def _local_vectors(pairs: Pairs, count: int) -> tuple[Values, Whole]:
    number = np.bincount(pairs.here, minlength=count)
    vectors = solved(*normal_equations(pairs, pairs.here, count))
    vectors[number < 3] = np.nan
    return vectors, number


def _trusted(misplaced: Values, grain: Whole, count: int) -> Flags:
    """Which positions (n,) tell the lattice of their grain: false ones that lie near a site by chance do not."""
    trusted = np.zeros(len(grain), bool)
    for which in range(count):
        inside = grain == which
        trusted |= inside & (misplaced <= _TRUSTED * np.median(misplaced[inside]))
    return trusted
