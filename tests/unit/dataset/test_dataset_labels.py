import numpy as np

from heamap.dataset.labels import column_weights, label_maps


def test_the_height_at_a_column_is_its_number_of_atoms():
    maps = label_maps(np.array([4.0]), np.array([6.0]), np.array([[3, 0, 1, 2, 9]]), (10, 12), 1.5)
    np.testing.assert_allclose(maps[4, 6], [3, 0, 1, 2, 9], rtol=1e-6)
    np.testing.assert_allclose(maps[4, 9, 0], 3 * np.exp(-2), rtol=1e-6)


def test_a_position_between_pixels_is_kept():
    maps = label_maps(np.array([4.5]), np.array([6.25]), np.array([[2.0]]), (10, 12), 2.0)
    row, col = np.mgrid[:10, :12]
    expected = 2 * np.exp(-((row - 4.5) ** 2 + (col - 6.25) ** 2) / 8)
    np.testing.assert_allclose(maps[..., 0], expected, rtol=1e-5)


def test_nearest_columns_do_not_raise_each_other():
    # .612 lattice constants of 3.70 Angstrom, at .2 Angstrom a pixel.
    distance = 0.612 * 3.70 / 0.2
    counts = np.array([[20.0], [1.0]])
    maps = label_maps(np.array([5.0, 5.0]), np.array([5.0, 5.0 + distance]), counts, (12, 30), 2.5)
    assert abs(maps[5, 5, 0] - 20) < 1e-3 * 20


def test_a_column_outside_contributes_its_tail():
    maps = label_maps(np.array([-1.0]), np.array([3.0]), np.array([[4.0]]), (6, 6), 1.0)
    np.testing.assert_allclose(maps[0, 3, 0], 4 * np.exp(-0.5), rtol=1e-6)


def test_columns_and_background_have_the_same_say():
    weights = column_weights(np.array([8.0]), np.array([8.0]), (16, 20), 2.0)
    row, col = np.mgrid[:16, :20]
    near = (row - 8) ** 2 + (col - 8) ** 2 < 2 * 2.0**2 * np.log(2)
    np.testing.assert_allclose([weights[near].sum(), weights[~near].sum()], 160, rtol=1e-5)


def test_an_image_without_columns_is_weighted_evenly():
    assert (column_weights(np.empty(0), np.empty(0), (4, 4), 1.0) == 1).all()
