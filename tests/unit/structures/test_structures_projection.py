import numpy as np
import pytest
from crystals import LATTICE_ANGSTROM, amorphous, fcc_ball
from scipy.spatial.transform import Rotation

from heamap.structures.projection import layer_spacing, lean, project

UPRIGHT_110 = Rotation.from_euler("x", 45, degrees=True)
"""Takes [011] onto z."""


def columns_by_count(positions: np.ndarray) -> list[int]:
    return sorted(np.bincount(project(positions).column).tolist())


def test_columns_of_an_ideal_crystal_are_those_of_its_lattice():
    sites = fcc_ball(9.0)
    whole = np.rint(2 * sites / LATTICE_ANGSTROM).astype(int)
    _, expected = np.unique(np.stack([whole[:, 0], whole[:, 1] - whole[:, 2]]), axis=1, return_counts=True)
    found = project(UPRIGHT_110.apply(sites))
    assert found.share == 1
    assert found.scatter_angstrom < 1e-9
    assert sorted(np.bincount(found.column).tolist()) == sorted(expected.tolist())


def test_shaken_atoms_stay_in_their_columns():
    ideal, shaken = (UPRIGHT_110.apply(fcc_ball(12.0, shake_angstrom=shake)) for shake in (0.0, 0.15))
    assert columns_by_count(shaken) == columns_by_count(ideal)
    found = project(shaken)
    assert found.share > 0.9
    # Each column's mean takes one atom's worth of scatter with it.
    freedom = 1 - (found.column.max() + 1) / len(shaken)
    assert found.scatter_angstrom == pytest.approx(0.15 * np.sqrt(2 * freedom), rel=0.05)


def test_a_stray_atom_does_not_join_two_columns():
    heights = 2.7 * np.arange(8.0)
    left, right = (np.column_stack([np.full(8, x), np.zeros(8), heights]) for x in (0.0, 2.2))
    strays = np.array([[0.55, 0.0, 4.0], [1.1, 0.0, 9.4], [1.65, 0.0, 14.8]])
    column = project(np.vstack([left, right, strays])).column
    assert column[0] != column[8]
    assert len(set(column[:8])) == len(set(column[8:16])) == 1


@pytest.mark.parametrize("zone", [(0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 1, 2)])
def test_every_low_zone_axis_shows_columns(zone):
    turn = Rotation.align_vectors([[0, 0, 1]], [np.array(zone) / np.linalg.norm(zone)])[0]
    assert project(turn.apply(fcc_ball(12.0, shake_angstrom=0.08))).share > 0.98


def test_a_crystal_off_its_axis_and_amorphous_metal_show_none():
    for seed in range(4):
        assert not project(Rotation.random(random_state=seed).apply(fcc_ball(20.0))).has_columns
    assert project(amorphous(22.0)).share < 0.5


def test_atoms_beside_each_other_are_columns_of_one():
    flat = project(np.array([[0.0, 0.0, 0.0], [2.7, 0.0, 1.0]]))
    assert flat.has_columns
    assert flat.column.tolist() == [0, 1]
    assert project(np.zeros((1, 3))).has_columns


def test_lean_is_the_slope_of_the_columns():
    heights = 2.7 * np.arange(6.0)
    columns = [np.column_stack([x + 0.02 * heights, -0.01 * heights, heights + x]) for x in (0.0, 2.3)]
    slopes = lean(np.vstack(columns), np.repeat([0, 1], 6))
    np.testing.assert_allclose(slopes, [0.02, -0.01], atol=1e-12)
    assert not lean(np.zeros((1, 3)), np.zeros(1, dtype=int)).any()


@pytest.mark.parametrize(
    ("zone", "spacing"), [((0, 1, 1), 8**-0.5), ((0, 0, 1), 0.5), ((1, 1, 1), 3**-0.5), ((1, 1, 2), 24**-0.5)]
)
def test_layers_are_those_of_the_zone_axis(zone, spacing):
    turn = Rotation.align_vectors([[0, 0, 1]], [np.array(zone) / np.linalg.norm(zone)])[0]
    heights = turn.apply(fcc_ball(15.0, shake_angstrom=0.05))[:, 2]
    assert layer_spacing(heights) == pytest.approx(LATTICE_ANGSTROM * spacing, rel=0.005)


def test_heights_at_random_and_one_layer_have_no_spacing():
    assert layer_spacing(np.random.default_rng(0).uniform(0, 40, 3000)) is None
    assert layer_spacing(np.full(5, 1.0)) is None
