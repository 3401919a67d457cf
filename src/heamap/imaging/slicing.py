"""Cutting a particle into thin slices that hold at most one atom of a column."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

CLEARANCE_ANGSTROM = 1.6
"""Lateral distance that two atoms of one slice keep at least: nearest columns of fcc [110] are 2.2 apart."""


@dataclass(frozen=True)
class Slab:
    """Atoms cut into slices.

    Attributes
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 2) x and y in the box, Angstrom
    slices : (n,) slice of each atom
    depths_angstrom : (slices,) depth of each slice below the plane that the probe is focused on
    """

    elements: npt.NDArray[np.integer]
    positions: npt.NDArray[np.floating]
    slices: npt.NDArray[np.intp]
    depths_angstrom: npt.NDArray[np.floating]

    def members(self, index: int) -> npt.NDArray[np.intp]:
        """Atoms of a slice."""
        return np.flatnonzero(self.slices == index)


def slab(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    *,
    thickness_angstrom: float,
    top_angstrom: float,
) -> Slab:
    """Cut atoms into slices, each at the mean depth of its atoms.

    Parameters
    ----------
    positions : (n, 3) Angstrom, x and y in the box, z along the beam
    top_angstrom : z of the plane that the probe is focused on
    """
    slices = cut(positions, thickness_angstrom)
    depths = np.bincount(slices, positions[:, 2]) / np.bincount(slices) - top_angstrom
    return Slab(elements, positions[:, :2], slices, depths)


def cut(positions: npt.NDArray[np.floating], thickness_angstrom: float) -> npt.NDArray[np.intp]:
    """The slice of each atom, counted along the beam from 0.

    Atoms are taken in the order of the beam; a slice ends before the atom that lies deeper than three quarters of
    ``thickness_angstrom`` below the slice's first one, or behind one of its atoms. (Of layers at 0, 1/2, 1 the third so
    begins a slice, even where layers are rough.) So transmission functions of a slice's atoms do not
    overlap where they matter.

    Parameters
    ----------
    positions : (n, 3) Angstrom, z along the beam

    Returns
    -------
    (n,)
    """
    order = np.argsort(positions[:, 2], kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    pairs = np.sort(rank[cKDTree(positions[:, :2]).query_pairs(CLEARANCE_ANGSTROM, output_type="ndarray")], axis=1)
    # The latest atom before each one that it lies behind.
    before = np.full(len(order), -1, dtype=np.intp)
    np.maximum.at(before, pairs[:, 1], pairs[:, 0])
    depth = positions[order, 2]
    starts = np.zeros(len(order), dtype=np.intp)
    first = 0
    for atom in range(len(order)):
        if depth[atom] - depth[first] > 0.75 * thickness_angstrom or before[atom] >= first:
            first = atom
            starts[atom] = 1
    starts[:1] = 0
    slices = np.empty(len(order), dtype=np.intp)
    slices[order] = np.cumsum(starts)
    return slices
