import numpy as np
import pandas as pd
import pytest

from heamap.contract import Accuracy
from heamap.evaluation.conformal import calibrate
from heamap.evaluation.model_accuracy import model_accuracy
from heamap.evaluation.model_calibration import with_ends
from heamap.evaluation.table import with_predictions
from heamap.evaluation.targets import TARGETS


def report() -> dict:
    """Skills of .0, .1, .2 and so on in the order of the targets; Fe was never there."""
    scores = {
        target: {
            "model": {
                "r2": {"value": 0.9 - index / 10, "low": 0.0, "high": 1.0},
                "skill": {"value": index / 10, "low": index / 10 - 0.05, "high": index / 10 + 0.05},
            }
        }
        for index, target in enumerate(TARGETS)
    }
    scores["Fe"]["model"]["skill"] = {"value": None, "low": None, "high": None}
    return {"scores": scores, "images": 30, "columns": 5000}


def covered(shares: dict[str, float]) -> dict:
    inside = {"share": 0.91, "low": 0.87, "high": 0.95}
    return {"targets": {target: {"overall": inside | {"share": shares.get(target, 0.91)}} for target in TARGETS}}


BOUND = pd.DataFrame({"element": ["Pt", "NiCoFe", "Fe"], "skill": [0.7, 0.6, np.nan]})


def test_every_target_stands_beside_its_yardstick_and_bound():
    found = model_accuracy(report(), BOUND, covered({"Pd": 0.8}))

    assert list(found["targets"]) == list(TARGETS)
    assert (found["level"], found["images"], found["columns"]) == (0.95, 30, 5000)
    nickel = found["targets"]["Ni"]
    assert (nickel["skill_low"], nickel["skill"], nickel["skill_high"]) == pytest.approx((0.05, 0.1, 0.15))
    assert nickel["r2"] == pytest.approx(0.8)
    assert {target: own["bound_skill"] for target, own in found["targets"].items()} == {
        **dict.fromkeys(TARGETS),
        "Pt": 0.7,
        "NiCoFe": 0.6,
    }
    assert {target: own["covered"] for target, own in found["targets"].items()} == dict.fromkeys(TARGETS, 0.91) | {
        "Pd": 0.8
    }
    assert (nickel["covered_low"], nickel["covered_high"]) == (0.87, 0.95)
    assert "true total" in found["targets"]["Pt"]["baseline"]
    assert "mean training column" in found["targets"]["total"]["baseline"]


def test_another_estimators_scores_are_asked_for_by_its_name():
    scored = report()
    for own in scored["scores"].values():
        own["told"] = {name: {"value": 0.99, "low": 0.98, "high": 1.0} for name in ("r2", "skill")}
    found = model_accuracy(scored, BOUND, covered({}), "told")
    assert {own["skill"] for own in found["targets"].values()} == {0.99}


def test_a_contract_takes_the_accuracy_as_it_is():
    found = model_accuracy(report(), BOUND, covered({}))

    assert Accuracy.model_validate(found).model_dump() == found


def test_ends_in_the_table_are_the_whole_atoms_inside_the_intervals():
    rng = np.random.default_rng(0)
    true = rng.integers(1, 6, size=(3000, 5)).astype(float)
    intervals = calibrate(np.arange(3000) // 100, true, true + rng.normal(0, 1, true.shape))
    counts = np.array([[3.0, 3.0, 3.0, 3.0, 3.0], [4.4, 1.0, 2.0, 3.0, 2.0]])
    found = with_ends(with_predictions(pd.DataFrame({"sample": [0, 1]}), counts), intervals)
    low, high = intervals.around(counts)

    # Normal residuals of one atom around the usual total: 1.64 atoms either side hold 90 %.
    assert (found["low_Pt"][0], found["high_Pt"][0]) == (2, 4)
    for index, target in enumerate(TARGETS):
        np.testing.assert_array_equal(found[f"low_{target}"], np.ceil(low[:, index]))
        np.testing.assert_array_equal(found[f"high_{target}"], np.floor(high[:, index]))
