from pathlib import Path

import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.params import load
from heamap.structures import chemistry
from heamap.structures.motif import Motif
from heamap.structures.particle import make_particle

EQUIATOMIC = np.full(5, 0.2)
SETTINGS = load(Path(__file__).parents[3] / "params.yaml").structures


@pytest.fixture(scope="module")
def motif():
    order = [[[0.0] * 5 for _ in range(5)] for _ in range(2)]
    return Motif(
        calculator="zhou-eam",
        elements=ELEMENTS,
        temperature_kelvin=800.0,
        lattice_constant_angstrom=3.69,
        lattice_constant_spread_angstrom=0.0,
        displacement_angstrom=(0.02, 0.04, 0.06, 0.08, 0.10),
        quenched_displacement_angstrom=(0.0,) * 5,
        warren_cowley=order,
        evolved_warren_cowley=order,
        energy_ev={},
        acceptance=0.5,
        pure_metals=[],
    )


@pytest.fixture(scope="module")
def particle():
    return make_particle(36.0, 3.69, 25.6, np.random.default_rng(0))


def column_shares(species, column):
    counts = np.bincount(column * 5 + species, minlength=5 * (column.max() + 1)).reshape(-1, 5)
    return counts[counts.sum(axis=1) >= 8]


def overdispersion(species, column):
    """Variance of the column counts over the binomial one, averaged over the elements."""
    counts = column_shares(species, column)
    total = counts.sum(axis=1, keepdims=True)
    share = np.bincount(species, minlength=5) / len(species)
    return float(np.mean((counts - total * share) ** 2 / (total * share * (1 - share))))


def test_independent_atoms_follow_the_composition_with_binomial_columns(particle):
    composition = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    rng = np.random.default_rng(1)
    species = chemistry.independent(composition, 50_000, rng)
    # Three standard deviations of a share at this number of atoms are .007.
    np.testing.assert_allclose(np.bincount(species) / 50_000, composition, atol=0.007)
    drawn = chemistry.independent(EQUIATOMIC, len(particle.column), rng)
    assert overdispersion(drawn, particle.column) == pytest.approx(1.0, abs=0.25)


def test_columns_are_more_aggregated_the_smaller_their_concentration(particle):
    rng = np.random.default_rng(2)
    spread = [
        overdispersion(chemistry.columns(EQUIATOMIC, particle.column, concentration, rng), particle.column)
        for concentration in (2.0, 20.0, 1e6)
    ]
    assert spread[0] > spread[1] > spread[2]
    # Dirichlet-multinomial: (n + A) / (1 + A) times binomial, about 4 for columns of n = 10 at A = 2.
    assert spread[0] == pytest.approx(4.0, rel=0.3)
    assert spread[2] == pytest.approx(1.0, abs=0.25)


def test_wave_has_its_length():
    wave_length = 18.0
    rng = np.random.default_rng(3)
    strengths = []
    axis = np.linspace(0, 400, 40_000)
    positions = np.stack([axis] * 3, axis=1) / np.sqrt(3)
    for _ in range(4):
        species = chemistry.waves(EQUIATOMIC, positions, wave_length, rng)
        spectrum = np.abs(np.fft.rfft((species == 0) - (species == 0).mean()))
        strengths.append(400 / spectrum.argmax())
    # Along a line the wave looks longer, by the cosine of its angle, but never shorter.
    assert min(strengths) >= wave_length * 0.97


def test_wave_keeps_every_element(particle):
    species = chemistry.waves(EQUIATOMIC, particle.positions, 12.0, np.random.default_rng(4))
    assert (np.bincount(species, minlength=5) > 0.1 * len(species)).all()


@pytest.mark.parametrize("name", chemistry.CHEMISTRIES)
def test_every_chemistry_gives_a_species_to_every_site(particle, motif, name):
    drawn = [
        chemistry.assign_species(name, EQUIATOMIC, particle, SETTINGS, motif, np.random.default_rng(5))
        for _ in range(2)
    ]
    assert drawn[0].shape == (len(particle.positions),)
    assert drawn[0].dtype == np.int8
    assert set(np.unique(drawn[0])) == set(range(5))
    assert (drawn[0] == drawn[1]).all()


def test_unknown_chemistry_is_refused(particle, motif):
    with pytest.raises(ValueError, match="sorcery"):
        chemistry.assign_species("sorcery", EQUIATOMIC, particle, SETTINGS, motif, np.random.default_rng(0))


def test_near_equiatomic_composition_varies_less_than_the_varied_one():
    rng = np.random.default_rng(6)
    spread = []
    for share in (0.0, 1.0):
        settings = SETTINGS.model_copy(update={"varied_composition": share, "composition_concentration": 4.0})
        spread.append(np.std([chemistry.draw_composition(settings, rng) for _ in range(300)]))
    assert spread[0] < 0.015
    assert spread[1] > 0.05


def test_platinum_rich_alloy_has_the_larger_lattice(motif):
    assert chemistry.lattice_constant(motif, EQUIATOMIC) == pytest.approx(3.69)
    assert chemistry.lattice_constant(motif, np.array([0.6, 0.1, 0.1, 0.1, 0.1])) > 3.75


def test_displacements_have_the_width_of_each_element(motif):
    species = np.repeat(np.arange(5), 20_000).astype(np.int8)
    moved = chemistry.displace(np.zeros((len(species), 3)), species, motif, np.random.default_rng(7))
    widths = [moved[species == kind].std() for kind in range(5)]
    np.testing.assert_allclose(widths, motif.displacement_angstrom, rtol=0.02)
