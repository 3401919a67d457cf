from pathlib import Path

import numpy as np
import pytest
from crystals import amorphous, fcc_ball
from scipy.spatial.transform import Rotation

from heamap.errors import InputError
from heamap.structures.orientation import close_packed_directions, orient, rotation_onto_z

UPRIGHT_110 = Rotation.from_euler("x", 45, degrees=True)
RECONSTRUCTION = Path(__file__).parents[4] / "shared" / "structures" / "PdPt_EPB.xyz"
BALL = fcc_ball(12.0, shake_angstrom=0.08)


def test_the_rotation_takes_the_axis_onto_z_and_is_the_smallest():
    for axis in np.vstack([Rotation.random(5, random_state=0).apply([0, 0, 1.0]), np.eye(3), -np.eye(3)]):
        matrix = rotation_onto_z(axis)
        np.testing.assert_allclose(matrix @ axis, [0, 0, 1], atol=1e-9)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(matrix) == pytest.approx(1)
        assert Rotation.from_matrix(matrix).magnitude() == pytest.approx(np.arccos(axis[2]), abs=1e-6)


def test_close_packed_directions_of_fcc_are_the_six_face_diagonals():
    found = close_packed_directions(BALL)
    diagonals = np.array([(1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)]) / np.sqrt(2)
    assert len(found) == 6
    assert (np.abs(found @ diagonals.T).max(axis=0) > np.cos(np.radians(1))).all()
    assert (np.diff(found[:, 2]) <= 1e-12).all()


def test_columns_along_z_are_left_alone():
    upright = UPRIGHT_110.apply(fcc_ball(12.0))
    oriented = orient(upright, "auto")
    assert oriented.angle_degree == 0
    np.testing.assert_array_equal(oriented.positions, upright)


def test_a_small_tilt_is_taken_away():
    tilt = Rotation.from_rotvec(np.radians(1.3) * np.array([0.6, 0.8, 0.0]))
    upright = UPRIGHT_110.apply(fcc_ball(20.0, shake_angstrom=0.08))
    oriented = orient(tilt.apply(upright), "auto")
    assert oriented.angle_degree == pytest.approx(1.3, abs=0.06)
    np.testing.assert_allclose(oriented.axis, tilt.apply([0.0, 0.0, 1.0]), atol=1e-3)
    assert oriented.projection.share > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_a_crystal_turned_at_random_finds_a_face_diagonal_near_to_the_beam(seed):
    turn = Rotation.random(random_state=seed)
    oriented = orient(turn.apply(fcc_ball(16.0, shake_angstrom=0.08)), "auto")
    own = np.sort(np.abs(turn.inv().apply(oriented.axis)))
    np.testing.assert_allclose(own, [0, np.sqrt(0.5), np.sqrt(0.5)], atol=5e-3)
    # No direction is farther than 45 degrees from the nearest of the six.
    assert oriented.angle_degree <= 45.5
    np.testing.assert_allclose(oriented.positions, turn.apply(fcc_ball(16.0, shake_angstrom=0.08)) @ oriented.matrix.T)


def test_of_two_grains_the_common_axis_is_found_although_others_are_nearer_to_the_beam():
    upright = UPRIGHT_110.apply(fcc_ball(16.0))
    turned = Rotation.from_euler("z", 30, degrees=True).apply(upright)
    grains = np.vstack([upright[upright[:, 0] < -0.7], turned[turned[:, 0] > 0.7]])
    # A face diagonal of the first grain ends up 4 degrees from the beam, the common axis 56 or more.
    own = UPRIGHT_110.apply(np.array([1.0, 0.0, 1.0]) / np.sqrt(2))
    turn = Rotation.from_rotvec([np.radians(4), 0, 0]) * Rotation.from_matrix(rotation_onto_z(own))
    alone = orient(turn.apply(upright), "auto")
    assert alone.angle_degree == pytest.approx(4, abs=0.1)
    oriented = orient(turn.apply(grains), "auto")
    np.testing.assert_allclose(np.abs(turn.inv().apply(oriented.axis)), [0, 0, 1], atol=5e-3)
    assert oriented.angle_degree > 55


def test_a_given_axis_is_taken_as_it_is():
    oriented = orient(BALL, np.array([2.0, 0.0, 0.0]))
    assert oriented.angle_degree == pytest.approx(90)
    np.testing.assert_allclose(oriented.positions[:, 2], BALL[:, 0], atol=1e-12)
    np.testing.assert_allclose(oriented.positions[:, 1], BALL[:, 1], atol=1e-12)


def test_structures_without_columns_are_refused_with_the_figure():
    with pytest.raises(InputError, match=r"no atomic columns along \[0.267, 0.535, 0.802\]: \d+ % .* 75 % are needed"):
        orient(BALL, np.array([1.0, 2.0, 3.0]))
    with pytest.raises(InputError, match=r"no column direction: .* \d+ % of the atoms .* 75 % are needed"):
        orient(amorphous(22.0), "auto")


@pytest.mark.skipif(not RECONSTRUCTION.exists(), reason="the reconstruction is not part of the product")
@pytest.mark.parametrize("turn", [Rotation.identity(), *Rotation.random(2, random_state=5)])
def test_a_reconstructed_particle_shows_the_same_columns_however_it_lies(turn):
    oriented = orient(turn.apply(np.loadtxt(RECONSTRUCTION, skiprows=2, usecols=(1, 2, 3))), "auto")
    counts = np.bincount(oriented.projection.column)
    assert (len(counts), counts.max()) == (343, 23)
    assert oriented.projection.share > 0.99
    assert oriented.projection.scatter_angstrom == pytest.approx(0.126, abs=0.002)
