import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from heamap.dataset import augment
from heamap.params import Augment

RANGES = Augment(contrast=(0.8, 1.25), illumination=0.1, blur_sigma_angstrom=(0.0, 0.3), symmetry=True)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarters", range(4))
def test_positions_turn_with_the_image(quarters, mirror):
    row, col = np.mgrid[:9, :9]
    image = 3.0 * row + 17.0 * col
    positions = np.array([[1.0, 2.0], [0.25, 7.5], [8.0, 0.0]])
    turned, moved = augment.turn(image, positions, quarters=quarters, mirror=mirror)
    np.testing.assert_allclose(map_coordinates(turned, moved.T, order=1), 3 * positions[:, 0] + 17 * positions[:, 1])


def test_a_quarter_turn_is_anticlockwise():
    image = np.zeros((4, 4))
    image[0, 3] = 1
    turned, moved = augment.turn(image, np.array([[0.0, 3.0]]), quarters=1, mirror=False)
    assert turned[0, 0] == 1
    np.testing.assert_array_equal(moved, [[0, 0]])


def test_a_rectangle_is_refused():
    with pytest.raises(ValueError, match="square"):
        augment.turn(np.zeros((2, 3)), np.empty((0, 2)), quarters=1, mirror=False)


def test_positions_move_with_a_crop():
    image = np.arange(36.0).reshape(6, 6)
    cut, moved = augment.crop(image, np.array([[3.0, 4.0]]), corner=(2, 1), side=3)
    assert cut.shape == (3, 3)
    assert cut[1, 2] == image[3, 3]
    np.testing.assert_array_equal(moved, [[1, 3]])


def test_illumination_rises_along_its_direction_and_leaves_the_centre():
    lit = augment.illuminate(np.ones((5, 5)), slope=0.1, direction_radian=0.0)
    np.testing.assert_allclose(lit[2], [0.9, 0.95, 1, 1.05, 1.1])
    np.testing.assert_allclose(augment.illuminate(np.ones((5, 5)), slope=0.1, direction_radian=np.pi / 2), lit.T)


def test_contrast_bends_between_the_same_ends():
    np.testing.assert_allclose(augment.contrast(np.array([[1.0, 2.0, 5.0]]), exponent=2.0), [[1, 1.25, 5]])
    assert (augment.contrast(np.full((2, 2), 3.0), exponent=2.0) == 3).all()


def test_draws_stay_in_their_ranges_and_reach_every_symmetry():
    rng = np.random.default_rng(0)
    drawn = [augment.draw(RANGES, pixels=40, crop_pixels=32, rng=rng) for _ in range(200)]
    assert {(one.quarters, one.mirror) for one in drawn} == {(k, m) for k in range(4) for m in (False, True)}
    assert all(0.8 <= one.exponent <= 1.25 and 0 <= one.slope <= 0.1 for one in drawn)
    assert {one.corner[0] for one in drawn} == set(range(9))


def test_symmetry_can_be_switched_off():
    rng = np.random.default_rng(0)
    still = RANGES.model_copy(update={"symmetry": False})
    drawn = [augment.draw(still, pixels=32, crop_pixels=32, rng=rng) for _ in range(20)]
    assert {(one.quarters, one.mirror, one.corner) for one in drawn} == {(0, False, (0, 0))}
