"""Validation of the tables by Great Expectations: committed suites, Data Docs, and a report of what failed."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heamap import params
from heamap.elements import ELEMENTS
from heamap.errors import InputError

os.environ["GX_ANALYTICS_ENABLED"] = "false"

SUITES = ("samples", "columns")
DRIFTING = ("mean", "contrast", "columns_listed", "total_mean", *(f"fraction_{symbol}" for symbol in ELEMENTS))
"""Statistics per image whose means are compared with the committed reference."""
EDGE_ANGSTROM = 1e-6


@dataclass(frozen=True)
class Finding:
    """One expectation that failed.

    Attributes
    ----------
    severity : ``critical`` or ``warning``
    subject : the table's column or columns
    note : what was expected, in words
    observed : what was found instead
    """

    suite: str
    expectation: str
    severity: str
    subject: str
    note: str
    observed: str

    def __str__(self) -> str:
        return f"{self.suite}.{self.subject}: {self.note.rstrip('.')} ({self.observed})"


@dataclass(frozen=True)
class Validation:
    """What validation found; it succeeds when nothing critical failed."""

    evaluated: int
    images: int
    findings: tuple[Finding, ...]

    @property
    def critical(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "critical")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity != "critical")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, as in ``reports/validation.json``."""
        return {
            "success": not self.critical,
            "images": self.images,
            "expectations": self.evaluated,
            "critical": [vars(finding) for finding in self.critical],
            "warnings": [vars(finding) for finding in self.warnings],
        }


def read_suite(name: str) -> dict[str, Any]:
    """A committed suite or the drift reference (``samples``, ``columns``, ``reference``)."""
    content = (resources.files("heamap.dataset") / "suites" / f"{name}.json").read_text()
    return dict(json.loads(content))


def reference_of(samples: pd.DataFrame) -> dict[str, Any]:
    """The drift reference that a sample table gives: number of images, mean and deviation of each statistic.

    Raises
    ------
    InputError : fewer than two images have no deviation
    """
    if len(samples) < 2:
        raise InputError(f"a drift reference needs two images or more, got {len(samples)}")
    return {
        "images": len(samples),
        "statistics": {
            name: {"mean": float(samples[name].mean()), "deviation": float(samples[name].std(ddof=1))}
            for name in DRIFTING
        },
    }


def expectation_parameters(
    limits: params.Validate, *, field_angstrom: float, images: int, reference: Mapping[str, Any]
) -> dict[str, float]:
    """Values of the suites' ``$PARAMETER`` names.

    A mean of n images drifts when it lies further from the reference mean (of m images, deviation s) than
    ``drift_sigma`` standard errors of the difference, s sqrt(1/n + 1/m).
    """
    values: dict[str, float] = {
        "field_minimum": field_angstrom - EDGE_ANGSTROM,
        "field_maximum": field_angstrom + EDGE_ANGSTROM,
        "total_maximum": limits.max_total,
        "composition_minimum": limits.composition[0],
        "composition_maximum": limits.composition[1],
        "relative_error_maximum": limits.max_relative_error,
    }
    spread = np.sqrt(1 / max(images, 1) + 1 / reference["images"])
    for name, statistic in reference["statistics"].items():
        allowed = limits.drift_sigma * statistic["deviation"] * spread
        values[f"{name}_drift_minimum"] = float(statistic["mean"] - allowed)
        values[f"{name}_drift_maximum"] = float(statistic["mean"] + allowed)
    return values


def validate(samples: pd.DataFrame, columns: pd.DataFrame, *, values: Mapping[str, float], docs: Path) -> Validation:
    """Validate both tables with the committed suites and build the Data Docs.

    Parameters
    ----------
    samples, columns : as ``statistics.sample_table`` and ``statistics.column_table`` make them
    values : of the suites' ``$PARAMETER`` names
    docs : folder of the Data Docs site

    Returns
    -------
    Validation
    """
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for site in list(context.get_site_names()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site("heamap", _docs_site(docs))
    source = context.data_sources.add_pandas("heamap")
    definitions = {}
    for name in SUITES:
        suite = context.suites.add(gx.ExpectationSuite(**read_suite(name)))
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        definitions[name] = context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
    evaluated, findings = 0, []
    for name, table in zip(SUITES, (samples, columns), strict=True):
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=name,
                validation_definitions=[definitions[name]],
                actions=[UpdateDataDocsAction(name="docs", site_names=["heamap"])],
            )
        )
        outcome = checkpoint.run(batch_parameters={"dataframe": table}, expectation_parameters=dict(values))
        for run in outcome.run_results.values():
            evaluated += len(run.results)
            findings += [_finding(name, result) for result in run.results if not result.success]
    return Validation(evaluated, len(samples), tuple(findings))


def _docs_site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
    }


def _finding(suite: str, result: Any) -> Finding:
    config = result.expectation_config
    kwargs = config.kwargs
    subject = kwargs.get("column") or ", ".join(kwargs.get("column_list") or (kwargs["column_A"], kwargs["column_B"]))
    return Finding(
        suite=suite,
        expectation=config.type,
        severity=config.severity.value,
        subject=subject,
        note=str(config.meta["notes"]),
        observed=_observed(result),
    )


def _observed(result: Any) -> str:
    details = result.result
    if "unexpected_count" in details:
        examples = ", ".join(str(value) for value in details["partial_unexpected_list"][:3])
        return f"{details['unexpected_count']} of {details['element_count']} rows: {examples}"
    if details.get("observed_value") is not None:
        return f"observed {float(details['observed_value']):.6g}"
    return "; ".join(str(failure["exception_message"]) for failure in result.exception_info.values())
