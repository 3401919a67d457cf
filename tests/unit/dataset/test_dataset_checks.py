"""Every critical expectation fails on a table that breaks it, and on none that does not."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heamap.dataset import checks
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.imaging import engines
from heamap.params import Validate

LIMITS = Validate(max_total=60, composition=(0.0, 0.8), drift_sigma=5.0, max_relative_error=0.1)
SAMPLES = pd.DataFrame(
    {
        "sample": [0, 1, 2],
        "split": ["train", "validation", "test"],
        "structure_hash": ["a", "b", "c"],
        "image_hash": ["x", "y", "z"],
        "splits_of_structure": 1,
        "engine": ["thermal-1", "abtem-1.0.11-prism-2", "abtem-1.0.11-prism-2"],
        "relative_error": [np.nan, 0.3, 0.05],
        "hash_agrees": True,
        "finite_share": 1.0,
        "minimum": 0.0,
        "maximum": 0.05,
        "mean": [0.020, 0.021, 0.022],
        "contrast": [0.5, 0.6, 0.7],
        "field_angstrom": 25.6,
        "spacing_angstrom": 2.27,
        "columns_listed": [100, 110, 120],
        "matched_share": 1.0,
        "stray_share": 0.0,
        "total_minimum": 1,
        "total_maximum": 12,
        "total_mean": [8.0, 8.5, 9.0],
        "atoms_uncounted": 0,
        **{f"fraction_{symbol}": 0.2 for symbol in ELEMENTS},
        "fraction_sum": 1.0,
    }
)
COLUMNS = pd.DataFrame(
    {
        "sample": [0, 0, 1],
        "column": [0, 1, 0],
        "row": 3.0,
        "col": [4.0, 16.0, 4.0],
        **{symbol: [2, 1, 0] for symbol in ELEMENTS},
        "total": [10, 5, 1],
        "element_sum": [10, 5, 1],
        "order_agrees": True,
        "field_agrees": True,
        "nearest_angstrom": [2.4, 2.4, np.nan],
    }
)
# What each critical expectation is about, and a value that breaks it.
BROKEN: dict[tuple[str, str, str], Any] = {
    ("samples", "expect_column_values_to_not_be_null", "sample"): None,
    ("samples", "expect_column_values_to_not_be_null", "structure_hash"): None,
    ("samples", "expect_column_values_to_not_be_null", "image_hash"): None,
    ("samples", "expect_column_values_to_not_be_null", "minimum"): None,
    ("samples", "expect_column_values_to_not_be_null", "maximum"): None,
    ("samples", "expect_column_values_to_not_be_null", "mean"): None,
    ("samples", "expect_column_values_to_not_be_null", "contrast"): None,
    ("samples", "expect_column_values_to_not_be_null", "engine"): None,
    ("samples", "expect_column_values_to_not_be_null", "matched_share"): None,
    ("samples", "expect_column_values_to_not_be_null", "spacing_angstrom"): None,
    ("samples", "expect_column_values_to_be_unique", "sample"): 1,
    ("samples", "expect_column_values_to_be_in_set", "split"): "exam",
    ("samples", "expect_column_values_to_be_between", "splits_of_structure"): 2,
    ("samples", "expect_column_values_to_be_unique", "image_hash"): "y",
    ("samples", "expect_column_values_to_be_in_set", "hash_agrees"): False,
    ("samples", "expect_column_values_to_match_regex", "engine"): "thermal-1",
    ("samples", "expect_column_values_to_be_between", "relative_error"): 0.11,
    ("samples", "expect_column_values_to_be_between", "finite_share"): 0.999,
    ("samples", "expect_column_values_to_be_between", "minimum"): -0.1,
    ("samples", "expect_column_values_to_be_between", "maximum"): 1.5,
    ("samples", "expect_column_values_to_be_between", "contrast"): 0.0,
    ("samples", "expect_column_values_to_be_between", "field_angstrom"): 51.2,
    ("samples", "expect_column_values_to_be_between", "spacing_angstrom"): 4.5,
    ("samples", "expect_column_values_to_be_between", "columns_listed"): 0,
    ("samples", "expect_column_values_to_be_between", "matched_share"): 0.5,
    ("samples", "expect_column_values_to_be_between", "stray_share"): 0.5,
    ("samples", "expect_column_values_to_be_between", "total_minimum"): 0,
    ("samples", "expect_column_values_to_be_between", "total_maximum"): 61,
    ("samples", "expect_column_values_to_be_between", "atoms_uncounted"): 1,
    **{("samples", "expect_column_values_to_be_between", f"fraction_{symbol}"): 0.9 for symbol in ELEMENTS},
    ("samples", "expect_column_values_to_be_between", "fraction_sum"): 0.9,
    ("columns", "expect_column_values_to_not_be_null", "row"): None,
    ("columns", "expect_column_values_to_not_be_null", "col"): None,
    ("columns", "expect_column_values_to_not_be_null", "total"): None,
    ("columns", "expect_compound_columns_to_be_unique", "column"): 1,
    ("columns", "expect_column_values_to_be_between", "total"): 61,
    **{("columns", "expect_column_values_to_be_between", symbol): -1 for symbol in ELEMENTS},
    ("columns", "expect_column_pair_values_to_be_equal", "element_sum"): 9,
    ("columns", "expect_column_values_to_be_in_set", "order_agrees"): False,
    ("columns", "expect_column_values_to_be_in_set", "field_agrees"): False,
    ("columns", "expect_column_values_to_be_between", "nearest_angstrom"): 0.4,
}


def validated(samples: pd.DataFrame, columns: pd.DataFrame, docs: Path) -> checks.Validation:
    values = checks.expectation_parameters(
        LIMITS, field_angstrom=25.6, images=len(samples), reference=checks.reference_of(SAMPLES)
    )
    return checks.validate(samples, columns, values=values, docs=docs)


EXAM = {"engine", "relative_error"}
"""What is expected of test images alone, here of the last row."""


def broken(table: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    def column(field: str, value: Any) -> pd.Series:
        kept = table[field].tolist()
        return pd.Series([*kept[:-1], value] if field in EXAM else [value, *kept[1:]], dtype=object).infer_objects()

    return table.assign(**{field: column(field, value) for field, value in values.items()})


def critical_expectations() -> set[tuple[str, str, str]]:
    def field(kwargs: dict[str, Any]) -> str:
        return str(kwargs.get("column") or kwargs.get("column_B") or kwargs["column_list"][-1])

    return {
        (suite, entry["type"], field(entry["kwargs"]))
        for suite in checks.SUITES
        for entry in checks.read_suite(suite)["expectations"]
        if entry["severity"] == "critical"
    }


def test_sound_tables_pass_and_leave_data_docs(tmp_path: Path) -> None:
    found = validated(SAMPLES, COLUMNS, tmp_path / "docs")
    assert found.findings == ()
    assert found.evaluated == sum(len(checks.read_suite(suite)["expectations"]) for suite in checks.SUITES)
    assert "samples" in (tmp_path / "docs/index.html").read_text()


def test_the_list_of_breakages_covers_every_critical_expectation() -> None:
    assert set(BROKEN) == critical_expectations()


@pytest.fixture(scope="module", params=[True, False], ids=["missing", "wrong"])
def breakage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[set[tuple[str, str, str]], checks.Validation]:
    """Tables of which one row breaks every expectation of a kind, each in a field of its own."""
    cases = {case: value for case, value in BROKEN.items() if (value is None) == request.param}
    samples, columns = (
        broken(table, {field: value for (suite, _, field), value in cases.items() if suite == name})
        for name, table in (("samples", SAMPLES), ("columns", COLUMNS))
    )
    return set(cases), validated(samples, columns, tmp_path_factory.mktemp("docs"))


def test_broken_tables_fail_every_critical_expectation(
    breakage: tuple[set[tuple[str, str, str]], checks.Validation],
) -> None:
    cases, found = breakage
    failed = {(finding.suite, finding.expectation, finding.subject) for finding in found.critical}
    survived = {
        case for case in cases if not any(case[:2] == other[:2] and case[2] in other[2].split(", ") for other in failed)
    }
    assert survived == set()
    assert found.to_dict()["success"] is False


def test_the_suite_tells_the_reference_engine_from_the_others() -> None:
    entries = checks.read_suite("samples")["expectations"]
    regex = next(entry["kwargs"]["regex"] for entry in entries if "regex" in entry["kwargs"])
    assert re.match(regex, engines.version("reference"))
    pytest.importorskip("heamap.imaging.thermal")
    assert not re.match(regex, engines.version("thermal"))


def test_drift_of_a_mean_and_test_images_of_unknown_error_are_warnings_only(tmp_path: Path) -> None:
    samples = broken(SAMPLES, {"relative_error": np.nan}).assign(mean=SAMPLES["mean"] * 2)
    found = validated(samples, COLUMNS, tmp_path)
    warned = {finding.subject: str(finding) for finding in found.warnings}
    assert set(warned) == {"mean", "relative_error"}
    assert "1 of 1 rows" in warned["relative_error"]
    assert found.to_dict()["success"] is True


def test_drift_is_judged_in_standard_errors_of_the_difference() -> None:
    reference = {"images": 4, "statistics": {"mean": {"mean": 1.0, "deviation": 2.0}}}
    values = checks.expectation_parameters(LIMITS, field_angstrom=25.6, images=4, reference=reference)
    assert values["mean_drift_maximum"] == pytest.approx(1 + 5 * 2 * np.sqrt(1 / 4 + 1 / 4))


def test_a_missing_statistic_is_a_critical_failure(tmp_path: Path) -> None:
    found = validated(SAMPLES.drop(columns="spacing_angstrom"), COLUMNS, tmp_path)
    assert any("spacing_angstrom" in finding.observed for finding in found.critical)


def test_the_report_is_json_and_names_what_failed(tmp_path: Path) -> None:
    found = validated(broken(SAMPLES, {"total_maximum": 61}), COLUMNS, tmp_path)
    report = json.loads(json.dumps(found.to_dict()))
    assert report["critical"][0]["subject"] == "total_maximum"
    assert str(found.critical[0]) == (
        "samples.total_maximum: No column is longer than physics allows (1 of 3 rows: 61)"
    )


def test_the_committed_reference_holds_every_drifting_statistic() -> None:
    assert set(checks.read_suite("reference")["statistics"]) == set(checks.DRIFTING)


def test_one_image_is_no_reference() -> None:
    with pytest.raises(InputError, match="two images or more, got 1"):
        checks.reference_of(SAMPLES[:1])
