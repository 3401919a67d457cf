"""Seeded fcc balls for the tests of what reads and turns structures."""

import numpy as np
from ase import Atoms

LATTICE_ANGSTROM = 3.85


def fcc_ball(radius_angstrom: float, *, shake_angstrom: float = 0.0, seed: int = 0) -> np.ndarray:
    """Sites (n, 3) of an fcc crystal, cubic axes along x, y, z, within a radius of a place between atoms."""
    rng = np.random.default_rng(seed)
    reach = int(2 * radius_angstrom / LATTICE_ANGSTROM) + 2
    axis = np.arange(-reach, reach + 1)
    sites = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    sites = LATTICE_ANGSTROM / 2 * sites[sites.sum(axis=1) % 2 == 0]
    ball = sites[np.linalg.norm(sites - [0.3, 0.2, 0.1], axis=1) < radius_angstrom]
    return ball + rng.normal(0, shake_angstrom, ball.shape)


def amorphous(side_angstrom: float, *, seed: int = 0) -> np.ndarray:
    """Atoms (n, 3) strewn at random in a cube, no two nearer than 2.2 Angstrom."""
    rng = np.random.default_rng(seed)
    kept = np.empty((0, 3))
    for place in rng.uniform(0, side_angstrom, (int(side_angstrom**3), 3)):
        if not len(kept) or ((kept - place) ** 2).sum(axis=1).min() > 2.2**2:
            kept = np.vstack([kept, place])
    return kept


def alloy(positions: np.ndarray, *, seed: int = 0, symbols: tuple[str, ...] = ("Pt", "Pd")) -> Atoms:
    """Atoms of random species at given places."""
    return Atoms(np.random.default_rng(seed).choice(symbols, len(positions)).tolist(), positions=positions)
