"""Short-range order of species on a lattice."""

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.spatial import cKDTree

from heamap.elements import ELEMENTS

Indices = npt.NDArray[np.intp]

# Halfway between the distances of the first three fcc shells, in lattice constants: sqrt(1/2), 1, sqrt(3/2).
_SHELL_LIMITS = (0.0, 0.8536, 1.1124)


def shell_pairs(sites: Atoms, lattice_constant_angstrom: float, shell: int) -> tuple[Indices, Indices]:
    """Neighbours on an fcc lattice, each pair in both directions.

    Parameters
    ----------
    sites : atoms on the ideal fcc sites of a periodic cell, which may be small enough to neighbour its own images
    shell : 1 for nearest neighbours, 2 for next-nearest

    Returns
    -------
    first, second : (pairs,) indices of sites
    """
    low, high = (limit * lattice_constant_angstrom for limit in _SHELL_LIMITS[shell - 1 : shell + 1])
    first, second, distance = neighbor_list("ijd", sites, high)
    inside = distance > low
    return first[inside], second[inside]


def nearest_pairs(positions: npt.NDArray[np.float64], lattice_constant_angstrom: float) -> tuple[Indices, Indices]:
    """Nearest neighbours among the ideal fcc sites (n, 3) of a particle, each pair in both directions.

    Returns
    -------
    first, second : (pairs,) indices of sites, first ascending
    """
    tree = cKDTree(positions)
    pairs = tree.query_pairs(_SHELL_LIMITS[1] * lattice_constant_angstrom, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    return both[:, 0], both[:, 1]


def pair_counts(species: npt.NDArray[np.integer], pairs: tuple[Indices, Indices]) -> npt.NDArray[np.int64]:
    """Directed neighbour pairs by species.

    Parameters
    ----------
    species : (n,) indices into ``ELEMENTS``
    pairs : as from ``shell_pairs``

    Returns
    -------
    (5, 5) counts; entry (i, j) is the number of j neighbours of all i atoms
    """
    kinds = len(ELEMENTS)
    codes = species[pairs[0]].astype(np.int64) * kinds + species[pairs[1]]
    return np.bincount(codes, minlength=kinds * kinds).reshape(kinds, kinds)


def warren_cowley(species: npt.NDArray[np.integer], pairs: tuple[Indices, Indices]) -> npt.NDArray[np.float64]:
    """Warren-Cowley parameters of one shell, alpha_ij = 1 - P(j | i) / c_j.

    0 for random mixing; negative where j is preferred beside i, positive where it is avoided, also on the diagonal.
    c_j is the share of j among the ends of the pairs, so that a free surface does not count as order.

    Parameters
    ----------
    species : (n,) indices into ``ELEMENTS``
    pairs : neighbours in both directions, as from ``shell_pairs``

    Returns
    -------
    (5, 5), symmetric; 0 for an absent element
    """
    counts = pair_counts(species, pairs).astype(np.float64)
    ends = counts.sum(axis=1)
    expected = np.outer(ends, ends) / max(counts.sum(), 1.0)
    return np.where(expected > 0, 1 - counts / np.where(expected > 0, expected, 1.0), 0.0)
