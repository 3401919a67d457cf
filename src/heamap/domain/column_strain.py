"""Strain of each column against the mean lattice of its grain, from the vectors to its neighbours.

As peak pairs analysis (Galindo et al., Ultramicroscopy 107 (2007) 1186): with the primitive vectors of the grain as
rows of A and those around a column as rows of B, the displacement u has the gradient D, D[i, j] = du_i / dx_j, for
which A (1 + D)^T = B. Its symmetric part is the strain, its antisymmetric part the rotation. Where peak pairs analysis
takes two vectors of each column, B is fitted here to all of up to eight.
"""

import math
from dataclasses import dataclass

import numpy as np

from heamap.domain.column_lattice import ColumnLattice
from heamap.domain.column_pairs import Flags, Grain, Values

LEAST_PAIRS = 5
"""Neighbours that a column needs: with fewer, at corners, one misplaced neighbour decides."""


@dataclass(frozen=True)
class Strain:
    """Strain of n columns; x runs along columns (right), y along rows (down).

    Attributes
    ----------
    xx, yy, xy : (n,) components, xy the tensor's: half of the shear angle; NaN with fewer than ``LEAST_PAIRS``
        neighbours
    rotation_degree : (n,) from x towards y: clockwise in the picture
    """

    xx: Values
    yy: Values
    xy: Values
    rotation_degree: Values

    @property
    def known(self) -> Flags:
        """(n,)"""
        return np.isfinite(self.xx)

    def where(self, chosen: Flags) -> "Strain":
        """Unknown where not chosen (n,)."""
        parts = (self.xx, self.yy, self.xy, self.rotation_degree)
        return Strain(*(np.where(chosen, part, np.nan) for part in parts))

    def of(self, chosen: Flags) -> "Strain":
        """Of some of the columns."""
        return Strain(self.xx[chosen], self.yy[chosen], self.xy[chosen], self.rotation_degree[chosen])


def strain_of(lattice: ColumnLattice) -> Strain:
    """Strain of each position of a lattice against the mean of its grain."""
    gradient = np.full(lattice.local_vectors.shape, np.nan)
    known = (lattice.grain >= 0) & (lattice.pairs >= LEAST_PAIRS)
    for which, grain in enumerate(lattice.grains):
        own = known & (lattice.grain == which)
        gradient[own] = (np.linalg.inv(grain.vectors) @ lattice.local_vectors[own]).swapaxes(1, 2) - np.eye(2)
    (yy, yx), (xy, xx) = np.moveaxis(gradient, 0, -1)
    return Strain(xx, yy, (yx + xy) / 2, np.degrees((yx - xy) / 2))


def strain_error(grain: Grain) -> float:
    """Standard error of a component of the strain of one column with all eight neighbours.

    Least squares over the eight leave each component of a primitive vector a sixth of the variance of a column's
    scatter, and of [001] and [1-10] a third. What is given is the root mean square over both axes.
    """
    long, short = grain.vectors[0] + grain.vectors[1], grain.vectors[0] - grain.vectors[1]
    per_axis = grain.scatter_angstrom / math.sqrt(3)
    return float(per_axis * math.sqrt((1 / float(long @ long) + 1 / float(short @ short)) / 2))
