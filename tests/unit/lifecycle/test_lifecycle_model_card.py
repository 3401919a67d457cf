from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from heamap.contract import Accuracy, Contract, Lineage, TargetAccuracy, TrainingRanges
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import TARGETS
from heamap.lifecycle import model_card
from heamap.params import load


def score(value: float | None) -> dict[str, float | None]:
    ends = {"low": None, "high": None} if value is None else {"low": value - 0.1, "high": value + 0.1}
    return {"value": value, **ends}


def estimator(value: float) -> dict[str, Any]:
    shares = {name: score(value) for name in ("0", "1", "2", "3", "more")}
    return dict.fromkeys(("r2", "skill", "mae"), score(value)) | {"error_shares": shares, "within_1": score(0.93)}


def evaluation(not_covered: list[str]) -> dict[str, Any]:
    scores = {target: {"model": estimator(0.6), "line_cell": estimator(0.2)} for target in TARGETS}
    del scores["Fe"]["line_cell"]
    covered = {"overall": {"share": 0.9, "low": 0.85, "high": 0.95}}
    return {
        "columns": 4321,
        "images": 12,
        "interval": {"level": 0.95},
        "dose_per_square_angstrom": {"test_images": [2e5, 2e5], "bound": 2e5},
        "scores": scores,
        "bound": [
            {"element": "Pt", "dose_per_square_angstrom": dose, "r2": r2, "skill": r2, "converged": dose > 1e5}
            | {"mmse": 2.0, "standard_error": 0.1}
            for dose, r2 in ((1e5, 0.7), (2e5, 0.84))
        ],
        "intervals": {
            "coverage": {"level": 0.9, "targets": dict.fromkeys(TARGETS, covered), "not_covered": not_covered},
            "sharpness": {target: {"ratio": 0.5, "low": 0.4, "high": 0.6} for target in TARGETS},
        },
    }


def contract(*, skill_low_of_fe: float) -> Contract:
    def accuracy(low: float) -> TargetAccuracy:
        return TargetAccuracy(
            baseline="b",
            skill=0.5,
            skill_low=low,
            skill_high=0.6,
            bound_skill=0.7,
            r2=0.6,
            covered=0.91,
            covered_low=0.87,
            covered_high=0.95,
        )

    targets = {target: accuracy(skill_low_of_fe if target == "Fe" else 0.4) for target in TARGETS}
    return Contract(
        elements=ELEMENTS,
        sampling_angstrom=0.2,
        normalization="absolute",
        label_sigma_angstrom=0.5,
        intensity_scale=1.0,
        stride=8,
        ranges=TrainingRanges(
            energy_ev=(180e3, 220e3),
            semiangle_mrad=(15, 20),
            detector_mrad=(60, 95),
            dose_per_square_angstrom=(1e5, 4e5),
            column_total=(1, 30),
            nearest_column_angstrom=2.27,
        ),
        lineage=Lineage(run_id="r1", commit="c1", data={}),
        accuracy=Accuracy(level=0.95, images=12, columns=4321, targets=targets),
    )


@pytest.fixture
def facts(request: pytest.FixtureRequest) -> model_card.Facts:
    low, missed = getattr(request, "param", (0.4, []))
    samples = pd.DataFrame(
        {
            "split": ["train", "train", "test"],
            "engine": ["thermal-5", "thermal-5", "abtem-1"],
            "chemistry": ["waves", "motif", "waves"],
            "diameter_angstrom": [20.0, 40.0, 99.0],
            "thickness_angstrom": [18.0, 38.0, 99.0],
            **{f"fraction_{symbol}": [0.1, 0.3, 0.9] for symbol in ELEMENTS},
        }
    )
    root = request.config.rootpath
    return model_card.Facts(
        contract=contract(skill_low_of_fe=low),
        params=load(root / "params.release.yaml"),
        samples=samples,
        evaluation=evaluation(missed),
        targets=[],
        gate={"criteria": [{"name": "skill_Pt", "value": 0.5, "threshold": "> 0", "passed": True}]},
        file_bytes=18_200_000,
        lineage={"ONNX SHA-256": "abc", "run": "r1"},
    )


