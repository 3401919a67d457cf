"""What a network on columns is told of each of them: the brightness around it, and where its neighbours stand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.floating]

Read = Callable[[slice, slice], Floats]
"""Part (rows, cols) of an image."""

RINGS = (
    *((0.0, 1), (0.2, 6), (0.4, 12), (0.6, 12), (0.8, 12), (1.0, 16), (1.3, 16), (1.6, 16), (2.0, 16)),
    *((2.6, 16), (3.4, 24), (4.4, 24), (5.6, 24)),
)
"""Radius in Angstrom and number of points of each ring that brightness is averaged over: the column's own peak, the
gaps beside it, its neighbours, and what lies beyond them."""

REACH_ANGSTROM = RINGS[-1][0]

NEIGHBOURS = 18
"""Nearest columns that a column hears from."""

NEIGHBOUR_ANGSTROM = 9.0
"""None of them further away: beyond a gap lies another particle."""

EDGE_ANGSTROM = 10.0
"""From here on the border of the image is far."""

LENGTH_ANGSTROM = 5.0
"""Unit of the offsets."""

FEATURES = len(RINGS) + 1
OFFSETS = 4

BAND_PIXELS = 2**21
"""Pixels that are read at a time."""

AT_ONCE = 4096
"""Columns that are looked around at a time."""


@dataclass(frozen=True)
class Surroundings:
    """What is around the n columns of one image.

    Attributes
    ----------
    features : (n, ``FEATURES``) mean brightness on each ring, then the distance from the border, 1 being
        ``EDGE_ANGSTROM`` or more
    neighbours : (n, ``NEIGHBOURS``) numbers of the nearest columns, nearest first; 0 where there are no more
    offsets : (n, ``NEIGHBOURS``, 4) rows, columns and distance to each in units of ``LENGTH_ANGSTROM``, and 1; all 0
        where there is none
    particle : (n,) number of the particle that a column belongs to: columns that are neighbours of each other, of
        neighbours, and so on
    """

    features: npt.NDArray[np.float32]
    neighbours: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.float32]
    particle: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.features)

    @property
    def shares(self) -> npt.NDArray[np.float32]:
        """(n, particles) each column's share in the means of its particle; 0 in those of others."""
        sizes = np.bincount(self.particle)
        shares = np.zeros((len(self), len(sizes)), dtype=np.float32)
        shares[np.arange(len(self)), self.particle] = 1 / sizes[self.particle]
        return shares

    def of(self, chosen: npt.NDArray[np.integer]) -> "Surroundings":
        """Those of some columns, in ascending order; neighbours that are not among them are gone."""
        place = np.full(len(self), -1, dtype=np.int32)
        place[chosen] = np.arange(len(chosen), dtype=np.int32)
        neighbours = place[self.neighbours[chosen]]
        there = neighbours >= 0
        offsets = self.offsets[chosen] * there[..., None]
        _, particle = np.unique(self.particle[chosen], return_inverse=True)
        neighbours = np.where(there, neighbours, np.int32(0))
        return Surroundings(self.features[chosen], neighbours, offsets, particle.astype(np.int32))


def surroundings(
    read: Read, shape: tuple[int, int], positions: Floats, *, sampling_angstrom: float, band_pixels: int = BAND_PIXELS
) -> Surroundings:
    """The surroundings of every column.

    Parameters
    ----------
    read : of the image as the network on pixels sees it
    shape : of that image
    positions : (n, 2) rows and columns in pixels
    """
    places = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    edge = np.minimum(places, np.array(shape) - 1 - places).min(axis=1, keepdims=True) * sampling_angstrom
    rings = _brightness(read, shape, places, sampling_angstrom, band_pixels)
    features = np.concatenate([rings, np.clip(edge / EDGE_ANGSTROM, 0, 1)], axis=1).astype(np.float32)
    neighbours, offsets = _neighbours(places * sampling_angstrom)
    return Surroundings(features, neighbours, offsets, _particles(neighbours, offsets))


def _brightness(
    read: Read, shape: tuple[int, int], places: npt.NDArray[np.float64], sampling: float, band_pixels: int
) -> npt.NDArray[np.float64]:
    """Mean brightness (n, rings) around each place; beyond the border that of the border."""
    points = _points() / sampling
    starts = np.cumsum([0, *(number for _, number in RINGS[:-1])])
    reach = int(np.ceil(REACH_ANGSTROM / sampling)) + 1
    found = np.empty((len(places), len(RINGS)))
    rows = max(1, band_pixels // shape[1])
    bands = np.clip(places[:, 0], 0, shape[0] - 1).astype(int) // rows
    for band in np.unique(bands):
        first = max(band * rows - reach, 0)
        part = read(slice(first, min((band + 1) * rows + reach, shape[0])), slice(0, shape[1]))
        for chosen in _parts(np.flatnonzero(bands == band)):
            around = places[chosen, None, :] + points
            around = np.clip(around, 0, np.array(shape) - 1) - np.array([first, 0])
            values = map_coordinates(part, around.reshape(-1, 2).T, output=np.float64, order=1)
            sums = np.add.reduceat(values.reshape(-1, len(points)), starts, axis=1)
            found[chosen] = sums / [number for _, number in RINGS]
    return found


def _parts(numbers: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    return np.array_split(numbers, -(-len(numbers) // AT_ONCE)) if len(numbers) else []


def _points() -> npt.NDArray[np.float64]:
    """Rows and columns (points, 2) of the rings in Angstrom."""
    angles = [2 * np.pi * np.arange(number) / number for _, number in RINGS]
    return np.concatenate(
        [
            radius * np.stack([np.sin(angle), np.cos(angle)], axis=1)
            for (radius, _), angle in zip(RINGS, angles, strict=True)
        ]
    )


def _neighbours(places: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Numbers and offsets of the nearest columns of places (n, 2) in Angstrom."""
    numbers = np.zeros((len(places), NEIGHBOURS), dtype=np.int32)
    offsets = np.zeros((len(places), NEIGHBOURS, OFFSETS), dtype=np.float32)
    if len(places) < 2:
        return numbers, offsets
    tree = cKDTree(places)
    for chosen in _parts(np.arange(len(places))):
        found = tree.query(places[chosen], k=min(NEIGHBOURS + 1, len(places)), distance_upper_bound=NEIGHBOUR_ANGSTROM)
        # The nearest of all is the column itself, and what is too far has an infinite distance.
        distances, nearest = (np.asarray(part)[:, 1:] for part in found)
        there = np.isfinite(distances)
        column, place = np.nonzero(there)
        column = chosen[column]
        numbers[column, place] = nearest[there]
        ways = (places[nearest[there]] - places[column]) / LENGTH_ANGSTROM
        offsets[column, place] = np.column_stack([ways, distances[there] / LENGTH_ANGSTROM, np.ones(len(ways))])
    return numbers, offsets


def _particles(neighbours: npt.NDArray[np.int32], offsets: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Number (n,) of the particle of each column."""
    there = offsets[..., -1] > 0
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    links = csr_array((np.ones(ends[-1]), neighbours[there], ends), shape=(len(offsets),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int32)
