import numpy as np
import pytest

from heamap.imaging.columns import COLUMN_RADIUS_ANGSTROM, column_intensities

SAMPLING = 0.1


def test_a_flat_image_gives_every_lonely_column_the_area_of_its_disc():
    areas = column_intensities(np.full((80, 100), 2.0), np.array([20.3, 55.0]), np.array([30.7, 61.2]), SAMPLING)
    np.testing.assert_allclose(areas, 2 * np.pi * COLUMN_RADIUS_ANGSTROM**2, rtol=0.02)


def test_close_columns_share_the_pixels_between_them_without_counting_any_twice():
    image = np.random.default_rng(0).random((40, 50))
    rows, cols = np.array([20.0, 20.0]), np.array([20.0, 30.0])
    left, right = column_intensities(image, rows, cols, SAMPLING)
    one = np.hypot(*(np.mgrid[:40, :50] - np.array([20, 20])[:, None, None])) < COLUMN_RADIUS_ANGSTROM / SAMPLING
    other = np.hypot(*(np.mgrid[:40, :50] - np.array([20, 30])[:, None, None])) < COLUMN_RADIUS_ANGSTROM / SAMPLING
    assert left + right == pytest.approx(image[one | other].sum() * SAMPLING**2)


def test_brightness_goes_to_the_column_at_its_row_and_col():
    image = np.zeros((30, 60))
    image[10, 45] = 3.0
    np.testing.assert_allclose(
        column_intensities(image, np.array([45.0, 12.0]), np.array([10.0, 44.0]), SAMPLING), [0, 3 * SAMPLING**2]
    )


def test_no_columns_no_intensities():
    assert column_intensities(np.ones((8, 8)), np.zeros(0), np.zeros(0), SAMPLING).shape == (0,)
