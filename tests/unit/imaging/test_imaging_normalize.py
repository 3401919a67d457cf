import numpy as np
import pytest
from scipy import ndimage

from heamap.errors import InputError
from heamap.imaging.blur import gaussian_blur
from heamap.imaging.normalize import ABSOLUTE_SCALE, background_level, energy_factor, normalize, square_means


def columns_image() -> np.ndarray:
    rows, cols = np.mgrid[:96, :128]
    return 0.05 + 0.02 * np.sin(rows / 4) * np.sin(cols / 5) + 2e-4 * cols


def test_blur_agrees_with_direct_convolution_at_mirrored_edges():
    image = np.random.default_rng(0).random((40, 56))
    direct = ndimage.gaussian_filter(image, 3.0, mode="reflect", truncate=8)
    np.testing.assert_allclose(gaussian_blur(image, 3.0), direct, atol=1e-6)


def test_blur_keeps_the_sum_and_a_width_of_nothing_keeps_the_image():
    image = np.random.default_rng(1).random((30, 20))
    assert gaussian_blur(image, 50.0).sum() == pytest.approx(image.sum())
    np.testing.assert_allclose(gaussian_blur(image, 0.0), image, atol=1e-12)


def test_local_follows_the_published_formula():
    image = columns_image()
    scaled = (image - image.min()) / np.ptp(image)
    flat = scaled - ndimage.gaussian_filter(scaled, 60.0, mode="reflect", truncate=8)
    expected = flat / np.sqrt(ndimage.gaussian_filter(flat**2, 60.0, mode="reflect", truncate=8))
    np.testing.assert_allclose(normalize(image, kind="local", sampling_angstrom=0.2), expected, atol=1e-4)


def test_local_forgets_gain_and_offset():
    image = columns_image()
    once = normalize(image, kind="local", sampling_angstrom=0.2)
    again = normalize(3000 * image - 17, kind="local", sampling_angstrom=0.2)
    np.testing.assert_allclose(again, once, atol=1e-5)


def test_local_removes_a_slope_that_absolute_keeps():
    image = columns_image() + np.linspace(0, 0.2, 128)
    centre = slice(32, 96)
    local = normalize(image, kind="local", sampling_angstrom=0.8)
    absolute = normalize(image, kind="absolute", sampling_angstrom=0.8)
    assert abs(local[:, 88:96].mean() - local[:, 32:40].mean()) < 0.3 * local[:, centre].std()
    assert absolute[:, 88:96].mean() - absolute[:, 32:40].mean() > 3 * absolute[:, 32:40].std()


def test_absolute_is_proportional_to_the_fraction_of_the_beam():
    image = columns_image()
    values = normalize(image, kind="absolute", sampling_angstrom=0.2)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, ABSOLUTE_SCALE * image, rtol=1e-6)


def test_a_flat_image_gives_zeros():
    assert not normalize(np.full((32, 32), 0.3), kind="local", sampling_angstrom=0.2).any()


def test_a_lone_column_in_an_empty_field_stays_finite():
    image = np.zeros((512, 512))
    image[10, 10] = 1.0
    values = normalize(image, kind="local", sampling_angstrom=1.0)
    assert np.isfinite(values).all()
    assert np.abs(values[400:, 400:]).max() < 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_counted_in_the_refusal(bad):
    image = columns_image()
    image[3, 4] = image[5, 6] = bad
    with pytest.raises(InputError, match="2 pixels"):
        normalize(image, kind="local", sampling_angstrom=0.2)


def test_a_stack_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"\(2, 8, 8\)"):
        normalize(np.zeros((2, 8, 8)), kind="local", sampling_angstrom=0.2)


def test_the_standard_energy_stays_and_slower_electrons_scatter_more():
    assert energy_factor(200e3, 1.1) == 1.0
    assert energy_factor(180e3, 1.1) == pytest.approx(0.9**1.1)
    assert energy_factor(300e3, 2.0, standard_ev=150e3) == pytest.approx(4.0)


def test_squares_are_two_angstrom_wide_and_whole():
    image = np.arange(25 * 34, dtype=float).reshape(25, 34)
    means = square_means(image, sampling_angstrom=0.2)
    assert means.shape == (2, 3)
    assert means[1, 2] == image[10:20, 20:30].mean()
    np.testing.assert_array_equal(square_means(image[:9], sampling_angstrom=0.2), [[image[:9].mean()]])


@pytest.mark.parametrize("level", [0.0, 0.003, -0.001])
def test_the_background_is_what_lies_beside_the_particle(level):
    image = np.full((256, 256), level)
    image[40:200, 40:200] += 0.05
    image += np.random.default_rng(0).normal(0, 0.002, image.shape)
    found = background_level(square_means(image, sampling_angstrom=0.2), most=0.005)
    assert found == pytest.approx(level, abs=6e-4)


def test_where_an_image_shows_nothing_but_particle_the_middle_of_the_training_is_taken_off():
    bright = np.full((100, 100), 0.05)
    assert background_level(square_means(bright, sampling_angstrom=0.2), most=0.005) == 0.0025
