import numpy as np
import pytest

from heamap.evaluation.coverage import Coverage, coverage, coverage_report, sharpness
from heamap.evaluation.targets import TARGETS

IMAGES = np.repeat(np.arange(10), 100)


def truth(misses: list[int]) -> np.ndarray:
    """1 outside the interval 0 to 0 and 0 inside: so many misses among the 100 columns of each image."""
    return np.concatenate([np.r_[np.ones(number), np.zeros(100 - number)] for number in misses])


def judged(misses: list[int], tolerance: float = 0.02) -> Coverage:
    zeros = np.zeros(1000)
    return coverage(IMAGES, truth(misses), zeros, zeros, level=0.9, tolerance=tolerance)


def test_share_and_its_interval_over_images() -> None:
    found = judged([5, 15] * 5)
    assert found.share == pytest.approx(0.9)
    # Image shares .95 and .85: variance of the mean .05^2 / 9, t of 9 degrees of freedom 2.262.
    assert found.high - found.share == pytest.approx(2.262 * 0.05 / 3, abs=1e-4)
    assert found.share - found.low == pytest.approx(2.262 * 0.05 / 3, abs=1e-4)
    assert (found.columns, found.images, found.width) == (1000, 10, 0.0)


def test_never_surer_than_with_independent_columns() -> None:
    # All images alike: only the binomial of 1000 columns is left, 102 misses of 1004 after Agresti and Coull.
    found = judged([10] * 10)
    share = 902 / 1004
    assert found.high - found.share == pytest.approx(2.262 * np.sqrt(share * (1 - share) / 1004), abs=1e-4)


@pytest.mark.parametrize(
    ("misses", "verdict", "side", "decided"),
    [
        ([10] * 10, "covered", "within", False),
        ([12] * 10, "covered", "within", False),
        ([13] * 10, "not covered", "below", False),
        ([20] * 10, "not covered", "below", True),
        ([3] * 10, "not covered", "above", True),
        ([0, 30] * 5, "not covered", "below", False),
    ],
)
def test_verdicts_follow_the_share_and_say_whether_it_is_sure(
    misses: list[int], verdict: str, side: str, decided: bool
) -> None:
    found = judged(misses)
    assert (found.verdict, found.side, found.decided) == (verdict, side, decided)


def test_a_narrow_share_decides_for_covered() -> None:
    found = judged([10] * 10, tolerance=0.05)
    assert (found.verdict, found.decided) == ("covered", True)


def test_one_image_cannot_decide() -> None:
    found = coverage(np.zeros(100), np.zeros(100), np.zeros(100), np.ones(100), level=0.9, tolerance=0.05)
    assert (found.share, found.low, found.high, found.side, found.decided) == (1, None, None, "above", False)


def test_nothing_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="no columns"):
        coverage([], [], [], [], level=0.9, tolerance=0.02)


def test_report_names_what_is_not_covered() -> None:
    # Pt is missed in every column of thick images alone: 2 of 10 images.
    true = np.ones((1000, 5))
    low, high = np.zeros((1000, 7)), np.full((1000, 7), 9.0)
    low[IMAGES >= 8, 0] = 2
    missed = np.arange(1000) % 10 == 0
    low[missed, 1:] = 8.5
    thickness = np.where(IMAGES >= 8, "thick", "thin").astype(object)
    thickness[0] = np.nan
    report = coverage_report(IMAGES, true, low, high, {"thickness": thickness}, level=0.9)
    pt = report["targets"]["Pt"]
    assert pt["overall"]["share"] == pytest.approx(0.8)
    assert pt["slices"]["thickness"]["thick"]["share"] == 0
    assert pt["slices"]["thickness"]["thin"]["share"] == 1
    assert pt["slices"]["thickness"]["thin"]["columns"] == 799
    assert report["targets"]["total"]["overall"]["verdict"] == "covered"
    assert report["not_covered"] == ["Pt (below)", "Pt, thickness thick (below)", "Pt, thickness thin (above)"]
    assert "within 2% of the level overall, within 5% in a slice" in report["rule"]
    assert list(report["targets"]) == list(TARGETS)


def test_sharpness_is_the_ratio_of_mean_widths() -> None:
    width = np.tile(np.arange(1.0, 8.0), (1000, 1))
    rival = width * np.where(IMAGES < 5, 2.0, 4.0)[:, None]
    found = sharpness(IMAGES, width, rival, resamples=400, rng=np.random.default_rng(0))
    assert found["Pt"]["width"] == pytest.approx(1)
    assert found["total"]["rival_width"] == pytest.approx(21)
    for target in TARGETS:
        assert found[target]["ratio"] == pytest.approx(1 / 3)
        # Between 1 to 9 and 9 to 1 images of either kind: 95 % of binomial draws hold 2 to 8 of 10.
        assert found[target]["low"] == pytest.approx(10 / (2 * 2 + 8 * 4))
        assert found[target]["high"] == pytest.approx(10 / (8 * 2 + 2 * 4))


def test_a_rival_without_width_has_no_ratio() -> None:
    width = np.ones((1000, 7))
    found = sharpness(IMAGES, width, width * 0, resamples=20, rng=np.random.default_rng(0))
    assert found["Pt"] == {"width": 1.0, "rival_width": 0.0, "ratio": None, "low": None, "high": None}
