"""Evolutionary search for the arrangement of least energy, by ASE's genetic algorithms (``ase-ga``)."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.offspring_creator import OperationSelector
from ase_ga.population import Population
from ase_ga.slab_operators import CutSpliceSlabCrossover, RandomSlabPermutation
from ase_ga.standard_comparators import StringComparator
from tqdm import tqdm

from heamap import params
from heamap.structures.relaxation import relax

FORCE_EV_PER_ANGSTROM = 0.05
_CROSSOVER_SHARE = 0.6


@dataclass(frozen=True)
class Generation:
    """Energies per atom of the surviving population after a generation; generation 0 is random."""

    generation: int
    best_ev: float
    mean_ev: float


def _restore_composition(child: Atoms, wanted: dict[int, int], rng: np.random.RandomState) -> None:
    """Turn surplus atoms, chosen at random, into the missing species, in place."""
    excess = {number: int(np.count_nonzero(child.numbers == number)) - count for number, count in wanted.items()}
    for missing in [number for number in wanted for _ in range(-excess[number])]:
        surplus = [number for number in wanted if excess[number] > 0]
        site = rng.choice(np.flatnonzero(np.isin(child.numbers, surplus)))
        excess[int(child.numbers[site])] -= 1
        child.numbers[site] = missing


def _labelled(candidate: Atoms, energy: float, generation: int) -> Atoms:
    """The candidate with what ase-ga keeps of each: its score, generation, and a name that tells arrangements apart."""
    candidate.info.setdefault("data", {})
    candidate.info["key_value_pairs"] = {
        **candidate.info.get("key_value_pairs", {}),
        "extinct": 0,
        "raw_score": -energy,
        "generation": generation,
        "arrangement": "".join(candidate.symbols),
    }
    return candidate


def evolve(
    sites: Atoms, calc: Calculator, settings: params.Evolution, seeds: np.random.SeedSequence
) -> tuple[Atoms, float, list[Generation]]:
    """Search arrangements of fixed composition on the sites of a fixed cell; each is judged by its relaxed energy.

    Children come from cut-and-splice crossover, its composition mended, or from swaps of unlike atoms.

    Parameters
    ----------
    sites : one arrangement on ideal sites; its composition is kept
    seeds : decide everything that is random; ase-ga wants NumPy's older generator, which is fed from them

    Returns
    -------
    best : the relaxed arrangement of least energy, sites in the order given
    energy : its energy in eV
    generations : one entry a generation, from 0
    """
    rng = np.random.RandomState(np.random.MT19937(seeds))
    wanted = {
        int(number): int(count) for number, count in zip(*np.unique(sites.numbers, return_counts=True), strict=True)
    }
    crossover = CutSpliceSlabCrossover(
        distribution_correction_function=lambda child: _restore_composition(child, wanted, rng), rng=rng
    )
    permutation = RandomSlabPermutation(num_muts=max(1, len(sites) // 30), rng=rng)
    operators = OperationSelector([_CROSSOVER_SHARE, 1 - _CROSSOVER_SHARE], [crossover, permutation], rng=rng)

    def judged(numbers: npt.NDArray[np.int64], generation: int, info: dict[str, Any]) -> Atoms:
        candidate = sites.copy()
        candidate.numbers = numbers
        candidate.info = info
        return _labelled(candidate, relax(candidate, calc, FORCE_EV_PER_ANGSTROM), generation)

    with tempfile.TemporaryDirectory(prefix="heamap-evolution-") as folder:
        database = str(Path(folder) / "candidates.db")
        PrepareDB(database, simulation_cell=sites, population_size=settings.population)
        connection = DataConnection(database)
        connection.add_more_relaxed_candidates(
            [judged(rng.permutation(sites.numbers), 0, {}) for _ in range(settings.population)]
        )
        population = Population(connection, settings.population, StringComparator("arrangement"), rng=rng)
        generations = [_summary(population, 0, len(sites))]
        for generation in tqdm(
            range(1, settings.generations + 1), desc="evolutionary search", unit="generation", disable=None
        ):
            children = [
                operators.get_new_individual(population.get_two_candidates())[0] for _ in range(settings.population)
            ]
            connection.add_more_relaxed_candidates(
                [judged(child.numbers, generation, dict(child.info)) for child in children]
            )
            population.update()
            generations.append(_summary(population, generation, len(sites)))
        best = population.pop[0]
    energy = -best.info["key_value_pairs"]["raw_score"]
    return Atoms(best.symbols, positions=best.positions, cell=best.cell, pbc=best.pbc), energy, generations


def _summary(population: Population, generation: int, atoms: int) -> Generation:
    energies = [-member.info["key_value_pairs"]["raw_score"] / atoms for member in population.pop]
    return Generation(generation, float(min(energies)), float(np.mean(energies)))
