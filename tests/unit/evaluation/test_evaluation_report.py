import json

import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation import report
from heamap.evaluation.table import with_predictions
from heamap.evaluation.targets import TARGETS, with_sums

SHAPE = (50, 50)


def truth_table(images: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    totals = rng.integers(2, 12, size=images * 20)
    counts = rng.multinomial(totals, [0.2] * 5)
    table = pd.DataFrame(with_sums(counts).astype(int), columns=[f"true_{target}" for target in TARGETS])
    table["sample"] = np.repeat(np.arange(images), 20)
    # Intensity that rises with Pt only: useful for Pt, poor for the total.
    table["integrated_intensity"] = 1.0 + counts[:, 0] + rng.normal(0, 0.1, len(counts))
    return table


def element_truth(table: pd.DataFrame) -> np.ndarray:
    return table[[f"true_{symbol}" for symbol in ELEMENTS]].to_numpy(float)


def assembled(predicted: np.ndarray, table: pd.DataFrame) -> dict:
    return report.assemble(
        with_predictions(table, predicted),
        truth_table(6, seed=9),
        report.Detection(true=40, true_found=30, found=50, found_true=30),
        resamples=200,
        rng=np.random.default_rng(3),
    )


@pytest.fixture(scope="module")
def test_table() -> pd.DataFrame:
    return truth_table(5, seed=4)


def test_a_perfect_model_scores_one_everywhere(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table), test_table)
    for target in TARGETS:
        assert found["elements"][target]["r2"] == pytest.approx({"value": 1, "low": 1, "high": 1})
        assert found["elements"][target]["error_shares"]["0"] == 1
        assert all(skill["value"] == pytest.approx(1) for skill in found["skill"][target].values())


def test_a_model_that_knows_only_the_total_has_no_skill_over_the_true_total(test_table: pd.DataFrame) -> None:
    truth = element_truth(test_table)
    composition = pd.DataFrame(truth).groupby(test_table["sample"]).transform("sum").to_numpy()
    composition = composition / composition.sum(axis=1, keepdims=True)
    found = assembled(truth.sum(axis=1, keepdims=True) * composition, test_table)
    for target in (*ELEMENTS, "NiCoFe"):
        assert found["skill"][target]["true_total_x_composition"]["value"] == pytest.approx(0, abs=1e-12)
        assert found["skill"][target]["model_total"]["value"] == pytest.approx(0, abs=1e-12)
        assert found["elements"][target]["r2"]["value"] > 0.1
    assert found["skill"]["total"]["mean_total"]["value"] == pytest.approx(1)


def test_baselines_have_scores_of_their_own(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table), test_table)
    for target in TARGETS:
        assert set(found["elements"][target]["baselines"]) == set(found["skill"][target]) <= set(found["yardsticks"])
    mean_total = found["elements"]["total"]["baselines"]["mean_total"]
    assert mean_total["r2"] <= 0
    training = truth_table(6, seed=9)["true_total"].mean()
    assert mean_total["mae"] == pytest.approx((test_table["true_total"] - training).abs().mean())


def test_skill_intervals_hold_the_skill_of_a_noisy_model(test_table: pd.DataFrame) -> None:
    noise = np.random.default_rng(5).normal(0, 0.5, (len(test_table), 5))
    found = assembled(element_truth(test_table) + noise, test_table)
    for name in ("true_total_x_composition", "counted"):
        skill = found["skill"]["Pt"][name]
        assert skill["low"] < skill["value"] < skill["high"] < 1


def test_summary_repeats_the_numbers_of_the_report(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table) + 1.0, test_table)
    assert found["summary"]["r2_Pt"] == found["elements"]["Pt"]["r2"]["value"]
    assert found["summary"]["mae_total"] == pytest.approx(5)
    assert found["summary"]["skill_total"] == found["skill"]["total"]["mean_total"]["value"]
    assert found["summary"]["skill_counted_Pt"] == found["skill"]["Pt"]["counted"]["value"]
    assert found["summary"]["recall"] == pytest.approx(0.75)
    assert found["summary"]["precision"] == pytest.approx(0.6)


def test_counts_columns_and_images(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table), test_table)
    assert (found["columns"], found["images"], found["counting"]["columns"]) == (100, 5, 120)


def test_what_is_undefined_is_null_in_strict_json(test_table: pd.DataFrame) -> None:
    constant = test_table.assign(true_Pd=2)
    text = json.dumps(assembled(element_truth(constant), constant), allow_nan=False)
    assert json.loads(text)["elements"]["Pd"]["r2"] == {"value": None, "low": None, "high": None}


def test_same_seed_gives_the_same_report(test_table: pd.DataFrame) -> None:
    predicted = element_truth(test_table) + 0.3
    assert assembled(predicted, test_table) == assembled(predicted, test_table)


def test_tables_hold_shares_and_skills(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table) + 1.0, test_table)
    shares = report.share_table(found).set_index("target")
    assert shares.loc["Pt", "1"] == 1
    assert shares.loc["total", "more"] == 1
    skills = report.skill_table(found)
    assert len(skills) == 6 * 3 + 2
    pt = skills[(skills["target"] == "Pt") & (skills["baseline"] == "counted")].iloc[0]
    assert pt["skill"] == found["skill"]["Pt"]["counted"]["value"]


def test_found_columns_are_judged_within_the_tolerance() -> None:
    true = np.array([[10.0, 10.0], [30.0, 10.0]])
    found = np.array([[10.0, 12.9], [30.0, 13.1], [20.0, 40.0]])
    judged = report.detect(true, found, shape=SHAPE, sampling_angstrom=0.2)
    assert (judged.true, judged.true_found, judged.found, judged.found_true) == (2, 1, 3, 1)


def test_columns_at_the_border_are_not_judged_but_may_be_partners() -> None:
    true = np.array([[1.0, 25.0], [25.0, 46.5]])
    found = np.array([[25.0, 45.5], [25.0, 2.0]])
    judged = report.detect(true, found, shape=SHAPE, sampling_angstrom=0.2)
    assert (judged.true, judged.true_found, judged.found, judged.found_true) == (0, 0, 1, 1)


def test_detections_add_up_over_images() -> None:
    total = report.Detection(2, 1, 3, 1) + report.Detection(2, 2, 1, 1)
    assert (total.recall, total.precision) == (0.75, 0.5)


def test_recall_without_columns_is_undefined() -> None:
    assert np.isnan(report.Detection(0, 0, 0, 0).recall)
