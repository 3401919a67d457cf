import json

import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation import report
from heamap.evaluation.detection import Detection
from heamap.evaluation.table import with_predictions
from heamap.evaluation.targets import TARGETS, with_sums
from heamap.evaluation.yardsticks import yardsticks

SAMPLING = 0.2


def truth_table(images: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    totals = rng.integers(2, 12, size=images * 20)
    counts = rng.multinomial(totals, [0.2] * 5)
    table = pd.DataFrame(with_sums(counts).astype(int), columns=[f"true_{target}" for target in TARGETS])
    table["sample"] = np.repeat(np.arange(images), 20)
    # Intensity that rises with Pt only: useful for Pt, poor for the total.
    table["integrated_intensity"] = 1.0 + counts[:, 0] + rng.normal(0, 0.1, len(counts))
    table["gaussian_volume"] = table["integrated_intensity"] + rng.normal(0, 0.1, len(counts))
    table["beam_fraction"] = table["gaussian_volume"] / 10
    table["gaussian_width_angstrom"] = 0.5
    table["row"], table["col"] = np.tile(np.divmod(np.arange(20), 5), images) * 2.5 / SAMPLING
    return table


def element_truth(table: pd.DataFrame) -> np.ndarray:
    return table[[f"true_{symbol}" for symbol in ELEMENTS]].to_numpy(float)


def assembled(predicted: np.ndarray, table: pd.DataFrame) -> dict:
    tested, training = with_predictions(table, predicted), truth_table(6, seed=9)
    return report.assemble(
        tested,
        training,
        yardsticks(training, tested, sampling_angstrom=SAMPLING, rng=np.random.default_rng(0)),
        Detection(true=40, true_found=30, found=50, found_true=30),
        resamples=200,
        rng=np.random.default_rng(3),
    )


@pytest.fixture(scope="module")
def test_table() -> pd.DataFrame:
    return truth_table(5, seed=4)


def test_a_perfect_model_scores_one_everywhere(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table), test_table)
    for target in TARGETS:
        model = found["scores"][target]["model"]
        assert model["r2"] == model["skill"] == pytest.approx({"value": 1, "low": 1, "high": 1})
        assert model["error_shares"]["0"] == {"value": 1, "low": 1, "high": 1}
        assert all(skill["value"] == pytest.approx(1) for skill in found["skill"][target].values())


def test_a_model_that_knows_only_the_total_has_no_skill_over_the_true_total(test_table: pd.DataFrame) -> None:
    truth = element_truth(test_table)
    composition = pd.DataFrame(truth).groupby(test_table["sample"]).transform("sum").to_numpy()
    composition = composition / composition.sum(axis=1, keepdims=True)
    found = assembled(truth.sum(axis=1, keepdims=True) * composition, test_table)
    for target in (*ELEMENTS, "NiCoFe"):
        assert found["skill"][target]["true_total_x_composition"]["value"] == pytest.approx(0, abs=1e-12)
        assert found["scores"][target]["model"]["skill"]["value"] == pytest.approx(0, abs=1e-12)
        # The model's own composition is the true one here.
        assert found["skill"][target]["model_total_x_model_composition"]["value"] == pytest.approx(0, abs=1e-12)
        assert found["scores"][target]["model"]["r2"]["value"] > 0.1
    assert found["skill"]["total"]["mean_column"]["value"] == pytest.approx(1)


def test_every_yardstick_is_scored_where_it_is_not_told(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table), test_table)
    for target in TARGETS:
        assert set(found["scores"][target]) == {"model", *found["skill"][target]}
        assert set(found["skill"][target]) <= set(found["yardsticks"])
        assert found["scores"][target][found["baseline_1"][target]]["skill"]["value"] == 0
    assert "oracle_total" not in found["skill"]["total"]
    assert "oracle_total_pt_pd" not in found["skill"]["Pt"]
    mean = found["scores"]["total"]["mean_column"]
    training = truth_table(6, seed=9)["true_total"].mean()
    assert mean["mae"]["value"] == pytest.approx((test_table["true_total"] - training).abs().mean())


