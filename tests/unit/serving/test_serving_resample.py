import numpy as np
import pytest

from heamap_serving.resample import resample, resampled_length


def wave(shape, step, period):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.sin(2 * np.pi * rows * step[0] / period) * np.cos(2 * np.pi * cols * step[1] / period) + 3.0


@pytest.mark.parametrize("step", [(0.1, 0.1), (0.1, 0.13), (0.31, 0.3)])
def test_a_wave_keeps_its_place_and_height(step):
    target, period = 0.2, 2.0
    found = resample(wave((120, 120), step, period).astype(np.float32), steps=step, target=target)
    expected = wave(found.shape, (target, target), period)
    np.testing.assert_allclose(found[8:-8, 8:-8], expected[8:-8, 8:-8], atol=0.03)


def test_detail_beyond_the_new_limit_is_filtered_not_aliased():
    fine = wave((128, 128), (0.05, 0.05), 0.13) - 3.0
    assert np.abs(resample(fine.astype(np.float32), steps=(0.05, 0.05), target=0.2)[8:-8, 8:-8]).max() < 0.01
    assert np.abs(fine[::4, ::4]).max() > 0.5


def test_a_flat_image_stays_flat_up_to_the_border():
    flat = np.full((50, 61), 7.0, dtype=np.float32)
    np.testing.assert_allclose(resample(flat, steps=(0.13, 0.31), target=0.2), 7.0, rtol=1e-5)


def test_the_same_sampling_leaves_the_pixels_alone():
    image = np.random.default_rng(0).random((9, 8)).astype(np.float32)
    np.testing.assert_array_equal(resample(image, steps=(0.2, 0.2), target=0.2), image)


@pytest.mark.parametrize(("length", "ratio", "expected"), [(101, 2.0, 51), (100, 2.0, 50), (100, 0.5, 199)])
def test_the_last_pixel_centre_stays_inside(length, ratio, expected):
    assert resampled_length(length, ratio) == expected
