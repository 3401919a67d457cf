import json

import numpy as np
import pytest

from heamap.errors import InputError
from heamap.evaluation.conformal import Intervals, calibrate, whole_ends
from heamap.evaluation.targets import TARGETS, with_sums


def made_up(
    images: int, columns: int, rng: np.random.Generator, *, growth: float = 0.5, skewed: bool = False, offset: float = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, true and predicted counts; errors of an element are .2 atoms x (total / 10)^growth.

    ``offset`` times that is common to each element of an image.
    """
    owners = np.repeat(np.arange(images), columns)
    true = rng.multinomial(rng.integers(2, 27, images * columns), np.full(5, 0.2))
    noise = rng.exponential(size=true.shape) - 1 if skewed else rng.normal(size=true.shape)
    common = rng.normal(size=images)[owners]
    spread = 0.2 * (true.sum(axis=1)[:, None] / 10) ** growth
    return owners, true, true + spread * (noise + offset * common[:, None])


def covered(intervals: Intervals, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    low, high = intervals.around(predicted)
    counts = with_sums(true)
    return (counts >= low) & (counts <= high)


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("growth", [0.0, 1.0])
def test_coverage_at_every_total_of_skewed_and_growing_errors(growth: float, skewed: bool) -> None:
    rng = np.random.default_rng(7)
    intervals = calibrate(*made_up(12, 400, rng, growth=growth, skewed=skewed))
    _, true, predicted = made_up(50, 400, rng, growth=growth, skewed=skewed)
    hits = covered(intervals, true, predicted)
    np.testing.assert_allclose(hits.mean(axis=0), 0.9, atol=0.02)
    totals = predicted.sum(axis=1)
    for low, high in ((2, 8), (8, 14), (14, 20), (20, 27)):
        inside = (totals >= low) & (totals < high)
        np.testing.assert_allclose(hits[inside].mean(axis=0), 0.9, atol=0.05)


def test_coverage_of_new_images_that_err_as_a_whole() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(25):
        intervals = calibrate(*made_up(8, 150, rng, offset=0.5))
        _, true, predicted = made_up(60, 20, rng, offset=0.5)
        found.append(covered(intervals, true, predicted).mean(axis=0))
    # Of the total, 25 x .25 / (25 x .25 + 5) = 56 % of the variance is common: one calibration of 8 images scatters by
    # 6 points, the mean of 25 by 1.2.
    assert np.mean(found, axis=0)[-1] == pytest.approx(0.9, abs=0.03)
    np.testing.assert_allclose(np.mean(found, axis=0)[:5], 0.9, atol=0.02)


@pytest.mark.parametrize("growth", [0.0, 0.5, 1.0])
def test_growth_is_the_power_of_the_total_that_errors_follow(growth: float) -> None:
    intervals = calibrate(*made_up(6, 1500, np.random.default_rng(2), growth=growth))
    np.testing.assert_allclose(intervals.growth, growth, atol=0.1)


def test_skewed_errors_have_skewed_intervals() -> None:
    # Predicted - true is exponential less its mean: true lies at most a little above, and far below.
    intervals = calibrate(*made_up(6, 1500, np.random.default_rng(5), growth=0.0, skewed=True))
    low, high = intervals.around([[3.0] * 5])
    np.testing.assert_allclose(low[0, :5] - 3, -0.2 * (-np.log(0.05) - 1), atol=0.06)
    np.testing.assert_allclose(high[0, :5] - 3, 0.2 * (1 + np.log(0.95)), atol=0.03)


def test_ends_are_never_negative_and_follow_the_bins() -> None:
    intervals = Intervals(
        level=0.9,
        edges=(10.0,),
        totals=(1.0, 30.0),
        growth=(0.0,) * 6 + (1.0,),
        low=((-1.0, -2.0),) * 6 + ((-0.1, -0.2),),
        high=((0.5, 1.0),) * 6 + ((0.1, 0.2),),
        stretch=((1.0, 1.0),) * 7,
        images=6,
        columns=1200,
    )
    low, high = intervals.around([[0.4, 1, 1, 1, 1], [4, 4, 4, 4, 4], [-1.0, 0, 0, 0, 0.5]])
    np.testing.assert_allclose(low[0], [0, 0, 0, 0, 0, 2, 4.4 * 0.9])
    np.testing.assert_allclose(high[0], [0.9, 1.5, 1.5, 1.5, 1.5, 3.5, 4.4 * 1.1])
    np.testing.assert_allclose(low[1], [2, 2, 2, 2, 2, 10, 16])
    np.testing.assert_allclose(high[1], [5, 5, 5, 5, 5, 13, 24])
    assert (low[2] == 0).all()
    assert high[2, 0] == 0
    chosen_low, _ = intervals.around([[0.4, 1, 1, 1, 1]], totals=[10.0])
    np.testing.assert_allclose(chosen_low[0], [0, 0, 0, 0, 0, 1, 4.4 - 2])
    np.testing.assert_array_equal(intervals.outside([0.9, 1.0, 30.0, 30.1]), [True, False, False, True])
    assert intervals.names([9.9, 10.0]).tolist() == ["below 10.0", "10.0 and more"]


def test_whole_ends_hold_the_same_whole_numbers() -> None:
    low, high = whole_ends([0.0, 1.2, 2.0, 2.3, 2.6], [0.4, 3.9, 3.0, 2.6, 2.9])
    np.testing.assert_array_equal(low, [0, 2, 2, 2, 3])
    np.testing.assert_array_equal(high, [0, 3, 3, 2, 3])


def test_whole_ends_keep_the_coverage() -> None:
    rng = np.random.default_rng(1)
    _, true, predicted = made_up(4, 200, rng)
    intervals = calibrate(*made_up(6, 200, rng))
    low, high = whole_ends(*intervals.around(predicted))
    counts = with_sums(true)
    hits = covered(intervals, true, predicted)
    assert (((counts >= low) & (counts <= high)) >= hits).all()


def test_small_and_the_same_after_json() -> None:
    intervals = calibrate(*made_up(6, 400, np.random.default_rng(4)))
    text = json.dumps(intervals.to_dict())
    assert len(text) < 4000
    assert Intervals.from_dict(json.loads(text)) == intervals
    assert len(intervals.edges) == 5
    assert len(intervals.low) == len(TARGETS)
    assert (intervals.images, intervals.columns) == (6, 2400)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ["Pt"]}, "targets must be"),
        ({"growth": [0.5]}, "growth must be of 7 targets, got 1"),
        ({"low": [[0.0]]}, "low must be 7 targets x 6 bins"),
        ({"edges": None}, "not as heamap writes them"),
        ({"level": "high"}, "not as heamap writes them"),
    ],
)
def test_a_damaged_record_is_refused_in_one_line(change: dict[str, object], message: str) -> None:
    record = calibrate(*made_up(6, 400, np.random.default_rng(4))).to_dict() | change
    with pytest.raises(InputError, match=message) as fault:
        Intervals.from_dict(record)
    assert "\n" not in str(fault.value)


def test_unusable_calibration_columns_are_refused() -> None:
    owners, true, predicted = made_up(6, 40, np.random.default_rng(0))
    with pytest.raises(ValueError, match="disagree"):
        calibrate(owners, true, predicted[1:])
    with pytest.raises(ValueError, match="disagree"):
        calibrate(owners, true, predicted, predicted[:5, 0])
    with pytest.raises(ValueError, match="finite"):
        calibrate(owners, true, np.where(predicted > 5, np.nan, predicted))
    with pytest.raises(ValueError, match="4 calibration images or more, got 1"):
        calibrate(np.zeros(len(owners)), true, predicted)
