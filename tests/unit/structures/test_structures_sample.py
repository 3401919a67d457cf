from pathlib import Path

import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.params import RESERVE, load
from heamap.structures.motif import Motif
from heamap.structures.sample import SPLITS, draw_sample, draw_structures, split_samples

PARAMS = load(Path(__file__).parents[3] / "params.yaml")
BASE = PARAMS.base
SETTINGS = PARAMS.structures.model_copy(update={"samples": 10, "diameter_angstrom": (20.0, 26.0)})


@pytest.fixture(scope="module")
def motif():
    order = [(-0.2 * np.eye(5) + 0.04).tolist()] * 2
    return Motif(
        calculator="zhou-eam",
        elements=ELEMENTS,
        temperature_kelvin=800.0,
        lattice_constant_angstrom=3.69,
        lattice_constant_spread_angstrom=0.0,
        displacement_angstrom=(0.05,) * 5,
        quenched_displacement_angstrom=(0.05,) * 5,
        warren_cowley=order,
        evolved_warren_cowley=order,
        energy_ev={},
        acceptance=0.5,
        pure_metals=[],
    )


@pytest.fixture(scope="module")
def tables(motif):
    return draw_structures(BASE, SETTINGS, motif)


def test_columns_count_every_atom_once(tables):
    totals = tables.columns.groupby("sample")["total"].sum()
    assert totals.tolist() == tables.samples["n_atoms"].tolist()
    assert tables.columns[list(ELEMENTS)].sum(axis=1).tolist() == tables.columns["total"].tolist()
    members = tables.atoms.groupby(["sample", "column"]).size()
    assert members.tolist() == tables.columns["total"].tolist()


def test_columns_stand_where_their_atoms_are(tables):
    means = tables.atoms.groupby(["sample", "column"])[["y", "x"]].mean().to_numpy()
    np.testing.assert_allclose(tables.columns[["row", "col"]].to_numpy() * BASE.sampling_angstrom, means, atol=1e-9)


def test_order_names_the_atoms_of_the_column(tables):
    for kind, symbol in enumerate(ELEMENTS):
        assert tables.columns["order"].str.count(str(kind)).tolist() == tables.columns[symbol].tolist()


def test_atoms_lie_from_the_entrance_down_to_the_thickness(tables):
    depth = tables.atoms.groupby("sample")["z"].agg(["min", "max"])
    assert (depth["min"] == 0).all()
    np.testing.assert_allclose(depth["max"], tables.samples["thickness_angstrom"])


def test_hashes_are_unique_and_shares_sum_to_one(tables):
    assert tables.samples["structure_hash"].is_unique
    shares = tables.samples[[f"fraction_{symbol}" for symbol in ELEMENTS]].sum(axis=1)
    np.testing.assert_allclose(shares, 1.0)


def test_sample_is_the_same_drawn_alone(tables, motif):
    alone = draw_sample(7, BASE, SETTINGS, motif)
    assert alone.structure_hash == tables.samples["structure_hash"][7]
    assert alone.columns["order"].tolist() == tables.columns.loc[tables.columns["sample"] == 7, "order"].tolist()


def test_another_seed_draws_another_sample(motif):
    other = BASE.model_copy(update={"seed": BASE.seed + 1})
    assert draw_sample(0, other, SETTINGS, motif).structure_hash != draw_sample(0, BASE, SETTINGS, motif).structure_hash


def test_fields_of_the_paper_hold_larger_particles(motif):
    base = BASE.model_copy(update={"pixels": 256})
    settings = SETTINGS.model_copy(update={"diameter_angstrom": (65.0, 75.0)})
    sample = draw_sample(0, base, settings, motif)
    assert sample.columns["in_field"].sum() > 200
    assert 15 <= sample.columns["total"].max() <= 40


@pytest.mark.parametrize(("samples", "sizes"), [(60, (36, 0, 6, 6, 12)), (10, (6, 0, 1, 1, 2)), (12, (7, 0, 1, 1, 3))])
def test_split_has_the_exact_fractions(samples, sizes):
    split = split_samples(
        samples, {"train": 0.6, "validation": 0.1, "calibration": 0.1, "test": 0.2}, np.random.default_rng(0)
    )
    assert tuple(int((split == name).sum()) for name in SPLITS) == sizes


def test_what_the_fractions_leave_over_is_a_reserve_that_training_grows_into():
    held_out = {"validation": 0.1, "calibration": 0.1, "test": 0.2}
    small, whole = (
        split_samples(60, {"train": train, "reserve": 0.6 - train, **held_out}, np.random.default_rng(0))
        for train in (0.2, 0.6)
    )
    assert [int((small == name).sum()) for name in SPLITS] == [12, 24, 6, 6, 12]
    assert RESERVE not in whole
    changed = small != whole
    assert set(small[changed]) == {RESERVE}
    assert set(whole[changed]) == {"train"}


def test_split_is_a_permutation_that_the_seed_decides():
    first, again, other = (
        split_samples(60, dict(SETTINGS.split), np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_split_without_samples_is_refused():
    with pytest.raises(InputError, match=r"structures.samples 3 leaves the validation split \(0.08\) empty"):
        split_samples(3, dict(SETTINGS.split), np.random.default_rng(0))


def test_particle_too_small_to_be_a_crystal_is_refused(motif):
    settings = SETTINGS.model_copy(update={"diameter_angstrom": (4.0, 30.0)})
    with pytest.raises(InputError, match=r"\[4.0, 30.0\]"):
        draw_structures(BASE, settings, motif)
