"""The verdict, criterion by criterion, on hand-made evidence."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from heamap.contract import Contract, Lineage, TrainingRanges
from heamap.elements import ELEMENTS
from heamap.evaluation import reading
from heamap.evaluation.counter import Counter
from heamap.lifecycle import gate
from heamap.lifecycle.remarks import Remark
from heamap.params import Gate
from heamap.seeds import Stream, generator

LIMITS = Gate(
    min_test_images=10,
    min_skill_pt=0.1,
    min_skill_total=0.0,
    max_coverage_gap=0.02,
    max_parity_error=1e-3,
    max_count_mismatch=0.001,
    champion_margin=0.0,
    require_clean_git=True,
)
COVERED = {"share": 0.86, "high": 0.95}
NARROW = {"share": 0.8, "high": 0.85}


def skill(value: float | None) -> dict[str, float | None]:
    return {"value": value, "low": None, "high": None} if value is None else spread(value, value - 0.1, value + 0.1)


def spread(value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


GOOD = gate.Evidence(
    skill_pt={"true_total_x_composition": skill(0.4), "line_cell": skill(0.6)},
    skill_total={"mean_column": skill(0.9), "line_cell": skill(0.2)},
    test_images=12,
    coverage={"Pt": COVERED, "total": COVERED},
    coverage_level=0.9,
    improvement=gate.Improvement(0.1, 0.02, 0.18, 12),
    champion="version 3",
    comparable=True,
    parity_error=1e-5,
    count_mismatch=0.0,
    validation_failures=(),
    dirty=(),
    lineage_gaps=(),
)
RUN = Lineage(run_id="r1", commit="c1", data={"data/structures": "s.dir", "data/images": "i.dir"})


def contract(lineage: Lineage) -> Contract:
    ranges = TrainingRanges(
        energy_ev=(180e3, 220e3),
        semiangle_mrad=(15, 20),
        detector_mrad=(60, 95),
        dose_per_square_angstrom=(1e5, 4e5),
        column_total=(1, 15),
        nearest_column_angstrom=2.27,
    )
    return Contract(
        elements=ELEMENTS,
        sampling_angstrom=0.2,
        normalization="local",
        label_sigma_angstrom=0.5,
        intensity_scale=1.0,
        stride=8,
        ranges=ranges,
        lineage=lineage,
    )


def test_good_evidence_passes_and_every_criterion_is_listed() -> None:
    verdict = gate.verdict(GOOD, LIMITS)
    assert verdict.passed
    assert [criterion.name for criterion in verdict.criteria] == [
        "test_images",
        "skill_Pt_over_true_total_x_composition",
        "skill_Pt_over_line_cell",
        "skill_total_over_mean_column",
        "skill_total_over_line_cell",
        "coverage_Pt",
        "coverage_total",
        "improvement_over_champion",
        "parity_error",
        "count_mismatch",
        "validation",
        "clean_git",
        "lineage",
    ]


@pytest.mark.parametrize(
    ("criterion", "change"),
    [
        ("test_images", {"test_images": 9}),
        ("skill_Pt_over_line_cell", {"skill_pt": {"true_total_x_composition": skill(0.4), "line_cell": skill(0.1)}}),
        ("skill_Pt_over_line_cell", {"skill_pt": {"true_total_x_composition": skill(0.4), "line_cell": skill(None)}}),
        ("skill_total_over_mean_column", {"skill_total": {"mean_column": skill(-0.01), "line_cell": skill(0.2)}}),
        ("coverage_total", {"coverage": {"Pt": COVERED, "total": NARROW}}),
        ("improvement_over_champion", {"improvement": gate.Improvement(0.1, -0.02, 0.18, 12)}),
        ("improvement_over_champion", {"improvement": None, "comparable": False}),
        ("parity_error", {"parity_error": 0.01}),
        ("parity_error", {"parity_error": float("nan")}),
        ("count_mismatch", {"count_mismatch": 0.01}),
        ("validation", {"validation_failures": ("samples.contrast",)}),
        ("clean_git", {"dirty": ("src/heamap/params.py",)}),
        ("lineage", {"lineage_gaps": ("the run knows no commit",)}),
    ],
)
def test_each_criterion_alone_fails_the_verdict(criterion: str, change: dict[str, Any]) -> None:
    verdict = gate.verdict(replace(GOOD, **change), LIMITS)
    assert [entry.name for entry in verdict.criteria if not entry.passed] == [criterion]
    assert verdict.to_dict()["passed"] is False


def test_the_first_model_needs_no_champion_to_beat() -> None:
    first = replace(GOOD, improvement=None, champion="no champion yet")
    assert gate.verdict(first, LIMITS).passed


def test_dirt_is_reported_even_where_it_is_allowed() -> None:
    limits = LIMITS.model_copy(update={"require_clean_git": False})
    verdict = gate.verdict(replace(GOOD, dirty=("notes.txt",)), limits)
    assert verdict.passed
    assert next(entry.note for entry in verdict.criteria if entry.name == "clean_git") == "notes.txt"


def test_squared_errors_are_summed_over_columns_and_elements() -> None:
    def two_everywhere(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.full((*images.shape[:3], 5), 2.0, np.float32)

    image = np.zeros((16, 16, 1), np.float32)
    positions, counts = np.array([[4.0, 5.0], [8.5, 9.5]]), np.array([[2, 2, 2, 2, 5], [0, 2, 2, 2, 2]])
    examples = [(image, positions, counts), (image, positions[:1], counts[:1])]
    counter = Counter(reading.make("peak", sigma_pixels=2.5), sampling_angstrom=0.2)
    errors = gate.squared_errors(two_everywhere, examples, counter=counter)
    assert errors == pytest.approx([13.0, 9.0])


def test_improvement_is_the_relative_fall_and_its_interval_is_paired() -> None:
    champion = np.linspace(10, 200, 24)
    found = gate.improvement(champion * 0.8, champion, resamples=500, rng=generator(1, Stream.BOOTSTRAP))
    # The same fall in every image leaves nothing to chance, however the images differ.
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_improvement_in_half_of_the_images_only_is_uncertain() -> None:
    champion = np.ones(10)
    candidate = np.where(np.arange(10) % 2, 0.5, 1.4)
    found = gate.improvement(candidate, champion, resamples=2000, rng=generator(1, Stream.BOOTSTRAP))
    assert found.value == pytest.approx(0.05)
    assert found.low < 0 < found.high


def test_a_perfect_champion_cannot_be_compared_with() -> None:
    with pytest.raises(ValueError, match="no error that could fall"):
        gate.improvement(np.ones(3), np.zeros(3), resamples=10, rng=generator(1, Stream.BOOTSTRAP))


def test_a_whole_lineage_has_no_gaps() -> None:
    assert gate.lineage_gaps(contract(RUN), RUN, dict(RUN.data)) == ()


@pytest.mark.parametrize(
    ("inside", "run", "locked", "gap"),
    [
        (RUN, None, RUN.data, "no run r1"),
        (RUN, RUN, {"data/structures": "s.dir", "data/images": "x.dir"}, "data/images is no longer"),
        (RUN.model_copy(update={"commit": "c2"}), RUN, RUN.data, "not that of its run"),
        *[
            (other, other, RUN.data, gap)
            for other, gap in (
                (RUN.model_copy(update={"commit": ""}), "knows no commit"),
                (RUN.model_copy(update={"data": {"data/structures": "s.dir"}}), "no hash of data/images"),
            )
        ],
    ],
)
def test_a_missing_link_is_a_gap(inside: Lineage, run: Lineage | None, locked: dict[str, str], gap: str) -> None:
    found = gate.lineage_gaps(contract(inside), run, locked)
    assert len(found) == 1
    assert gap in found[0]


def test_skills_come_from_the_evaluation_report() -> None:
    report = {
        "skill": {
            "Pt": {"true_total_x_composition": spread(0.3, 0.1, 0.5), "line_cell": skill(0.6), "trees": skill(0.2)},
            "total": {"mean_column": skill(0.9), "line_cell": spread(0.1, -0.2, 0.3)},
        }
    }
    assert gate.skills(report, "Pt") == {"true_total_x_composition": spread(0.3, 0.1, 0.5), "line_cell": skill(0.6)}
    assert gate.skills(report, "total") == {"mean_column": skill(0.9), "line_cell": spread(0.1, -0.2, 0.3)}


def test_a_skill_is_judged_by_its_value_and_told_with_its_interval() -> None:
    uncertain = replace(GOOD, skill_pt={"line_cell": spread(0.43, -0.1, 0.58)})
    verdict = gate.verdict(uncertain, LIMITS)
    assert verdict.passed
    assert verdict.to_dict()["criteria"][1] == {
        "name": "skill_Pt_over_line_cell",
        "value": 0.43,
        "threshold": "> 0.1",
        "passed": True,
        "note": "95% interval -0.100 to 0.580",
    }


def test_a_skill_without_an_interval_has_no_note() -> None:
    verdict = gate.verdict(replace(GOOD, skill_pt={"line_cell": spread(0.4, None, None)}), LIMITS)
    assert verdict.criteria[1].note == ""


def test_remarks_are_carried_and_decide_nothing() -> None:
    remark = Remark("skill_Pt_over_local_features", -2.0, "95% interval -3.000 to -1.000")
    verdict = gate.verdict(replace(GOOD, remarks=(remark,)), LIMITS)
    assert verdict.passed
    assert verdict.to_dict()["remarks"] == [vars(remark)]


def test_ranges_that_a_champion_never_saw_are_named() -> None:
    known = contract(RUN).ranges
    wider = known.model_copy(update={"energy_ev": (80e3, 220e3), "column_total": (1, 30)})
    assert gate.beyond(known, wider) == ("energy_ev", "column_total")
    assert gate.beyond(wider, known) == ()
