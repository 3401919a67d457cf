import numpy as np
import pytest

from heamap.evaluation import metrics

TRUE = np.array([0.0, 0.0, 2.0, 4.0, 4.0])
PREDICTED = np.array([1.0, -1.0, 2.0, 3.0, 6.0])
IMAGES = np.array([7, 7, 7, 3, 3])


def scores(true: np.ndarray, predicted: np.ndarray) -> metrics.Sums:
    return metrics.image_sums(np.zeros(len(true)), true, predicted)


def test_r2_is_one_minus_squared_error_over_variance_of_the_truth() -> None:
    assert metrics.r2(TRUE, PREDICTED) == pytest.approx(1 - 7 / 16)


def test_r2_divides_by_the_variance_of_the_truth_not_of_the_prediction() -> None:
    assert metrics.r2(PREDICTED, TRUE) == pytest.approx(1 - 7 / 26.8)


def test_columns_without_the_element_and_negative_predictions_count() -> None:
    clipped = np.clip(PREDICTED, 0, None)
    present = TRUE > 0
    assert metrics.r2(TRUE, clipped) > metrics.r2(TRUE, PREDICTED)
    assert metrics.r2(TRUE[present], PREDICTED[present]) != pytest.approx(metrics.r2(TRUE, PREDICTED))


def test_r2_of_equal_truths_is_undefined() -> None:
    assert np.isnan(metrics.r2([3, 3, 3], [2, 3, 4]))


def test_mean_absolute_error_bias_and_mean_squared_error() -> None:
    sums = scores(TRUE, PREDICTED)
    assert sums.mae[0] == pytest.approx(1.0)
    assert sums.bias[0] == pytest.approx(0.2)
    assert sums.mse[0] == pytest.approx(1.4)


def test_sums_are_kept_by_image_in_ascending_order() -> None:
    sums = metrics.image_sums(IMAGES, TRUE, PREDICTED)
    np.testing.assert_array_equal(sums.columns, [2, 3])
    np.testing.assert_array_equal(sums.error_squared, [5, 2])


def test_drawing_every_image_once_gives_the_scores_over_all_columns() -> None:
    sums = metrics.image_sums(IMAGES, TRUE, PREDICTED).resampled([[1, 1]])
    assert sums.r2[0] == pytest.approx(metrics.r2(TRUE, PREDICTED))


def test_drawing_an_image_twice_is_listing_its_columns_twice() -> None:
    sums = metrics.image_sums(IMAGES, TRUE, PREDICTED).resampled([[0, 2], [1, 2]])
    first = IMAGES == 7
    assert sums.r2[0] == pytest.approx(metrics.r2(TRUE[first], PREDICTED[first]))
    twice = np.r_[np.flatnonzero(first), np.arange(len(TRUE))]
    assert sums.r2[1] == pytest.approx(metrics.r2(TRUE[twice], PREDICTED[twice]))


def test_skill_is_zero_for_the_baseline_itself_one_for_the_truth_and_negative_for_worse() -> None:
    baseline = scores(TRUE, np.full(5, 2.0))
    assert baseline.skill_over(baseline)[0] == 0
    assert scores(TRUE, TRUE).skill_over(baseline)[0] == 1
    assert scores(TRUE, PREDICTED).skill_over(baseline)[0] == pytest.approx(1 - 7 / 16)
    assert scores(TRUE, TRUE + 10).skill_over(baseline)[0] < 0


def test_skill_over_a_perfect_baseline_is_undefined() -> None:
    assert np.isnan(scores(TRUE, PREDICTED).skill_over(scores(TRUE, TRUE))[0])


def test_error_shares_follow_rounded_counts() -> None:
    true = np.array([1, 1, 1, 1, 1, 1, 1, 1])
    predicted = np.array([1.4, 0.6, 1.6, -0.4, 3.4, 4.0, 9.0, -9.0])
    np.testing.assert_allclose(metrics.error_shares(true, predicted), [2 / 8, 2 / 8, 1 / 8, 1 / 8, 2 / 8])


def test_error_shares_have_intervals_over_images() -> None:
    # All 30 columns of image 3 are right, of the 10 of image 7 half err by one atom and half by five.
    images = np.repeat([7, 3], [10, 30])
    true, predicted = np.full(40, 9.0), np.r_[np.full(5, 10.2), np.full(5, 4.0), np.full(30, 8.8)]
    weights = [[2, 0], [1, 1], [1, 1], [0, 2]]
    found = metrics.share_estimates(images, true, predicted, weights=weights, level=1.0)
    assert list(found) == ["0", "1", "2", "3", "more"]
    assert found["0"] == metrics.Estimate(0.75, 0.0, 1.0)
    assert found["1"] == found["more"] == metrics.Estimate(0.125, 0.0, 0.5)
    assert found["2"] == found["3"] == metrics.Estimate(0.0, 0.0, 0.0)
    np.testing.assert_allclose([share.value for share in found.values()], metrics.error_shares(true, predicted))


