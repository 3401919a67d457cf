import numpy as np
import pytest

from heamap.evaluation.readout import find_columns, read_counts

SIGMA = 2.5
SAMPLING = 0.2


def gaussians(positions, counts, shape=(64, 72)):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    maps = np.zeros((*shape, 5), dtype=np.float32)
    for (row, col), count in zip(positions, counts, strict=True):
        bell = np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * SIGMA**2))
        maps += bell[..., None] * np.asarray(count)
    return maps


def find(maps, **changes):
    options = {"sampling_angstrom": SAMPLING, "min_distance_angstrom": 1.5, "threshold": 1.0}
    return find_columns(maps, **(options | changes))


def test_columns_are_found_to_a_hundredth_of_a_pixel_off_the_grid():
    true = np.array([[15.3, 20.7], [15.6, 32.1], [40.25, 50.5]])
    maps = gaussians(true, [[5, 4, 3, 2, 1], [1, 0, 0, 0, 4], [10, 10, 0, 0, 0]])
    np.testing.assert_allclose(find(maps), true, atol=0.01)


def test_counts_are_read_between_the_pixels_in_element_order():
    true = np.array([[15.3, 20.7], [40.25, 50.5]])
    counts = np.array([[5, 4, 3, 2, 1], [0, 20, 0, 0, 7]])
    maps = gaussians(true, counts)
    np.testing.assert_allclose(read_counts(maps, true[:, 0], true[:, 1]), counts, atol=0.02)
    nearest = maps[15, 21]
    assert abs(nearest[0] - 5) > 0.05, "the nearest pixel alone misses the peak"


def test_negative_predictions_are_read_as_they_are():
    maps = gaussians([(20, 20)], [[5, -1, 0, 0, 0]])
    np.testing.assert_allclose(read_counts(maps, [20.0], [20.0])[0, :2], [5, -1], atol=1e-3)


def test_the_lower_of_two_maxima_within_the_distance_is_dropped():
    maps = gaussians([(30, 30), (30, 38)], [[9, 0, 0, 0, 0], [0, 6, 0, 0, 0]])
    assert len(find(maps)) == 2
    kept = find(maps, min_distance_angstrom=2.0)
    assert len(kept) == 1
    assert abs(kept[0, 1] - 30) < 0.3


def test_background_below_the_threshold_holds_no_column():
    maps = gaussians([(30, 30), (50, 50)], [[0.5, 0, 0, 0, 0], [0, 2, 0, 0, 0]])
    assert np.round(find(maps)).tolist() == [[50, 50]]
    assert find(np.zeros((32, 32, 5))).shape == (0, 2)


def test_the_flank_of_a_column_outside_is_no_column():
    assert len(find(gaussians([(-2.0, 30)], [[9, 0, 0, 0, 0]]))) == 0


def test_a_flat_top_is_one_column():
    maps = np.zeros((32, 32, 5))
    maps[10:12, 10:12, 0] = 4.0
    maps[20, 20, 0] = maps[20, 23, 0] = 4.0
    assert len(find(maps)) == 2


def test_no_columns_give_no_counts():
    assert read_counts(np.zeros((8, 8, 5)), np.empty(0), np.empty(0)).shape == (0, 5)


def test_a_single_map_is_refused():
    with pytest.raises(ValueError, match=r"\(64, 64\)"):
        read_counts(np.zeros((64, 64)), [1.0], [1.0])
