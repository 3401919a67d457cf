import json
from typing import Any

import pytest

from heamap.evaluation import reached
from heamap.params import Targets

WANTED = Targets(
    min_within_one_total=0.9, min_r2_pt=0.82, min_r2_pt_over_bound=0.95, min_skill_nicofe=0.5, min_skill_each=0.0
)


def score(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def report(**changes: dict[str, float | None]) -> dict[str, Any]:
    """An evaluation that reaches every target with all of its interval, but for what is changed."""
    known = {
        "within": score(0.95, 0.93, 0.97),
        "r2_pt": score(0.88, 0.86, 0.9),
        "NiCoFe": score(0.6, 0.55, 0.65),
        **{symbol: score(0.1, 0.05, 0.15) for symbol in ("Ni", "Co", "Fe")},
    } | changes
    skills = {target: {"model": {"skill": known[target]}} for target in ("NiCoFe", "Ni", "Co", "Fe")}
    row = {"element": "Pt", "mmse": 1.0, "standard_error": 0.1}
    return {
        "columns": 1000,
        "images": 12,
        "interval": {"level": 0.95},
        "dose_per_square_angstrom": {"test_images": [2e5, 2e5], "bound": 2e5},
        "scores": {
            "total": {"model": {"within_1": known["within"]}},
            "Pt": {"model": {"r2": known["r2_pt"]}},
            **skills,
        },
        "bound": [
            row | {"dose_per_square_angstrom": 1e5, "r2": 0.5},
            row | {"dose_per_square_angstrom": 2e5, "element": "Pd", "r2": 0.4},
            row | {"dose_per_square_angstrom": 2e5, "r2": 0.9},
        ],
        "yardsticks": {"true_total_x_composition": "the true total shared out"},
        "baseline_1": dict.fromkeys(("NiCoFe", "Ni", "Co", "Fe"), "true_total_x_composition"),
    }


def by_name(document: dict[str, Any]) -> dict[str, reached.Reached]:
    return {each.name: each for each in reached.reached(document, WANTED)}


def test_every_target_is_judged_by_its_own_score_and_threshold() -> None:
    found = by_name(report())
    thresholds = {name: each.threshold for name, each in found.items()}
    assert thresholds == {
        "total within 1 atom": 0.9,
        "R² of Pt": 0.82,
        "R² of Pt over the bound's": 0.95,
        "skill of Ni+Co+Fe": 0.5,
        "skill of Ni": 0.0,
        "skill of Co": 0.0,
        "skill of Fe": 0.0,
    }
    assert all(each.met and each.missed_by == 0 and each.verdict == "met" for each in found.values())


def test_the_bound_beside_pt_is_that_of_the_exams_dose() -> None:
    found = by_name(report())["R² of Pt over the bound's"]
    assert (found.value, found.low, found.high) == pytest.approx((0.88 / 0.9, 0.86 / 0.9, 1.0))
    # An error of a tenth of the MMSE moves R2 = 1 - MMSE / variance by a tenth of .1.
    assert found.note == "the bound's at 2e+05 electrons per Å²: 0.900 ± 0.010, held fixed"


def test_what_can_be_reached_at_best_without_the_composition_stands_beside() -> None:
    best = {"Pt": {"r2": 0.78, "skill": 0.7}, "Ni": {"r2": 0.2, "skill": -0.6}, "Co": {"r2": None, "skill": None}}
    found = by_name(report() | {"untold_composition": {"targets": best}})
    assert found["R² of Pt"].note == "at best about 0.78 where the total is known and the composition is not"
    over = "over: the true total shared out"
    assert (
        found["skill of Ni"].note == f"{over}; at best about -0.60 where the total is known and the composition is not"
    )
    assert found["skill of Co"].note == found["skill of Fe"].note == over
    assert by_name(report())["R² of Pt"].note == ""


def test_a_miss_says_by_how_much_and_whether_the_interval_leaves_it_open() -> None:
    found = by_name(report(within=score(0.85, 0.8, 0.92), Ni=score(-0.02, -0.05, -0.01)))
    assert not found["total within 1 atom"].met
    assert found["total within 1 atom"].missed_by == pytest.approx(0.05)
    assert found["total within 1 atom"].verdict == "missed by 0.050, though its interval reaches it"
    assert found["skill of Ni"].verdict == "missed by 0.020"


def test_a_score_at_its_threshold_meets_it_and_a_low_end_below_is_told() -> None:
    found = by_name(report(r2_pt=score(0.82, 0.7, 0.9)))["R² of Pt"]
    assert found.met
    assert found.verdict == "met, but its interval reaches below"


def test_an_undefined_score_reaches_nothing() -> None:
    found = by_name(report(r2_pt=score(None), Fe=score(None)))
    for name in ("R² of Pt", "R² of Pt over the bound's", "skill of Fe"):
        assert (found[name].met, found[name].missed_by, found[name].verdict) == (False, None, "missed, undefined")


def test_the_page_counts_what_is_met_and_names_the_exam() -> None:
    document = report(within=score(0.85, 0.8, 0.92), Fe=score(None))
    judged = reached.to_dict(reached.reached(document, WANTED))
    assert json.loads(json.dumps(judged, allow_nan=False)) == judged
    page = reached.markdown(document, judged)
    assert page.startswith("5 of 7 targets met, by 1000 columns of 12 test images of 2e+05 electrons per Å² each;")
    assert (
        "| total within 1 atom, share of the columns | 0.850 [0.800, 0.920] | 0.9 "
        "| missed by 0.050, though its interval reaches it |" in page
    )
    assert "| skill of Fe, over: the true total shared out | – | 0 | missed, undefined |" in page


def test_without_targets_the_page_says_so() -> None:
    assert reached.markdown(report(), []) == "No targets are set (`evaluate.targets`).\n"
