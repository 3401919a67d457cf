import numpy as np
import pytest

from heamap.errors import InputError
from heamap_serving.blank_lines import without_blank
from heamap_serving.micrograph import Micrograph
from heamap_serving.region import WHOLE, Region


def noisy(shape=(40, 60), level=4300.0):
    return np.random.default_rng(0).normal(level + 300, 50, shape).astype(np.float32)


def kept(image, region=WHOLE):
    found, line = without_blank(Micrograph(image, (0.2, 0.2)), region)
    return found.roi, line


def test_rows_after_a_stopped_scan_are_left_out_and_said():
    image = noisy()
    image[25:] = 0
    roi, line = kept(image)
    assert roi == (0, 0, 60, 25)
    assert "15 of 40 rows are blank" in line
    assert "--roi 0 0 60 25" in line


def test_the_row_that_the_scan_stopped_in_goes_too():
    image = noisy()
    image[25:] = 0
    image[24, 30:] = 0
    assert kept(image)[0] == (0, 0, 60, 24)


@pytest.mark.parametrize("fill", [(0.0, 0.0), (0.0, 9999.0)])
def test_blank_columns_and_rows_of_any_value_go_together(fill):
    image = noisy()
    image[:4] = fill[0]
    image[:, 50:] = fill[1]
    assert kept(image)[0] == (0, 4, 50, 36)


def test_an_image_without_blank_lines_stays_whole():
    assert kept(noisy()) == (None, None)


def test_vacuum_free_of_noise_is_not_blank():
    fading = np.linspace(0, 1000, 40, dtype=np.float32)[:, None] * np.linspace(0.9, 1, 60, dtype=np.float32)
    fading[:6] = fading[6].min()
    assert kept(fading) == (None, None)


def test_an_even_frame_on_all_sides_is_left_to_the_background():
    image = noisy()
    image[:3], image[-3:], image[:, :3], image[:, -3:] = 0, 0, 0, 0
    assert kept(image) == (None, None)


def test_a_single_even_row_inside_is_no_blank_one():
    image = noisy()
    image[20] = 0
    assert kept(image) == (None, None)


def test_a_rectangle_of_the_user_is_cut_further():
    image = noisy()
    image[25:] = 0
    assert kept(image, Region(roi=(5, 10, 40, 30)))[0] == (5, 10, 40, 15)


def test_borders_that_are_no_numbers_are_refused_with_the_rectangle_that_stays():
    image = noisy()
    image[:3], image[:, -2:] = np.nan, np.nan
    with pytest.raises(InputError, match=r"254 pixels are NaN.*leave them out with --roi 0 3 58 37"):
        kept(image)


def test_an_even_image_is_left_to_the_check_of_pixels():
    assert kept(np.ones((20, 20), np.float32)) == (None, None)
