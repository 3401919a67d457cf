import numpy as np
import pytest
from scipy import ndimage

from heamap.evaluation import reading
from heamap.evaluation.counter import Counter
from heamap.evaluation.readout import find_columns
from heamap_serving.columns import count, locate


def maps_of(seed, flat=False):
    maps = 40 * ndimage.gaussian_filter(np.random.default_rng(seed).random((150, 170, 5)), (2, 2, 0))
    return (np.rint(maps) if flat else maps).astype(np.float32)


@pytest.mark.parametrize("band_pixels", [170, 5 * 170, 40 * 170, 10**9])
@pytest.mark.parametrize("flat", [False, True])
def test_columns_are_the_same_in_bands_of_any_height(band_pixels, flat):
    maps = maps_of(0, flat)
    whole = find_columns(maps, sampling_angstrom=0.2, min_distance_angstrom=1.6, threshold=90.0)
    found = locate(maps, radius=8.0, threshold=90.0, band_pixels=band_pixels)
    assert len(whole) > 20
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("readout", ["peak", "fit"])
@pytest.mark.parametrize("band_pixels", [170, 40 * 170, 10**9])
def test_counts_are_the_same_in_bands_of_any_height(band_pixels, readout):
    maps = maps_of(1)
    lattice = np.stack(np.meshgrid(np.arange(0, 150, 8.0), np.arange(0, 170, 9.0), indexing="ij"), -1).reshape(-1, 2)
    positions = np.clip(lattice + np.random.default_rng(2).uniform(-1, 1, lattice.shape), 0, (149, 169))
    positions[:3] = [[0, 0], [149, 169], [75, 4.5]]
    # An image that grows dark to the right: there are columns without light.
    image = (maps.sum(axis=-1) * np.linspace(1, 0, 170)).astype(np.float32)
    reader = reading.make(readout, sigma_pixels=2.5)
    threshold = np.median(reader(maps, *positions.T).sum(axis=1))
    for dark, least, stay in ((False, -np.inf, 1.0), (False, threshold, 0.5), (True, threshold, 0.35)):
        counter = Counter(reader, 0.2, dark=dark)
        expected, counts = counter.found(image[..., None], maps, positions, threshold=least)
        assert len(expected) == pytest.approx(stay * len(positions), rel=0.2)
        places, found = count(
            maps,
            positions,
            counter=counter,
            read=lambda rows, cols: image[rows, cols],
            threshold=least,
            band_pixels=band_pixels,
        )
        np.testing.assert_array_equal(places, expected)
        np.testing.assert_allclose(found, counts, atol=1e-9)


def test_maps_without_columns_give_none():
    empty = np.zeros((60, 50, 5), np.float32)
    positions = locate(empty, radius=8.0, threshold=1.0, band_pixels=500)
    assert positions.shape == (0, 2)
    for name in ("peak", "fit"):
        counter = Counter(reading.make(name, sigma_pixels=2.5), 0.2, dark=True)
        read = lambda rows, cols: empty[rows, cols, 0]  # noqa: E731
        places, counts = count(empty, positions, counter=counter, read=read, threshold=1.0)
        assert places.shape == (0, 2)
        assert counts.shape == (0, 5)
