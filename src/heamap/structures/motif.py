"""Motifs: how the five species mix in the equiatomic alloy, found once and used by every particle."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from ase import Atoms

from heamap import params
from heamap.elements import ELEMENTS, index_of_number
from heamap.errors import InputError
from heamap.seeds import Stream, generator, sequence
from heamap.structures.evolution import Generation, evolve
from heamap.structures.montecarlo import Ensemble, sample_ensemble
from heamap.structures.order import shell_pairs, warren_cowley
from heamap.structures.potential import calculator, check_pure_metals
from heamap.structures.relaxation import alloy_lattice_constant, random_alloy, relax, scaled, squared_displacements

QUENCHES = 4
_FORCE_EV_PER_ANGSTROM = 0.02
_LATTICE, _SEARCH, _MONTE_CARLO = range(3)


@dataclass(frozen=True)
class Motif:
    """What the particles need of the alloy, and how it was found.

    Attributes
    ----------
    calculator : name of the calculator
    lattice_constant_angstrom, lattice_constant_spread_angstrom : mean and standard deviation over the quenched cells
    displacement_angstrom : (5,) r.m.s. static displacement of each element, one Cartesian component, at temperature
    quenched_displacement_angstrom : (5,) the same in the quenched random cells
    warren_cowley, evolved_warren_cowley : (2, 5, 5), first and second shell, of the ensemble and of the best
        arrangement of the evolutionary search
    energy_ev : per atom: random (mean of the quenched cells), ensemble (mean of the Monte Carlo), evolved (best of the
        evolutionary search)
    acceptance : share of the Monte Carlo swaps that were taken
    pure_metals : the calculator's check, as from ``check_pure_metals``
    """

    calculator: str
    elements: tuple[str, ...]
    temperature_kelvin: float
    lattice_constant_angstrom: float
    lattice_constant_spread_angstrom: float
    displacement_angstrom: tuple[float, ...]
    quenched_displacement_angstrom: tuple[float, ...]
    warren_cowley: list[list[list[float]]]
    evolved_warren_cowley: list[list[list[float]]]
    energy_ev: dict[str, float]
    acceptance: float
    pure_metals: list[dict[str, str | float]]

    @property
    def nearest_order(self) -> npt.NDArray[np.float64]:
        """(5, 5) Warren-Cowley parameters of the first shell at temperature."""
        return np.asarray(self.warren_cowley[0])

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, origin: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises
        ------
        InputError : not JSON, other fields, or another order of elements
        """
        try:
            values: dict[str, Any] = json.loads(text)
            motif = cls(**{**values, "elements": tuple(values["elements"])})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"{origin}: not a motif file ({error}); run the motifs stage again") from None
        if motif.elements != ELEMENTS:
            raise InputError(f"{origin}: elements {list(motif.elements)} must be {list(ELEMENTS)} in this order")
        return motif


def read_motif(path: Path) -> Motif:
    """Read a motif file.

    Raises
    ------
    InputError : no such file, or not a motif file
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; run the motifs stage first") from None
    return Motif.from_json(text, str(path))


@dataclass(frozen=True)
class _Quench:
    cell: Atoms
    lattice_constant_angstrom: float
    energy_ev: float
    squared_displacements: npt.NDArray[np.float64]


def find_motif(settings: params.Motifs, seed: int) -> tuple[Motif, list[Generation]]:
    """Lattice constant of random cells, then low-energy arrangements by evolution and by swap Monte Carlo.

    Returns
    -------
    motif, and the energies by generation of the evolutionary search

    Raises
    ------
    InputError : a cell too small for the five species, or a calculator that cannot serve
    """
    if 4 * settings.repeats**3 < 2 * len(ELEMENTS):
        raise InputError(
            f"motifs.repeats {settings.repeats} gives {4 * settings.repeats**3} atoms, too few for "
            f"{len(ELEMENTS)} species; use 2 or more"
        )
    calc = calculator(settings.calculator)
    quenches = []
    for index in range(QUENCHES):
        cell = random_alloy(settings.repeats, generator(seed, Stream.MOTIFS, _LATTICE, index))
        constant = alloy_lattice_constant(cell, settings.repeats, calc, _FORCE_EV_PER_ANGSTROM)
        sites = scaled(cell, settings.repeats, constant)
        relaxed = sites.copy()
        energy = relax(relaxed, calc, _FORCE_EV_PER_ANGSTROM)
        quenches.append(_Quench(cell, constant, energy / len(cell), squared_displacements(relaxed, sites)))
    constants = [quench.lattice_constant_angstrom for quench in quenches]
    lattice_constant = float(np.mean(constants))

    sites = scaled(quenches[0].cell, settings.repeats, lattice_constant)
    shells = (shell_pairs(sites, lattice_constant, 1), shell_pairs(sites, lattice_constant, 2))
    best, best_energy, generations = evolve(sites, calc, settings.evolution, sequence(seed, Stream.MOTIFS, _SEARCH))
    evolved = [warren_cowley(index_of_number(best.numbers), pairs).tolist() for pairs in shells]
    ensemble: Ensemble = sample_ensemble(
        sites, shells, calc, settings.monte_carlo, generator(seed, Stream.MOTIFS, _MONTE_CARLO)
    )
    quenched = np.sqrt(np.mean([quench.squared_displacements for quench in quenches], axis=0))
    motif = Motif(
        calculator=settings.calculator,
        elements=ELEMENTS,
        temperature_kelvin=settings.monte_carlo.temperature_kelvin,
        lattice_constant_angstrom=lattice_constant,
        lattice_constant_spread_angstrom=float(np.std(constants)),
        displacement_angstrom=tuple(np.sqrt(ensemble.squared_displacements).tolist()),
        quenched_displacement_angstrom=tuple(quenched.tolist()),
        warren_cowley=ensemble.warren_cowley.tolist(),
        evolved_warren_cowley=evolved,
        energy_ev={
            "random": float(np.mean([quench.energy_ev for quench in quenches])),
            "ensemble": ensemble.energy_ev,
            "evolved": best_energy / len(sites),
        },
        acceptance=ensemble.acceptance,
        pure_metals=check_pure_metals(calc),
    )
    return motif, generations
