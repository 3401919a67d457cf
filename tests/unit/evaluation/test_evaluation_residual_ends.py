import numpy as np
import pytest

from heamap.evaluation.residual_ends import column_ends, new_image_ends


def new_image_coverage(images: int, share: float, *, skewed: bool, trials: int) -> tuple[float, float]:
    """Mean coverage of columns of new images by (column_ends, new_image_ends) at 90 %.

    Residuals have variance 1, of which ``share`` is an offset that all columns of an image have in common.
    """
    rng = np.random.default_rng(images)

    def residuals(number: int, columns: np.ndarray) -> np.ndarray:
        offset = rng.exponential(size=number) - 1 if skewed else rng.normal(size=number)
        return np.sqrt(share) * np.repeat(offset, columns) + np.sqrt(1 - share) * rng.normal(size=columns.sum())

    unseen = np.sort(residuals(20000, np.full(20000, 5)))
    found = []
    for _ in range(trials):
        columns = rng.integers(20, 160, images)
        seen = residuals(images, columns)
        ends = (column_ends(seen, 0.9), new_image_ends(np.repeat(np.arange(images), columns), seen, 0.9)[:2])
        found.append([np.diff(np.searchsorted(unseen, pair))[0] / len(unseen) for pair in ends])
    plain, stretched = np.mean(found, axis=0)
    return float(plain), float(stretched)


def test_ends_are_the_order_statistics_of_the_finite_sample_rule() -> None:
    # (19 + 1) x .05 = 1: the smallest and the largest of 19; (39 + 1) x .05 = 2: the second and the 38th of 39.
    assert column_ends(np.arange(1, 20), 0.9) == (1, 19)
    assert column_ends(np.arange(39, 0, -1), 0.9) == (2, 38)


def test_ends_are_asymmetric() -> None:
    low, high = column_ends(np.arange(399.0) ** 2, 0.9)
    assert (low, high) == (19.0**2, 379.0**2)


def test_exchangeable_columns_are_covered_as_promised() -> None:
    # Exactly (40 - 2 x 2) / 40 = 90 % for 39 calibration columns, whatever the distribution.
    rng = np.random.default_rng(0)
    trials = 4000
    drawn = rng.gamma(0.7, size=(trials, 40))
    ends = np.array([column_ends(row[:39], 0.9) for row in drawn])
    covered = ((drawn[:, 39] >= ends[:, 0]) & (drawn[:, 39] <= ends[:, 1])).mean()
    assert covered == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / trials))


def test_too_few_columns_would_need_infinite_ends() -> None:
    with pytest.raises(ValueError, match="need 19 columns or more, got 18"):
        column_ends(np.arange(18), 0.9)


def test_images_that_do_not_differ_are_not_stretched() -> None:
    residuals = np.tile(np.linspace(-1, 1, 199), 4)
    low, high, stretch = new_image_ends(np.repeat(np.arange(4), 199), residuals, 0.9)
    assert stretch == pytest.approx(1, abs=0.02)
    assert (low, high) == (pytest.approx(-0.9, abs=0.02), pytest.approx(0.9, abs=0.02))


def test_one_image_far_off_stretches_until_it_is_covered() -> None:
    # Nine images within 1 atom, the tenth 5 off: less than 90 % would be covered without its nearest columns.
    images = np.repeat(np.arange(10), 101)
    residuals = np.tile(np.linspace(-1, 1, 101), 10) + np.where(images == 9, 5.0, 0.0)
    low, _, stretch = new_image_ends(images, residuals, 0.9)
    assert stretch == pytest.approx(1.1, abs=0.1)
    far_low, far_high, far = new_image_ends(images, residuals + np.where(images == 8, -5.0, 0.0), 0.9)
    assert far > 2
    assert far_low < low
    assert far_high > 5


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("images", [6, 10, 20])
def test_columns_of_new_images_with_a_common_offset_are_covered_within_two_points(images: int, skewed: bool) -> None:
    plain, stretched = new_image_coverage(images, 0.4, skewed=skewed, trials=200)
    assert stretched == pytest.approx(0.9, abs=0.02)
    assert plain < stretched


def test_ends_for_exchangeable_columns_fail_on_new_images() -> None:
    plain, _ = new_image_coverage(6, 0.5, skewed=False, trials=200)
    assert plain < 0.87


def test_columns_without_a_common_offset_stay_covered() -> None:
    assert new_image_coverage(6, 0.0, skewed=False, trials=150)[1] == pytest.approx(0.9, abs=0.01)


def test_an_absent_element_has_narrow_finite_ends() -> None:
    low, high, _ = new_image_ends(np.repeat(np.arange(5), 40), np.zeros(200), 0.9)
    assert (low, high) == (-0.01, 0.01)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="4 calibration images or more, got 3"):
        new_image_ends(np.repeat([0, 1, 2], 50), np.zeros(150), 0.9)


def test_an_image_that_holds_nearly_all_columns_is_judged_by_the_extremes_of_the_rest() -> None:
    images = np.repeat(np.arange(4), [300, 5, 5, 5])
    residuals = np.random.default_rng(0).normal(size=315)
    low, high, stretch = new_image_ends(images, residuals, 0.9)
    assert low <= column_ends(residuals, 0.9)[0] < column_ends(residuals, 0.9)[1] <= high
    assert 1 <= stretch < 3
    with pytest.raises(ValueError, match="need 19 columns or more, got 16"):
        new_image_ends(np.repeat(np.arange(4), 4), residuals[:16], 0.9)
