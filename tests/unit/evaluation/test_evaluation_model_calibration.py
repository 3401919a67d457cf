import json

import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.aggregation_report import AggregationCalibration
from heamap.evaluation.model_calibration import (
    AGGREGATED,
    PLAIN,
    ModelCalibration,
    fit_aggregation,
    fit_intervals,
    judge_aggregation,
    judge_coverage,
    judge_intervals,
)
from heamap.evaluation.table import element_counts, with_predictions
from heamap.evaluation.targets import TARGETS, with_sums

COMPOSITION = np.array([0.3, 0.2, 0.2, 0.2, 0.1])
CONCENTRATION = 4.0
RHO = 1 / (1 + CONCENTRATION)
RESPONSE, NOISE = 0.6, 0.6
SAMPLING = 0.2
NORMAL_90 = 1.645


def predict(true: np.ndarray, rng: np.random.Generator, response: float) -> np.ndarray:
    """Truth drawn towards the composition of the image, and independent errors of ``NOISE`` atoms an element."""
    middle = true.sum(axis=1, keepdims=True) * COMPOSITION
    return middle + response * (true - middle) + NOISE * rng.normal(size=true.shape)


def image(sample: int, chemistry: str, rng: np.random.Generator, *, atoms: tuple[int, int], response: float):
    """Columns on a grid 2.5 Angstrom apart; Dirichlet-multinomial where they gather, multinomial elsewhere."""
    places = 2.5 / SAMPLING * np.indices((12, 10)).reshape(2, -1).T
    totals = rng.integers(*atoms, len(places))
    gathered = chemistry == AGGREGATED
    shares = rng.dirichlet(CONCENTRATION * COMPOSITION, len(places)) if gathered else COMPOSITION
    true = rng.multinomial(totals, shares)
    table = pd.DataFrame({"sample": sample, "row": places[:, 0], "col": places[:, 1]})
    table[[f"true_{target}" for target in TARGETS]] = with_sums(true)
    return with_predictions(table, predict(true, rng, response))