def test_the_card_says_what_the_training_images_were_and_not_the_test_images(facts: model_card.Facts) -> None:
    text = model_card.page(facts)
    for words in (
        "18.2 MB",
        "the detector must be calibrated",
        "| beam energy | 180 to 220 keV |",
        "| particle diameter | 20.00 to 40.00 Å |",
        "| share of Fe in a particle | 0.10 to 0.30 |",
        "| atoms in a column | 1 to 30 |",
        "2 train (thermal-5); 1 test (abtem-1)",
    ):
        assert words in text


def test_the_card_says_where_a_model_averages_orientations(facts: model_card.Facts) -> None:
    for orientations, words in {2: "as it is and transposed", 4: "as it is and turned by a quarter"}.items():
        several = replace(facts, contract=facts.contract.model_copy(update={"orientations": orientations}))
        assert f"It sees each image {words}" in model_card.page(several)
    assert "It sees each image" not in model_card.page(facts)


def test_accuracy_stands_beside_every_yardstick_and_the_bound_of_the_exams_dose(facts: model_card.Facts) -> None:
    text = model_card.page(facts)
    assert "4321 columns of 12 test images that the reference engine made, of 2e+05 electrons per Å² each" in text
    r2 = text[text.index("R²:") : text.index("Skill,")]
    assert "| the model | 0.60 [0.50, 0.70] |" in r2
    (counting,) = [line for line in r2.splitlines() if line.startswith("| 2 counting: line, Voronoi cell")]
    # Pt, Ni, Pd, Co, Fe, Ni+Co+Fe, total: a yardstick that is none for a target leaves its place empty.
    assert [cell.strip() == "–" for cell in counting.split("|")[2:-1]] == [False] * 4 + [True] + [False] * 2
    (bound,) = [line for line in r2.splitlines() if line.startswith("| 5 Bayes bound")]
    # A twentieth of the MMSE is a twentieth of 1 - R2.
    assert bound.split("|")[2].strip() == "0.84 ± 0.008"
    assert "| at most 1 atom off | 0.93 [0.83, 1.03] |" in text


def test_what_the_composition_would_tell_stands_in_the_card_where_it_was_measured(facts: model_card.Facts) -> None:
    assert "composition not" not in model_card.page(facts)
    drawn = {"skill": -0.4, "low": -1.0, "high": 0.1, "reached": 0.05}
    untold = {
        "targets": {"Ni": {"r2": 0.25, "skill": -0.6}},
        "drawn": {"Ni": drawn},
        "level": 0.9,
        "images": 12,
        "draws": 40,
    }
    told = {"coverage": facts.evaluation["intervals"]["coverage"]}
    report = {**facts.evaluation, "untold_composition": untold, "told_composition": told}
    report["scores"] = {
        target: {**own, "model_told_composition": estimator(0.7)} for target, own in report["scores"].items()
    }
    text = model_card.page(replace(facts, evaluation=report))
    r2, skill = text[text.index("R²:") : text.index("Skill,")], text[text.index("Skill,") : text.index("The model's")]
    assert "| the model, told the composition | 0.70 [0.60, 0.80] |" in r2
    assert "| 5 Bayes: total known, composition not | – | 0.25 | – |" in r2
    assert "| 5 Bayes: total known, composition not | – | -0.60 | – |" in skill
    assert "Ni -0.40 [-1.00, 0.10], 5%." in text
    assert (
        "Told the true composition of the image, columns inside their 90% interval, calibrated alike: Pt 90.0%" in text
    )


@pytest.mark.parametrize("facts", [(-0.1, ["Pt total 1 to 6 (below)"])], indirect=True)
def test_what_is_not_told_apart_or_not_covered_is_named(facts: model_card.Facts) -> None:
    text = model_card.page(facts)
    assert "* The single counts of Fe: on the test images no better" in text
    assert "more or fewer columns than promised: Pt total 1 to 6 (below)." in text


def test_where_nothing_is_missed_the_card_says_so(facts: model_card.Facts) -> None:
    text = model_card.page(facts)
    assert "* The interval of no element's skill reaches 0" in text
    assert "* No slice of the test images was covered otherwise than promised." in text
    assert "No targets are set" in text
    assert "no image is refused for its content" in text


def test_gate_and_lineage_are_listed(facts: model_card.Facts) -> None:
    text = model_card.page(facts)
    assert "| skill_Pt | 0.5 | > 0 | pass |" in text
    assert "| ONNX SHA-256 | `abc` |" in text
    assert text.count("\n# ") + text.startswith("# ") == 1


def test_tables_are_markdown() -> None:
    assert model_card.table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
