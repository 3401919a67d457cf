import numpy as np
import pytest

from heamap.dataset.labels import label_maps
from heamap.evaluation import amplitudes
from heamap.evaluation.amplitudes import heights, projections, window_pixels

SIGMA = 2.5


def lattice(gap: float, shape: tuple[int, int]) -> np.ndarray:
    """Columns some gap apart, off the grid of the pixels, to the very edges and a little beyond."""
    rows, cols = (np.arange(-0.4, side + 0.5, gap) for side in shape)
    return np.stack(np.meshgrid(rows, cols + 0.3, indexing="ij"), axis=-1).reshape(-1, 2)


def fitted(maps: np.ndarray, places: np.ndarray) -> np.ndarray:
    rows, cols = places.T
    return heights(projections(maps, rows, cols, sigma_pixels=SIGMA), rows, cols, maps.shape[:2], sigma_pixels=SIGMA)


@pytest.mark.parametrize("gap", [6.5, 10.0, 11.3, 40.0])
def test_maps_of_label_gaussians_give_the_exact_counts_however_near_the_columns_are(gap):
    places = lattice(gap, (90, 130))
    counts = np.random.default_rng(0).integers(0, 30, (len(places), 5))
    maps = label_maps(*places.T, counts, (90, 130), SIGMA)
    np.testing.assert_allclose(fitted(maps, places), counts, atol=2e-4)


def test_overlaps_may_be_summed_in_any_portions(monkeypatch):
    places = lattice(6.5, (60, 60))
    maps = label_maps(*places.T, np.random.default_rng(0).integers(0, 30, (len(places), 5)), (60, 60), SIGMA)
    at_once = fitted(maps, places)
    monkeypatch.setattr(amplitudes, "PAIRS", 37)
    np.testing.assert_array_equal(fitted(maps, places), at_once)


def test_overlap_of_neighbours_left_out_would_be_seen():
    places = lattice(6.5, (60, 60))
    counts = np.full((len(places), 5), 10)
    maps = label_maps(*places.T, counts, (60, 60), SIGMA)
    alone = projections(maps, *places.T, sigma_pixels=SIGMA) / (np.pi * SIGMA**2)
    middle = np.hypot(*(places - 30).T).argmin()
    assert alone[middle, 0] > 15


def test_negative_heights_are_read_as_they_are():
    place = np.array([[20.2, 20.7]])
    maps = label_maps(*place.T, np.array([[5, -1, 0, 0, 0]]), (41, 41), SIGMA)
    np.testing.assert_allclose(fitted(maps, place), [[5, -1, 0, 0, 0]], atol=1e-5)


def test_noise_is_averaged_over_the_gaussian():
    places = lattice(12.0, (400, 400))[::3]
    inside = ((places > 12) & (places < 388)).all(axis=1)
    noise = np.random.default_rng(1).normal(size=(400, 400, 5))
    assert fitted(noise, places)[inside].std() == pytest.approx(1 / np.sqrt(np.pi * SIGMA**2), rel=0.05)


def test_only_pixels_of_the_window_are_looked_at():
    maps = np.zeros((80, 80, 1))
    maps[40 + window_pixels(SIGMA) + 1, 40] = maps[40, 40 - window_pixels(SIGMA) - 1] = 1e9
    assert projections(maps, np.array([40.0]), np.array([40.0]), sigma_pixels=SIGMA) == 0


def test_two_columns_at_one_place_are_refused():
    places = np.array([[20.0, 20.0], [20.0, 20.0]])
    with pytest.raises(ValueError, match="two of 2 columns are 0 pixels apart"):
        fitted(np.ones((40, 40, 5)), places)


def test_a_column_that_the_maps_do_not_reach_is_refused():
    with pytest.raises(ValueError, match="do not hold all of 1 columns"):
        fitted(np.ones((40, 40, 5)), np.array([[20.0, 80.0]]))


def test_no_columns_give_no_counts():
    assert fitted(np.zeros((8, 8, 5)), np.empty((0, 2))).shape == (0, 5)


def test_a_single_map_is_refused():
    with pytest.raises(ValueError, match=r"\(64, 64\)"):
        projections(np.zeros((64, 64)), np.array([1.0]), np.array([1.0]), sigma_pixels=SIGMA)