def test_skill_intervals_hold_the_skill_of_a_noisy_model(test_table: pd.DataFrame) -> None:
    noise = np.random.default_rng(5).normal(0, 0.5, (len(test_table), 5))
    found = assembled(element_truth(test_table) + noise, test_table)
    for name in ("true_total_x_composition", "line_cell"):
        skill = found["skill"]["Pt"][name]
        assert skill["low"] < skill["value"] < skill["high"] < 1


def test_error_shares_of_every_target_span_images(test_table: pd.DataFrame) -> None:
    # One of five images is off by one atom of Pt.
    wrong = element_truth(test_table).copy()
    wrong[test_table["sample"] == 2, 0] += 1
    found = assembled(wrong, test_table)
    for target in TARGETS:
        share = found["scores"][target]["model"]["error_shares"]["1"]
        # Binomial of five draws: 94 % of the resamples hold it twice at most, 99 % three times at most.
        expected = (0.2, 0, 0.6) if target in ("Pt", "total") else (0, 0, 0)
        assert (share["value"], share["low"], share["high"]) == pytest.approx(expected)
        assert found["scores"][target]["model"]["within_1"] == {"value": 1, "low": 1, "high": 1}
    table = report.share_table(found).set_index("target")
    assert table.loc["Pt", "1_high"] == found["scores"]["Pt"]["model"]["error_shares"]["1"]["high"]
    assert table.loc["Pt", "0_high"] == 1


def test_summary_repeats_the_numbers_of_the_report(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table) + 1.0, test_table)
    summary = report.summary(found)
    assert summary["r2_Pt"] == found["scores"]["Pt"]["model"]["r2"]["value"]
    assert summary["mae_total"] == pytest.approx(5)
    assert summary["skill_total"] == found["skill"]["total"]["mean_column"]["value"]
    assert summary["skill_Pt"] == found["skill"]["Pt"]["true_total_x_composition"]["value"]
    assert summary["skill_counted_Pt"] == found["skill"]["Pt"]["line_cell"]["value"]
    assert summary["recall"] == pytest.approx(0.75)
    assert summary["precision"] == pytest.approx(0.6)


def test_summary_holds_the_ends_of_skills_and_the_trees(test_table: pd.DataFrame) -> None:
    noise = np.random.default_rng(5).normal(0, 0.5, (len(test_table), 5))
    found = assembled(element_truth(test_table) + noise, test_table)
    summary = report.summary(found)
    for target in ("Pt", "NiCoFe", "total"):
        skill = found["scores"][target]["model"]["skill"]
        assert summary[f"skill_{target}_low"] == skill["low"] < summary[f"skill_{target}"]
        assert summary[f"skill_{target}_high"] == skill["high"] > summary[f"skill_{target}"]
        assert summary[f"trees_skill_{target}"] == found["scores"][target]["local_features"]["skill"]["value"]
    # The intensities rise with Pt alone, which trees therefore see better than the rest.
    assert summary["trees_skill_Pt"] > 0.5 > summary["trees_skill_NiCoFe"]
    assert "skill_Fe_low" not in summary


def test_counts_columns_and_images(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table), test_table)
    assert (found["columns"], found["images"], found["counting"]["cell"]["columns"]) == (100, 5, 120)


def test_what_is_undefined_is_null_in_strict_json(test_table: pd.DataFrame) -> None:
    constant = test_table.assign(true_Pd=2)
    text = json.dumps(assembled(element_truth(constant), constant), allow_nan=False)
    assert json.loads(text)["scores"]["Pd"]["model"]["r2"] == {"value": None, "low": None, "high": None}


def test_same_seed_gives_the_same_report(test_table: pd.DataFrame) -> None:
    predicted = element_truth(test_table) + 0.3
    assert assembled(predicted, test_table) == assembled(predicted, test_table)


def test_tables_hold_shares_and_scores(test_table: pd.DataFrame) -> None:
    found = assembled(element_truth(test_table) + 1.0, test_table)
    shares = report.share_table(found).set_index("target")
    assert shares.loc["Pt", "1"] == 1
    assert shares.loc["total", "more"] == 1
    scores = report.score_table(found).set_index(["target", "estimator"])
    assert scores.loc[("Pt", "line_cell"), "model_skill_over"] == found["skill"]["Pt"]["line_cell"]["value"]
    assert scores.loc[("Pt", "model"), "within_1"] == 1
    assert scores.loc[("total", "model"), "within_1"] == 0
