import numpy as np
import pytest

from heamap.paper import estimates

IMAGES = np.repeat(np.arange(8), 40)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_straight_line_is_found_and_is_sure():
    count = np.tile(np.arange(10), 32)
    slope, share = estimates.line(IMAGES, count, 0.25 * count + 3, 50, rng())
    assert (slope.value, slope.low, slope.high) == pytest.approx((0.25, 0.25, 0.25))
    assert (share.value, share.low, share.high) == pytest.approx((1, 1, 1))


def test_slope_and_share_are_those_of_least_squares():
    noise = np.random.default_rng(0)
    count = noise.integers(0, 9, IMAGES.size)
    intensity = -0.1 * count + noise.normal(0, 0.5, IMAGES.size)
    slope, share = estimates.line(IMAGES, count, intensity, 400, rng())
    assert slope.value == pytest.approx(np.polyfit(count, intensity, 1)[0])
    assert share.value == pytest.approx(np.corrcoef(count, intensity)[0, 1] ** 2)
    assert slope.low < slope.value < slope.high
    # Independent columns: the bootstrap over images finds the textbook's standard error, 2 x 1.96 of it wide.
    error = np.sqrt((1 - share.value) * intensity.var() / (IMAGES.size * count.var()))
    assert slope.high - slope.low == pytest.approx(3.92 * error, rel=0.5)


def test_an_element_that_never_varies_has_no_line():
    slope, share = estimates.line(IMAGES, np.full(IMAGES.size, 3), np.arange(IMAGES.size), 20, rng())
    assert np.isnan([slope.value, slope.low, slope.high, share.value]).all()


def test_images_that_differ_widen_the_interval_and_columns_do_not():
    count = np.tile(np.arange(10), 32)
    alike = estimates.line(IMAGES, count, count * 1.0 + np.tile([1.0, -1.0], 160), 200, rng())[0]
    unlike = estimates.line(IMAGES, count, count * np.where(IMAGES < 4, 0.5, 1.5), 200, rng())[0]
    assert alike.high - alike.low < 1e-9
    assert unlike.high - unlike.low > 0.3


def test_shares_count_whole_atoms():
    true = np.zeros(10)
    predicted = [0.4, -0.4, 0.6, -1.4, 2.0, 2.2, 3.0, 3.4, 4.0, 9.0]
    found = estimates.shares(np.zeros(10), true, predicted, 20, rng())
    assert {name: share.value for name, share in found.items()} == {
        "0": 0.2,
        "1": 0.2,
        "2": 0.2,
        "3": 0.2,
        "more": 0.2,
    }
    assert found["0"].low == pytest.approx(0.2)


def test_the_public_rule_drops_columns_without_the_element_and_negatives():
    true, predicted = np.array([0.0, 0.0, 1.0, 2.0, 3.0]), np.array([9.0, -9.0, -1.0, 2.0, 4.0])
    images = np.zeros(5)
    plain = estimates.r2_of_columns_with_the_element(images, true, predicted, 10, rng(), exchanged=False)
    swapped = estimates.r2_of_columns_with_the_element(images, true, predicted, 10, rng(), exchanged=True)
    # Left are 1, 2, 3 against 0, 2, 4: squared errors 2, spread of the truth 2, of the predictions 8.
    assert plain is not None
    assert swapped is not None
    assert plain.value == pytest.approx(1 - 2 / 2)
    assert swapped.value == pytest.approx(1 - 2 / 8)
    assert estimates.r2(images, true, predicted, 10, rng()).value < plain.value


def test_the_public_rule_has_no_score_where_no_column_holds_the_element():
    none = np.zeros(3)
    assert estimates.r2_of_columns_with_the_element(none, none, none + 1, 10, rng(), exchanged=True) is None


def test_thickness_shares_each_total_by_its_own_image():
    counts = [[2, 0], [4, 6], [0, 5]]
    np.testing.assert_allclose(estimates.total_times_composition(["a", "a", "b"], counts), [[1, 1], [5, 5], [0, 5]])
