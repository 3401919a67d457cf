import numpy as np
import pytest

from heamap.imaging.normalize import normalize
from heamap_serving import local_blur, scratch
from heamap_serving.local_blur import Absolute, Local


def image_of(shape):
    rng = np.random.default_rng(3)
    return (1e4 + 500 * rng.random(shape) + 2000 * np.linspace(0, 1, shape[1])).astype(np.float32)


@pytest.mark.parametrize("shape", [(256, 256), (61, 700), (500, 64)])
@pytest.mark.parametrize("band", [64 * 100, 2**21])
def test_parts_are_normalised_as_the_whole_image_is(shape, band, monkeypatch):
    monkeypatch.setattr(local_blur, "BAND_PIXELS", band)
    image = image_of(shape)
    whole = normalize(image, kind="local", sampling_angstrom=0.2)
    parts = Local(image, float(image.min()), float(image.max()), 0.2)
    np.testing.assert_allclose(parts.read(slice(None), slice(None)), whole, atol=3e-6)
    np.testing.assert_allclose(parts.read(slice(10, 50), slice(20, 61)), whole[10:50, 20:61], atol=3e-6)


def test_an_image_whose_pixels_are_coarser_than_the_blur_keeps_every_wave():
    image = image_of((40, 50))
    whole = normalize(image, kind="local", sampling_angstrom=30.0)
    found = Local(image, float(image.min()), float(image.max()), 30.0).read(slice(None), slice(None))
    np.testing.assert_allclose(found, whole, atol=1e-4)


def test_a_flat_image_gives_zeros_and_absolute_parts_are_scaled():
    flat = np.full((40, 50), 7.0, np.float32)
    assert not Local(flat, 7.0, 7.0, 0.2).read(slice(0, 9), slice(0, 8)).any()
    part = Absolute(flat).read(slice(0, 9), slice(0, 8))
    np.testing.assert_array_equal(part, normalize(flat[:9, :8], kind="absolute", sampling_angstrom=0.2))


def test_a_mapped_array_keeps_its_values_when_its_memory_is_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "IN_MEMORY_BYTES", 100)
    array = scratch.empty((50, 60), tmp_path)
    array[:] = np.arange(60)
    scratch.release(array[3:9])
    np.testing.assert_array_equal(array, np.broadcast_to(np.arange(60), (50, 60)))
    assert list(tmp_path.iterdir()) == []
