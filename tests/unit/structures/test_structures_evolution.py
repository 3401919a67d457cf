import numpy as np
import pytest
from ase import Atoms

from heamap.params import Evolution, MonteCarlo
from heamap.structures.evolution import evolve
from heamap.structures.montecarlo import sample_ensemble
from heamap.structures.order import shell_pairs
from heamap.structures.potential import calculator
from heamap.structures.relaxation import random_alloy, scaled

LATTICE = 3.69


@pytest.fixture(scope="module")
def sites():
    return scaled(random_alloy(2, np.random.default_rng(0)), 2, LATTICE)


def test_best_arrangement_keeps_composition_and_has_the_energy_reported(sites):
    calc = calculator("zhou-eam")
    settings = Evolution(population=4, generations=2)
    best, energy, generations = evolve(sites, calc, settings, np.random.SeedSequence(1))
    assert sorted(best.numbers) == sorted(sites.numbers)
    best.calc = calc
    assert best.get_potential_energy() == pytest.approx(energy, abs=1e-9)
    assert energy / len(sites) == generations[-1].best_ev


def test_cold_sampling_ends_below_hot_sampling(sites):
    calc = calculator("zhou-eam")
    shells = (shell_pairs(sites, LATTICE, 1),)
    cold, hot = (
        sample_ensemble(
            sites,
            shells,
            calc,
            MonteCarlo(temperature_kelvin=temperature, sweeps=3, equilibration=0.67),
            np.random.default_rng(2),
        )
        for temperature in (50.0, 1e6)
    )
    assert cold.energy_ev < hot.energy_ev
    assert cold.acceptance < 0.5 < 0.99 < hot.acceptance


def test_nothing_to_swap_is_refused(sites):
    pure = Atoms("Pt4", positions=sites.positions[:4], cell=np.eye(3) * LATTICE, pbc=True)
    with pytest.raises(ValueError, match="two species"):
        sample_ensemble(
            pure,
            (),
            calculator("zhou-eam"),
            MonteCarlo(temperature_kelvin=800.0, sweeps=1, equilibration=0.0),
            np.random.default_rng(0),
        )
