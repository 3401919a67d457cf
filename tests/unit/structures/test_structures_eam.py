import io

import numpy as np
import pytest
from ase.calculators.eam import EAM

from heamap.structures.eam import ArrayEAM
from heamap.structures.relaxation import random_alloy
from heamap.structures.zhou import setfl


@pytest.fixture(scope="module")
def calculators():
    return tuple(kind(potential=io.StringIO(setfl()), form="alloy") for kind in (EAM, ArrayEAM))


@pytest.fixture
def alloy():
    atoms = random_alloy(2, np.random.default_rng(1))
    atoms.rattle(0.1, seed=2)
    return atoms


def _results(atoms, calc):
    atoms = atoms.copy()
    atoms.calc = calc
    return atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()


def test_arrays_give_the_energy_forces_and_stress_of_ase(calculators, alloy):
    (energy, forces, stress), (array_energy, array_forces, array_stress) = (_results(alloy, c) for c in calculators)
    assert array_energy == pytest.approx(energy, abs=1e-9)
    np.testing.assert_allclose(array_forces, forces, atol=1e-9)
    np.testing.assert_allclose(array_stress, stress, atol=1e-11)


def test_kept_pair_list_serves_small_moves_swaps_and_new_cells(calculators, alloy):
    _results(alloy, calculators[1])
    alloy.rattle(0.02, seed=3)
    alloy.numbers[[0, 1, 2]] = alloy.numbers[[1, 2, 0]]
    assert _results(alloy, calculators[1])[0] == pytest.approx(_results(alloy, calculators[0])[0], abs=1e-9)
    alloy.set_cell(1.02 * alloy.cell, scale_atoms=True)
    assert _results(alloy, calculators[1])[0] == pytest.approx(_results(alloy, calculators[0])[0], abs=1e-9)


def test_forces_are_the_downhill_slope_of_the_energy(calculators, alloy):
    alloy.calc = calculators[1]
    force = alloy.get_forces()[5, 1]
    step = 1e-4
    energies = []
    for sign in (1, -1):
        moved = alloy.copy()
        moved.positions[5, 1] += sign * step
        moved.calc = calculators[1]
        energies.append(moved.get_potential_energy())
    assert force == pytest.approx((energies[1] - energies[0]) / (2 * step), rel=1e-5)
