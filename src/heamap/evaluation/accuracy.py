"""Model, baselines and bound together: tables to read in a minute."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from heamap.evaluation.report import LEVEL, MODEL, score_table, share_table
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL
from heamap.evaluation.told_composition import MODEL_TOLD

BOUND, UNTOLD = "bound", "untold"

LABELS = {
    MODEL: "the model",
    MODEL_TOLD: "the model, told the composition",
    "true_total_x_composition": "1 true total × composition",
    "model_total_x_model_composition": "1 model's total × its composition",
    "mean_column": "1 mean column",
    "line_cell": "2 counting: line, Voronoi cell",
    "line_gaussian": "2 counting: line, Gaussian fit",
    "mixture_cell": "2 counting: mixture, Voronoi cell",
    "mixture_gaussian": "2 counting: mixture, Gaussian fit",
    "local_features": "3 boosted trees, local features",
    "oracle_total": "4 oracle: total",
    "oracle_total_pt_pd": "4 oracle: total, Pt, Pd",
    BOUND: "5 Bayes bound: total, composition known",
    UNTOLD: "5 Bayes: total known, composition not",
}
"""Rows of the table and entries of the plot, in their order."""

NAMES = {target: target for target in TARGETS} | {NI_CO_FE: "Ni+Co+Fe", TOTAL: "Total"}


def page(report: Mapping[str, Any], bound: pd.DataFrame | None) -> str:
    """All of ``reports/accuracy.md``.

    Parameters
    ----------
    report : ``heamap.evaluation.report.assemble``, with ``intervals`` (``model_calibration.judge_intervals``),
        ``told_composition`` (``coverage``: ``model_calibration.judge_coverage``), ``untold_composition``
        (``heamap.evaluation.untold_composition.assess``) and ``dose_per_square_angstrom``
        (``test_images``: the ends of their range) in it
    bound : as for ``markdown``
    """
    scores = score_table(report)
    parts = (
        markdown(
            scores,
            bound,
            columns=report["columns"],
            images=report["images"],
            level=LEVEL,
            untold=report["untold_composition"],
        ),
        f"Dose of the test images: {dose_words(*report['dose_per_square_angstrom']['test_images'])}.\n",
        error_table(scores, share_table(report), bound, level=LEVEL),
        interval_lines(report["intervals"]),
        told_line(report["told_composition"]),
        untold_lines(report["untold_composition"]),
    )
    return "\n".join(parts)


def dose_words(low: float, high: float) -> str:
    """The doses of images whose dose was drawn from ``low`` to ``high``, in words."""
    fixed = low == high
    return f"{low:.3g} electrons per Å² each" if fixed else f"{low:.3g} to {high:.3g} electrons per Å², each its own"


def markdown(
    scores: pd.DataFrame,
    bound: pd.DataFrame | None,
    *,
    columns: int,
    images: int,
    level: float,
    untold: Mapping[str, Any] | None = None,
) -> str:
    """The table: R2 and, in brackets, skill over baseline 1, with the interval of the model's and the bound's error.

    Parameters
    ----------
    scores : ``heamap.evaluation.report.score_table``
    bound : ``heamap.evaluation.bounds.pool`` at one dose, or None
    columns, images : that were scored
    level : of the intervals
    untold : ``heamap.evaluation.untold_composition.assess``
    """
    by_name = scores.set_index(["estimator", "target"])
    lines = [
        "| | " + " | ".join(NAMES[target] for target in TARGETS) + " |",
        "|---|" + "---|" * len(TARGETS),
    ]
    for name, label in LABELS.items():
        if name == BOUND:
            cells = [_bound_cell(bound, target) for target in TARGETS]
        elif name == UNTOLD:
            best = {} if untold is None else untold["targets"]
            cells = [_cell(pd.Series(best[target], dtype=float)) if target in best else "" for target in TARGETS]
        else:
            known = by_name.index
            cells = [_cell(by_name.loc[(name, target)]) if (name, target) in known else "" for target in TARGETS]
        if any(cells):
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    model = by_name.loc[MODEL]
    ends = [
        f"{NAMES[target]} R² {_range(model.loc[target], 'r2')}, skill {_range(model.loc[target], 'skill')}"
        for target in ("Pt", NI_CO_FE, TOTAL)
    ]
    return "\n".join(
        [
            f"{columns} columns of {images} test images. R² and (skill) = 1 - MSE / MSE of baseline 1, which is the "
            "true total × the composition of the image; of the total itself, the mean training column.",
            "",
            *lines,
            "",
            f"The model with its {level:.0%} interval over images: {'; '.join(ends)}.",
            "",
            *_bound_note(bound),
        ]
    )


def error_table(scores: pd.DataFrame, shares: pd.DataFrame, bound: pd.DataFrame | None, *, level: float) -> str:
    """The model's errors by target: R2, MAE and shares of columns by how far they err (the paper's Table 2).

    Parameters
    ----------
    scores, shares : ``heamap.evaluation.report.score_table`` and ``share_table``
    bound : as for ``markdown``; its largest share of exact counts stands beside the model's
    level : of the intervals
    """
    by_target, model = shares.set_index("target"), scores[scores["estimator"] == MODEL].set_index("target")
    lines = ["| | R² | MAE | 0 | 0 at best | 1 | 2 | 3+ |", "|---|" + "---|" * 7]
    for target in TARGETS:
        own, found = by_target.loc[target], bound_of(bound, target)
        best = "" if found is None else f"{found['exact_share']:.1%} ± {found['exact_share_error']:.1%}"
        further = own["3"] + own["more"]
        cells = [_range(model.loc[target], score) for score in ("r2", "mae")]
        cells += [_share(own, "0"), best, _share(own, "1"), _share(own, "2"), f"{further:.1%}"]
        lines.append(f"| {NAMES[target]} | " + " | ".join(cells) + " |")
    return "\n".join(
        [
            "Errors of the model: R², MAE in atoms, and shares of columns whose rounded count errs by 0, 1, 2, 3 and "
            f"more atoms, with {level:.0%} intervals over images. 0 at best: what the bound allows.",
            "",
            *lines,
            "",
        ]
    )


def _covered(name: str, found: Mapping[str, Any]) -> str:
    ends = "" if found["low"] is None else f" [{found['low']:.1%}, {found['high']:.1%}]"
    return f"{name} {found['share']:.1%}{ends}"


def interval_lines(intervals: Mapping[str, Any]) -> str:
    """How wide the prediction intervals are beside atom counting's, how often they hold the truth, and where not.

    Parameters
    ----------
    intervals : ``heamap.evaluation.model_calibration.judge_intervals``
    """
    coverage = intervals["coverage"]
    ratios = []
    for target in ("Pt", TOTAL):
        ratio, low, high = (intervals["sharpness"][target][name] for name in ("ratio", "low", "high"))
        ends = "" if None in (low, high) else f" [{low:.2f}, {high:.2f}]"
        ratios.append(f"{NAMES[target]} " + ("undefined" if ratio is None else f"{ratio:.2f}{ends}"))
    missed = coverage["not_covered"]
    short = [name.removesuffix(" (below)").replace("_", " ") for name in missed if name.endswith(" (below)")]
    verdict = "Every target is covered, overall and in every slice."
    if missed:
        verdict = (
            f"Covered less often than promised: {'; '.join(short) or 'nothing'}. More often, "
            f"by intervals wider than need be: {len(missed) - len(short)} targets and slices, named in evaluation.json."
        )
    return "\n".join(
        [
            f"Width of the {coverage['level']:.0%} prediction intervals, the model's / atom counting's: "
            f"{', '.join(ratios)}. Below 1 the model's are narrower.",
            "",
            f"Columns inside their {coverage['level']:.0%} interval, with the sampling error of so few images (95%): "
            f"{_all_covered(coverage)}.",
            "",
            verdict,
            "",
        ]
    )


def told_line(told: Mapping[str, Any]) -> str:
    """How often the intervals of counts hold that were brought to the composition of their image.

    Parameters
    ----------
    told : ``coverage``: ``heamap.evaluation.model_calibration.judge_coverage``
    """
    coverage = told["coverage"]
    return (
        f"Told the true composition of the image, columns inside their {coverage['level']:.0%} interval, calibrated "
        f"alike: {_all_covered(coverage)}.\n"
    )


def untold_lines(untold: Mapping[str, Any]) -> str:
    """What the best estimate that is not told the composition reaches on images drawn anew.

    Parameters
    ----------
    untold : ``heamap.evaluation.untold_composition.assess``
    """
    reached = [
        f"{NAMES[target]} {own['skill']:.2f} [{own['low']:.2f}, {own['high']:.2f}], {own['reached']:.0%}"
        for target, own in untold["drawn"].items()
        if None not in own.values()
    ]
    return (
        f"{LABELS[UNTOLD]}: of columns whose totals and brightness are known it says about the best that can be said "
        f"without the composition of the image. Of {untold['draws']} draws of {untold['images']} particles each, with "
        f"the totals of the test images: skill over all, [{untold['level']:.0%} of the draws], share of the draws in "
        f"which it is 0 or more: {'; '.join(reached)}.\n"
    )


def _all_covered(coverage: Mapping[str, Any]) -> str:
    return ", ".join(_covered(NAMES[target], coverage["targets"][target]["overall"]) for target in TARGETS)


def bound_of(bound: pd.DataFrame | None, target: str) -> Mapping[str, Any] | None:
    """The row of ``heamap.evaluation.bound_pool.pool`` that is of a target; None where there is none."""
    if bound is None:
        return None
    rows = bound[bound["element"] == target]
    return None if rows.empty else dict(rows.iloc[0])


def _bound_cell(bound: pd.DataFrame | None, target: str) -> str:
    found = bound_of(bound, target)
    if found is None:
        return ""
    r2, skill = (f"{found[name]:.2f} ± {bound_error(found, name):.3f}" for name in ("r2", "skill"))
    return f"{r2} ({skill})" + ("" if found["converged"] else ", not converged")


def bound_error(found: Mapping[str, Any], score: str) -> float:
    """Standard error of a bound's ``r2`` or ``skill``: one row of ``heamap.evaluation.bound_pool.pool``.

    Of both, 1 less the score is in proportion to the MMSE.
    """
    relative = found["standard_error"] / found["mmse"] if found["mmse"] > 0 else 0.0
    return float((1 - found[score]) * relative)


def _bound_note(bound: pd.DataFrame | None) -> list[str]:
    if bound is None:
        return []
    doses = " and ".join(f"{dose:.3g}" for dose in np.unique(bound["dose_per_square_angstrom"]))
    return [
        f"{LABELS[BOUND]}, columns of vibrating atoms at a dose of {doses} electrons per Å²; ± one standard error, "
        "from the size of the simulated library. A bound that has not converged may still move by more than its "
        "tolerance.",
        "",
    ]


def _cell(row: Any) -> str:
    r2, skill = (f"{row[name]:.2f}" if np.isfinite(row[name]) else "–" for name in ("r2", "skill"))
    return f"{r2} ({skill})"


def _range(row: Any, score: str) -> str:
    return f"{row[score]:.2f} [{row[f'{score}_low']:.2f}, {row[f'{score}_high']:.2f}]"


def _share(row: Any, error: str) -> str:
    return f"{row[error]:.1%} [{row[f'{error}_low']:.1%}, {row[f'{error}_high']:.1%}]"
