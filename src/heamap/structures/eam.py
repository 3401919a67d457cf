"""ASE's EAM calculator, evaluated on whole arrays of pairs.

ASE's own loops visit about a thousand candidates around every atom in Python; the same tables read on arrays make the
motif search affordable.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.eam import EAM
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

Array = npt.NDArray[np.float64]
SKIN_ANGSTROM = 1.0


def _hermite(grid: Array, spline: Any, slope: Any) -> Array:
    """Coefficients (n - 1, 4) of a cubic spline on a uniform grid, in powers of the fraction of an interval."""
    step = grid[1] - grid[0]
    value, rise = spline(grid), slope(grid) * step
    left, right = value[:-1], value[1:]
    return np.stack(
        [left, rise[:-1], 3 * (right - left) - 2 * rise[:-1] - rise[1:], 2 * (left - right) + rise[:-1] + rise[1:]],
        axis=-1,
    )


def _look_up(table: Array, kind: npt.NDArray[np.intp], argument: Array, step: float) -> tuple[Array, Array]:
    """Values and derivatives of the functions ``kind`` of a table (functions, intervals, 4) at ``argument``."""
    position = argument / step
    interval = np.minimum(position.astype(np.intp), table.shape[1] - 1)
    t = position - interval
    a, b, c, d = table[kind, interval].T
    return a + t * (b + t * (c + t * d)), (b + t * (2 * c + 3 * t * d)) / step


class ArrayEAM(EAM):
    """``ase.calculators.eam.EAM`` for ``alloy`` tables: same energy, forces and stress, a hundred times sooner."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        kinds = range(len(self.elements))
        self._density_table = np.stack(
            [_hermite(self.r, self.electron_density[k], self.d_electron_density[k]) for k in kinds]
        )
        self._embedding_table = np.stack(
            [_hermite(self.rho, self.embedded_energy[k], self.d_embedded_energy[k]) for k in kinds]
        )
        self._pair_table = np.stack([_hermite(self.r, self.phi[j, k], self.d_phi[j, k]) for j in kinds for k in kinds])
        self._listed: Atoms | None = None

    def _pairs(self, atoms: Atoms) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array]:
        """Each pair within the cutoff and the skin once: first, second, and the second's periodic shift."""
        stale = (
            self._listed is None
            or len(atoms) != len(self._listed)
            or (atoms.pbc != self._listed.pbc).any()
            or (atoms.cell.array != self._listed.cell.array).any()
            or np.square(atoms.positions - self._listed.positions).sum(axis=1).max() > (SKIN_ANGSTROM / 2) ** 2
        )
        if stale:
            first, second, shift = neighbor_list("ijS", atoms, self.cutoff + SKIN_ANGSTROM)
            # Of the two entries of a pair, and of an atom's own images, keep the one that comes first.
            leading = (shift * np.array([4_000_000, 2_000, 1])).sum(axis=1) > 0
            keep = (first < second) | ((first == second) & leading)
            self._list = first[keep], second[keep], shift[keep] @ atoms.cell.array
            self._listed = atoms.copy()
        return self._list

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy in eV, forces in eV/Angstrom, stress in eV/Angstrom^3 (of a cell periodic in three directions)."""
        Calculator.calculate(self, atoms, properties, system_changes)
        atoms = self.atoms
        n = len(atoms)
        order = {symbol: kind for kind, symbol in enumerate(self.elements)}
        kind = np.array([order[symbol] for symbol in atoms.symbols], dtype=np.intp)
        first, second, shift = self._pairs(atoms)
        vector = atoms.positions[second] - atoms.positions[first] + shift
        distance = np.sqrt(np.square(vector).sum(axis=1))
        near = distance <= self.cutoff
        first, second, vector, distance = first[near], second[near], vector[near], distance[near]

        given, given_slope = _look_up(self._density_table, kind[second], distance, self.dr)
        taken, taken_slope = _look_up(self._density_table, kind[first], distance, self.dr)
        pair, pair_slope = _look_up(
            self._pair_table, kind[first] * len(self.elements) + kind[second], distance, self.dr
        )
        density = np.zeros(n) + np.bincount(first, given, n) + np.bincount(second, taken, n)
        embedding, embedding_slope = _look_up(self._embedding_table, kind, density, self.drho)
        energy = float(pair.sum() + embedding.sum())

        pull = pair_slope + embedding_slope[first] * given_slope + embedding_slope[second] * taken_slope
        force = (pull / distance)[:, None] * vector
        forces = np.stack([np.bincount(first, part, n) - np.bincount(second, part, n) for part in force.T], axis=1)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}
        if atoms.cell.rank == 3:
            self.results["stress"] = full_3x3_to_voigt_6_stress(force.T @ vector / atoms.get_volume())
