"""Which species sits on which site of a particle, and how far it stands off."""

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.elements import ELEMENTS, TABLE
from heamap.structures.motif import Motif
from heamap.structures.order import nearest_pairs
from heamap.structures.ordering import arrange
from heamap.structures.particle import Particle

Array = npt.NDArray[np.float64]
Species = npt.NDArray[np.int8]

CHEMISTRIES = ("independent", "motif", "waves", "columns")
_NEAR_EQUIATOMIC = 200.0
"""Dirichlet concentration per element: a standard deviation of 1.3 % of each share."""
_WAVE_AMPLITUDE = (0.5, 1.0)
_ORDER_TOLERANCE = 0.01


def draw_composition(settings: params.Structures, rng: np.random.Generator) -> Array:
    """Global composition (5,): near-equiatomic, or varied with the chance that the parameters give."""
    varied = rng.random() < settings.varied_composition
    concentration = settings.composition_concentration if varied else _NEAR_EQUIATOMIC
    return rng.dirichlet(np.full(len(ELEMENTS), concentration))


def lattice_constant(motif: Motif, composition: Array) -> float:
    """Lattice constant of another composition: the motif's, changed by Vegard's rule, in Angstrom."""
    pure = np.array([element.lattice_constant_angstrom for element in TABLE])
    return float(motif.lattice_constant_angstrom * (composition @ pure) / pure.mean())


def _draw(shares: Array, rng: np.random.Generator) -> Species:
    """One species per row of shares (n, 5)."""
    limits = np.cumsum(shares, axis=1)
    choice = (rng.random(len(shares))[:, None] * limits[:, -1:] >= limits).sum(axis=1)
    return choice.astype(np.int8)


def independent(composition: Array, atoms: int, rng: np.random.Generator) -> Species:
    """Each atom drawn by itself: (atoms,) indices into ``ELEMENTS``."""
    return _draw(np.broadcast_to(composition, (atoms, len(ELEMENTS))), rng)


def motif_ordered(composition: Array, particle: Particle, order: Array, rng: np.random.Generator) -> Species:
    """Random species rearranged until nearest neighbours mix as the motif's Warren-Cowley parameters (5, 5) say."""
    pairs = nearest_pairs(particle.positions, particle.lattice_constant_angstrom)
    random = independent(composition, len(particle.positions), rng)
    return arrange(random, pairs, order, tolerance=_ORDER_TOLERANCE, rng=rng)


def waves(composition: Array, positions: Array, wave_length_angstrom: float, rng: np.random.Generator) -> Species:
    """Shares c (1 + A cos(2 pi n.r / wave length + phase)) along a random direction n, with a phase per element."""
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    amplitude = rng.uniform(*_WAVE_AMPLITUDE)
    phases = rng.uniform(0, 2 * np.pi, len(ELEMENTS))
    angle = 2 * np.pi / wave_length_angstrom * (positions @ direction)
    return _draw(composition * (1 + amplitude * np.cos(angle[:, None] + phases)), rng)


def columns(
    composition: Array, column: npt.NDArray[np.int32], concentration: float, rng: np.random.Generator
) -> Species:
    """Dirichlet-multinomial columns: each column has its own shares, Dirichlet around the composition.

    Parameters
    ----------
    column : (n,) column number of each atom, from 0
    concentration : total of the Dirichlet parameters; smaller is more aggregated
    """
    # A vanishing parameter would make the Dirichlet draw all zeros.
    shares = rng.dirichlet(np.maximum(concentration * composition, 1e-3), size=int(column.max()) + 1)
    return _draw(shares[column], rng)


def assign_species(
    chemistry: str,
    composition: Array,
    particle: Particle,
    settings: params.Structures,
    motif: Motif,
    rng: np.random.Generator,
) -> Species:
    """Species of every site by one of ``CHEMISTRIES``.

    Returns
    -------
    (n,) indices into ``ELEMENTS``

    Raises
    ------
    ValueError : an unknown chemistry
    """
    if chemistry == "independent":
        return independent(composition, len(particle.positions), rng)
    if chemistry == "motif":
        return motif_ordered(composition, particle, motif.nearest_order, rng)
    if chemistry == "waves":
        return waves(composition, particle.positions, rng.uniform(*settings.wave_length_angstrom), rng)
    if chemistry == "columns":
        low, high = np.log(settings.column_concentration)
        return columns(composition, particle.column, float(np.exp(rng.uniform(low, high))), rng)
    raise ValueError(f"chemistry {chemistry!r} is none of {CHEMISTRIES}")


def displace(positions: Array, species: Species, motif: Motif, rng: np.random.Generator) -> Array:
    """Positions (n, 3) with Gaussian static displacements of each element's r.m.s. added, in Angstrom."""
    widths = np.asarray(motif.displacement_angstrom)[species]
    return positions + widths[:, None] * rng.normal(size=positions.shape)
