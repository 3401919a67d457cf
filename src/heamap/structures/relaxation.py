"""Atoms relaxed off their lattice sites, and what follows: the lattice constant and the static displacements."""

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.optimize import LBFGS
from scipy.optimize import minimize_scalar

from heamap.elements import ELEMENTS, TABLE, index_of_number
from heamap.errors import InputError

MAX_STEPS = 200
_VEGARD_ANGSTROM = float(np.mean([element.lattice_constant_angstrom for element in TABLE]))
_SEARCH = 0.05


def random_alloy(repeats: int, rng: np.random.Generator) -> Atoms:
    """A periodic fcc cell of 4 repeats**3 atoms, the five species equally shared at random, at Vegard's constant."""
    cell = bulk(ELEMENTS[0], "fcc", a=_VEGARD_ANGSTROM, cubic=True) * (repeats, repeats, repeats)
    cell.symbols = rng.permutation(np.resize(ELEMENTS, len(cell)))
    return cell


def scaled(atoms: Atoms, repeats: int, lattice_constant_angstrom: float) -> Atoms:
    """A copy of a cubic cell at another lattice constant, atoms scaled with it."""
    copy = atoms.copy()
    copy.set_cell(np.eye(3) * repeats * lattice_constant_angstrom, scale_atoms=True)
    return copy


def relax(atoms: Atoms, calc: Calculator, force_ev_per_angstrom: float) -> float:
    """Move the atoms, in place and at a fixed cell, until no force exceeds the limit.

    Returns
    -------
    energy in eV
    """
    atoms.calc = calc
    LBFGS(atoms, logfile=None).run(fmax=force_ev_per_angstrom, steps=MAX_STEPS)
    energy = float(atoms.get_potential_energy())
    atoms.calc = None
    return energy


def alloy_lattice_constant(atoms: Atoms, repeats: int, calc: Calculator, force_ev_per_angstrom: float) -> float:
    """Lattice constant in Angstrom of least energy, positions relaxed at each volume tried.

    Raises
    ------
    InputError : no minimum within 5 % of Vegard's lattice constant
    """

    def energy(lattice_constant: float) -> float:
        return relax(scaled(atoms, repeats, lattice_constant), calc, force_ev_per_angstrom)

    low, high = (1 - _SEARCH) * _VEGARD_ANGSTROM, (1 + _SEARCH) * _VEGARD_ANGSTROM
    best = float(minimize_scalar(energy, bounds=(low, high), method="bounded", options={"xatol": 1e-3}).x)
    if min(best - low, high - best) < 5e-3:
        raise InputError(
            f"motifs.calculator: no lattice constant of least energy between {low:.2f} and {high:.2f} Angstrom; "
            "choose a calculator that binds this alloy"
        )
    return best


def squared_displacements(relaxed: Atoms, sites: Atoms) -> npt.NDArray[np.float64]:
    """Mean squared static displacement of each element from its sites, one Cartesian component.

    The drift of the whole cell is removed first.

    Returns
    -------
    (5,) in Angstrom^2, in the order of ``ELEMENTS``
    """
    offset = relaxed.positions - sites.positions
    offset -= offset.mean(axis=0)
    species = index_of_number(relaxed.numbers)
    return np.array([np.square(offset[species == kind]).mean() for kind in range(len(ELEMENTS))])
