import json
from dataclasses import replace

import numpy as np
import pytest

from heamap.errors import InputError
from heamap.params import Evolution, MonteCarlo, Motifs
from heamap.structures.motif import Motif, find_motif, read_motif

SETTINGS = Motifs(
    calculator="zhou-eam",
    repeats=2,
    evolution=Evolution(population=4, generations=2),
    monte_carlo=MonteCarlo(temperature_kelvin=800.0, sweeps=2, equilibration=0.5),
)


@pytest.fixture(scope="module")
def found():
    return find_motif(SETTINGS, seed=7)


def test_lattice_constant_agrees_with_vegard(found):
    # 3.70 Angstrom is the mean of the five fcc metals; alloys of this kind keep to it within 1 %.
    assert found[0].lattice_constant_angstrom == pytest.approx(3.70, rel=0.01)


def test_evolution_never_loses_its_best_and_beats_random_mixing(found):
    motif, generations = found
    best = [generation.best_ev for generation in generations]
    assert [generation.generation for generation in generations] == [0, 1, 2]
    assert best == sorted(best, reverse=True)
    assert all(generation.mean_ev >= generation.best_ev for generation in generations)
    assert motif.energy_ev["evolved"] == best[-1] < motif.energy_ev["random"]


def test_ensemble_prefers_lower_energies_than_random_mixing(found):
    motif, _ = found
    assert motif.energy_ev["ensemble"] < motif.energy_ev["random"]
    assert 0 < motif.acceptance < 1


def test_static_displacements_are_those_of_high_entropy_alloys(found):
    assert all(0.01 < rms < 0.15 for rms in found[0].displacement_angstrom)


def test_order_parameters_are_symmetric_for_both_shells(found):
    for order in (found[0].warren_cowley, found[0].evolved_warren_cowley):
        assert np.shape(order) == (2, 5, 5)
        np.testing.assert_allclose(order, np.swapaxes(order, 1, 2), atol=1e-12)


def test_same_seed_gives_the_same_bits(found):
    motif, generations = find_motif(SETTINGS, seed=7)
    assert motif.to_json() == found[0].to_json()
    assert generations == found[1]


def test_file_brings_the_motif_back(found, tmp_path):
    path = tmp_path / "motifs.json"
    path.write_text(found[0].to_json())
    assert read_motif(path).to_json() == found[0].to_json()


def test_files_that_are_no_motif_are_refused(found, tmp_path):
    with pytest.raises(InputError, match="run the motifs stage first"):
        read_motif(tmp_path / "missing.json")
    with pytest.raises(InputError, match="not a motif file"):
        Motif.from_json("[1]", "here")
    swapped = replace(found[0], elements=("Ni", "Pt", "Pd", "Co", "Fe")).to_json()
    with pytest.raises(InputError, match="in this order"):
        Motif.from_json(swapped, "here")
    assert json.loads(swapped)["elements"][0] == "Ni"


def test_cell_too_small_for_the_species_is_refused():
    with pytest.raises(InputError, match=r"motifs.repeats 1 gives 4 atoms"):
        find_motif(SETTINGS.model_copy(update={"repeats": 1}), seed=7)


def test_calculator_that_does_not_bind_the_alloy_is_refused():
    settings = SETTINGS.model_copy(update={"calculator": "ase.calculators.lj:LennardJones"})
    with pytest.raises(InputError, match="no lattice constant of least energy"):
        find_motif(settings, seed=7)
