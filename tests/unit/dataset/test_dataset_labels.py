import numpy as np
import pytest

from heamap.dataset.labels import BACKGROUND_WEIGHT, column_weights, kernel_weights, label_maps


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


def test_pixels_weigh_by_the_square_of_the_kernel_above_a_floor():
    weights = kernel_weights(np.array([8.0]), np.array([8.5]), (16, 20), 2.0)
    row, col = np.mgrid[:16, :20]
    expected = BACKGROUND_WEIGHT + np.exp(-((row - 8) ** 2 + (col - 8.5) ** 2) / 8) ** 2
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-5)


def test_kernel_weights_have_a_mean_of_one_however_few_columns_there_are():
    rng = np.random.default_rng(0)
    for columns in (0, 1, 40):
        rows, cols = rng.uniform(0, 64, (2, columns))
        weights = kernel_weights(rows, cols, (64, 64), 2.5)
        assert weights.dtype == np.float32
        assert weights.mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(kernel_weights(np.empty(0), np.empty(0), (4, 4), 1.0), 1)


def test_a_lone_column_weighs_no_more_than_its_due():
    weights = kernel_weights(np.array([100.0]), np.array([100.0]), (200, 200), 2.5)
    assert weights.max() / weights.min() == pytest.approx(1 + 1 / BACKGROUND_WEIGHT, rel=1e-4)


def test_the_weighted_error_is_that_of_fitted_counts_when_errors_are_independent():
    rng = np.random.default_rng(1)
    rows, cols, sigma = np.array([20.0]), np.array([22.0]), 2.5
    kernel = label_maps(rows, cols, np.ones((1, 1)), (40, 44), sigma)[..., 0]
    weights = kernel_weights(rows, cols, (40, 44), sigma)
    squares = weights / weights.min() * BACKGROUND_WEIGHT - BACKGROUND_WEIGHT
    spread = np.where(kernel > 0.5, 0.2, 0.6)
    errors = rng.normal(size=(4000, 40, 44)) * spread
    moved = (errors * kernel).sum(axis=(1, 2)) / (kernel**2).sum()
    assert (squares * spread**2).sum() / (kernel**2).sum() ** 2 == pytest.approx(np.mean(moved**2), rel=0.1)
