"""Particles that the benchmarks simulate: random PtNiPdCoFe on an fcc lattice, seen along [110]."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LATTICE_ANGSTROM = 3.70
LAYER_PAIR_ANGSTROM = LATTICE_ANGSTROM / np.sqrt(2)
"""Two (110) layers: one atom of every column."""


@dataclass(frozen=True)
class Particle:
    """Atoms in field coordinates.

    Attributes
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom, z along the beam, the lowest atom at 0
    column : (n,) column of each atom
    """

    elements: npt.NDArray[np.int8]
    positions: npt.NDArray[np.float64]
    column: npt.NDArray[np.int64]

    @property
    def totals(self) -> npt.NDArray[np.int64]:
        """Atoms of each column."""
        return np.bincount(self.column)

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """Mean x and y of each column, (columns, 2) Angstrom."""
        sums = [np.bincount(self.column, self.positions[:, axis]) for axis in (0, 1)]
        return np.stack(sums, axis=1) / self.totals[:, None]


def ellipsoid(
    seed: int, *, width_angstrom: float, height_angstrom: float, field_angstrom: float, scatter_angstrom: float = 0.06
) -> Particle:
    """An ellipsoid in the middle of a field, round across the beam, equiatomic at random.

    Parameters
    ----------
    scatter_angstrom : root-mean-square static displacement along x and y, and half of it along z
    """
    rng = np.random.default_rng(seed)
    cells = int(np.ceil(max(width_angstrom, height_angstrom) / LATTICE_ANGSTROM)) + 1
    corners = np.stack(np.meshgrid(*[np.arange(-cells, cells + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    faces = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    sites = (corners[:, None] + faces).reshape(-1, 3) * LATTICE_ANGSTROM
    axes = np.array([[0, 0, np.sqrt(2)], [1, -1, 0], [1, 1, 0]]) / np.sqrt(2)
    origin = rng.uniform(-1, 1, 3)
    ideal = sites @ axes.T
    radii = np.array([width_angstrom, width_angstrom, height_angstrom]) / 2
    ideal = ideal[(((ideal + origin) / radii) ** 2).sum(axis=1) < 1]
    # Ideal columns stand on a rectangle of a/2 by a / (2 sqrt 2), every second place taken.
    places = np.rint(ideal[:, :2] / (LATTICE_ANGSTROM * np.array([1 / 2, 1 / np.sqrt(8)]))).astype(int)
    column = np.unique(places, axis=0, return_inverse=True)[1].ravel()
    positions = ideal + origin + scatter_angstrom * np.array([1, 1, 0.5]) * rng.standard_normal(ideal.shape)
    positions[:, :2] += field_angstrom / 2
    positions[:, 2] -= positions[:, 2].min()
    return Particle(rng.integers(0, 5, len(positions)).astype(np.int8), positions, column)