def split(kinds: list[str], seed: int, *, atoms=(5, 26), response=RESPONSE, first: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = [image(first + number, kind, rng, atoms=atoms, response=response) for number, kind in enumerate(kinds)]
    return pd.concat(parts, ignore_index=True)


def doubled(table: pd.DataFrame) -> np.ndarray:
    """A rival's counts: the same errors, twice as large."""
    true = element_counts(table, "true")
    return true + 2 * (element_counts(table, "pred") - true)


KINDS = [AGGREGATED] * 6 + [PLAIN] * 16 + ["waves"] * 2


@pytest.fixture(scope="module")
def tested() -> pd.DataFrame:
    return split(KINDS, 2, first=100)


@pytest.fixture(scope="module")
def chemistry() -> pd.Series:
    return pd.Series(KINDS, index=range(100, 100 + len(KINDS)))


@pytest.fixture(scope="module")
def fitted(tested: pd.DataFrame, chemistry: pd.Series) -> AggregationCalibration:
    calibration = split([AGGREGATED, PLAIN] * 6, 1)
    found = fit_aggregation(calibration, tested, chemistry, sampling_angstrom=SAMPLING, rng=np.random.default_rng(3))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def judged_intervals() -> dict:
    """Unshrunk predictions, so that the errors are the noise, of so many atoms that neither zero nor the range of the
    totals, by which bins are chosen, cuts anything off."""
    thick = {"atoms": (100, 301), "response": 1.0}
    calibration, fresh = split([PLAIN] * 20, 4, **thick), split([PLAIN] * 40, 5, first=50, **thick)
    halves = np.where(fresh["sample"] < 70, "first", "second")
    return judge_intervals(
        fit_intervals(calibration),
        calibration,
        fresh,
        (doubled(calibration), doubled(fresh)),
        {"half": halves},
        resamples=200,
        rng=np.random.default_rng(6),
    )


def test_intervals_hold_on_fresh_images_as_often_as_promised(judged_intervals: dict) -> None:
    for target in TARGETS:
        found = judged_intervals["coverage"]["targets"][target]
        assert found["overall"]["share"] == pytest.approx(0.9, abs=0.02)
        assert {name: part["images"] for name, part in found["slices"]["half"].items()} == {"first": 20, "second": 20}
        assert judged_intervals["sharpness"][target]["rival_coverage"] == pytest.approx(0.9, abs=0.02)
    assert judged_intervals["coverage"]["not_covered"] == []
    assert (judged_intervals["images"], judged_intervals["columns"]) == (20, 2400)


def test_coverage_alone_is_the_same_without_a_rival() -> None:
    fresh = split(KINDS, seed=12, first=1000)
    found = judge_coverage(fit_intervals(split(KINDS, seed=11)), fresh)
    assert found["level"] == 0.9
    assert all(0.86 < found["targets"][target]["overall"]["share"] < 0.97 for target in TARGETS)
    assert all(own["slices"] == {} for own in found["targets"].values())


def test_widths_are_those_of_the_errors(judged_intervals: dict) -> None:
    sharp = judged_intervals["sharpness"]
    for target, summed in (("Pt", 1), ("Fe", 1), ("NiCoFe", 3), ("total", 5)):
        assert sharp[target]["width"] == pytest.approx(2 * NORMAL_90 * NOISE * np.sqrt(summed), rel=0.1)


def test_a_rival_with_errors_twice_as_large_has_intervals_twice_as_wide(judged_intervals: dict) -> None:
    for target in TARGETS:
        found = judged_intervals["sharpness"][target]
        assert found["ratio"] == pytest.approx(0.5, abs=0.02)
        assert found["low"] <= found["ratio"] <= found["high"]


def test_intervals_of_shrunk_predictions_hold_too() -> None:
    calibration, fresh = split([PLAIN] * 20, 7), split([PLAIN] * 40, 8)
    low, high = fit_intervals(calibration).around(element_counts(fresh, "pred"))
    true = fresh[[f"true_{target}" for target in TARGETS]].to_numpy()
    np.testing.assert_allclose(((true >= low) & (true <= high)).mean(axis=0), 0.9, atol=0.03)


def test_too_few_images_for_intervals_name_the_parameter_to_raise() -> None:
    with pytest.raises(InputError, match=r"4 calibration images or more, got 3; raise structures\.split\.calibration"):
        fit_intervals(split([PLAIN] * 3, 9))


def test_the_error_model_is_that_of_the_predictions(fitted: AggregationCalibration) -> None:
    sumless = np.eye(5) - 0.2
    for response in fitted.errors.response:
        np.testing.assert_allclose(response, RESPONSE * sumless, atol=0.06)
    # Errors of neighbours were drawn independently.
    np.testing.assert_allclose(fitted.error_correlation, 0, atol=0.06)


def test_strong_aggregation_is_seen_and_chance_is_not_taken_for_it(fitted: AggregationCalibration) -> None:
    power = fitted.power
    assert power is not None
    # The two particles of waves are neither.
    assert (power.aggregated, power.plain) == ((6,) * 5, (16,) * 5)
    assert power.detected == (6,) * 5
    # One particle in twenty is called so by chance, in one or a few elements.
    assert sum(power.alarms) <= 3
    np.testing.assert_allclose(np.array(power.correlation, float), RHO, atol=0.05)


@pytest.mark.parametrize("kinds", [[PLAIN] * 3, []], ids=["three images", "no image"])
def test_too_few_calibration_images_give_no_error_model(kinds: list[str], tested, chemistry) -> None:
    table = split([PLAIN] * 3, 10)
    few = table if kinds else table.iloc[:0]
    rng = np.random.default_rng(0)
    assert fit_aggregation(few, tested, chemistry, sampling_angstrom=SAMPLING, rng=rng) is None


def test_too_few_calibration_columns_give_no_error_model(tested, chemistry) -> None:
    few = split([PLAIN] * 6, 11).groupby("sample").head(20)
    rng = np.random.default_rng(0)
    assert fit_aggregation(few, tested, chemistry, sampling_angstrom=SAMPLING, rng=rng) is None
    assert judge_aggregation(tested, None, chemistry, sampling_angstrom=SAMPLING, rng=rng) is None


def test_every_test_image_is_judged_beside_its_truth(fitted, tested, chemistry) -> None:
    seen = tested[tested["sample"].isin([100, 101, 106, 107, 108])]
    found = judge_aggregation(seen, fitted, chemistry, sampling_angstrom=SAMPLING, rng=np.random.default_rng(12))
    assert found is not None
    assert found["power"] == fitted.power.to_dict()
    assert [image["sample"] for image in found["images"]] == [100, 101, 106, 107, 108]
    for one in found["images"]:
        gathers = one["chemistry"] == AGGREGATED
        claims = {part["claim"] for part in one["elements"].values()}
        assert claims == {"aggregated" if gathers else "no claim"}
        assert set(one["true_gathers"].values()) == {gathers}
        assert np.mean(list(one["true"].values())) == pytest.approx(RHO if gathers else 0, abs=0.05)
        # Freed of shrinkage, predictions have the correlation of the truth.
        assert np.mean([part["correlation"] for part in one["elements"].values()]) == pytest.approx(
            RHO if gathers else 0, abs=0.07
        )
    json.dumps(found, allow_nan=False)


def test_a_model_without_an_error_model_carries_its_intervals_alone() -> None:
    intervals = fit_intervals(split([PLAIN] * 6, 13))
    assert ModelCalibration(intervals, None).to_dict() == {"intervals": intervals.to_dict(), "aggregation": None}
    assert list(ELEMENTS) == intervals.to_dict()["targets"][:5]