def test_the_share_within_one_atom_is_the_sum_of_two_shares_with_an_interval_of_its_own() -> None:
    images = np.repeat([7, 3], [10, 30])
    # Of image 7 half the columns are one atom off and half two; of image 3 all are right.
    true, predicted = np.full(40, 9.0), np.r_[np.full(5, 10.2), np.full(5, 7.1), np.full(30, 8.8)]
    weights = [[2, 0], [1, 1], [1, 1], [0, 2]]
    found = metrics.share_within_one(images, true, predicted, weights=weights, level=1.0)
    assert found == metrics.Estimate(0.875, 0.5, 1.0)
    shares = metrics.share_estimates(images, true, predicted, weights=weights, level=1.0)
    assert found.value == shares["0"].value + shares["1"].value
    # The ends of the two shares do not sum: where one is high the other is low.
    assert (shares["0"].low, shares["1"].low) == (0.0, 0.0)


def test_undefined_resamples_are_left_out_of_an_interval_until_they_are_most_of_it() -> None:
    assert metrics.percentiles([np.nan, 1.0, np.nan, 3.0], level=1.0) == (1.0, 3.0)
    assert np.isnan(metrics.percentiles([np.nan, 1.0, np.nan, np.nan, 3.0], level=1.0)).all()
    assert metrics.percentiles(np.arange(101.0), level=0.9) == pytest.approx((5.0, 95.0))


def test_images_of_equal_truths_do_not_void_the_interval_of_r2() -> None:
    # Image 0 alone has no R2: one of the three resamples is undefined.
    sums = metrics.image_sums([0, 0, 1, 1], [3.0, 3.0, 0.0, 2.0], [3.0, 3.0, 0.5, 1.5])
    found = metrics.estimate(lambda part: part.r2, sums, weights=[[2, 0], [0, 2], [1, 1]], level=1.0)
    assert (found.value, found.low, found.high) == pytest.approx((1 - 0.5 / 6, 0.75, 1 - 0.5 / 6))


def test_bootstrap_draws_as_many_images_as_there_are() -> None:
    weights = metrics.bootstrap_weights(6, 500, np.random.default_rng(0))
    assert weights.shape == (500, 6)
    np.testing.assert_array_equal(weights.sum(axis=1), 6)
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.15)


def test_interval_spans_images_not_columns() -> None:
    # Every column of an image errs alike: 400 columns are worth no more than 4.
    offsets = np.array([-1.0, 0.0, 1.0, 2.0])
    weights = metrics.bootstrap_weights(4, 4000, np.random.default_rng(1))
    ends = []
    for columns in (1, 100):
        true = np.zeros(4 * columns)
        sums = metrics.image_sums(np.repeat(np.arange(4), columns), true, np.repeat(offsets, columns))
        ends.append(metrics.estimate(lambda part: part.bias, sums, weights=weights))
    assert ends[0] == ends[1]
    assert ends[0].value == pytest.approx(0.5)
    # Exact percentiles of the mean of four draws from the four offsets: 5 of 256 fall on or below -.75.
    assert (ends[0].low, ends[0].high) == (pytest.approx(-0.5), pytest.approx(1.5))


def test_skill_interval_is_paired() -> None:
    # Image difficulty varies tenfold, yet the model halves the error everywhere: the skill does not vary.
    truth = np.zeros(40)
    baseline = np.repeat([1.0, 2.0, 5.0, 10.0], 10)
    images = np.repeat(np.arange(4), 10)
    skill = metrics.estimate(
        metrics.Sums.skill_over,
        metrics.image_sums(images, truth, baseline / 2),
        metrics.image_sums(images, truth, baseline),
        weights=metrics.bootstrap_weights(4, 200, np.random.default_rng(2)),
    )
    assert (skill.value, skill.low, skill.high) == pytest.approx((0.75, 0.75, 0.75))


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1.0, 2.0], [1.0], "must be"),
        ([[1.0]], [[1.0]], "must be"),
        ([], [], "no columns"),
        ([1.0, np.nan], [1.0, 2.0], "finite"),
    ],
)
def test_unusable_counts_are_refused(true: list[float], predicted: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.r2(true, predicted)


def test_two_maxima_on_one_column_match_it_once() -> None:
    hits, right = metrics.match([[0, 0], [10, 0]], [[0.4, 0], [-0.2, 0], [10, 5]], tolerance=1)
    np.testing.assert_array_equal(hits, [True, False])
    np.testing.assert_array_equal(right, [False, True, False])


def test_nothing_found_matches_nothing() -> None:
    hits, right = metrics.match([[0, 0]], np.empty((0, 2)), tolerance=1)
    assert not hits.any()
    assert right.size == 0
