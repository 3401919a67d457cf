"""Model, baselines and bound together: one table to read in a minute, one plot."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from heamap.evaluation.report import MODEL
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL

BOUND = "bound"

LABELS = {
    MODEL: "the model",
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
    BOUND: "5 Bayes bound: total known",
}
"""Rows of the table and entries of the plot, in their order."""

NAMES = {target: target for target in TARGETS} | {NI_CO_FE: "Ni+Co+Fe", TOTAL: "Total"}

_MARKS = {
    MODEL: ("o", "#D55E00", 9),
    "model_total_x_model_composition": ("|", "#D55E00", 11),
    "line_cell": ("s", "#0072B2", 5),
    "line_gaussian": ("s", "#56B4E9", 5),
    "mixture_cell": ("^", "#0072B2", 5),
    "mixture_gaussian": ("^", "#56B4E9", 5),
    "local_features": ("D", "#009E73", 6),
    "oracle_total": ("x", "0.4", 6),
    "oracle_total_pt_pd": ("+", "0.4", 8),
    "mean_column": (".", "0.6", 6),
}
_LOWEST = -0.6
"""Left end of the plot; what lies further left is drawn on it, hollow."""


def markdown(scores: pd.DataFrame, bound: pd.DataFrame | None, *, columns: int, images: int, level: float) -> str:
    """The table: R2 and, in brackets, skill over baseline 1, with the interval of the model's.

    Parameters
    ----------
    scores : ``heamap.evaluation.report.score_table``
    bound : ``heamap.evaluation.bounds.pool`` at one dose, or None
    columns, images : that were scored
    level : of the intervals
    """
    by_name = scores.set_index(["estimator", "target"])
    lines = [
        "| | " + " | ".join(NAMES[target] for target in TARGETS) + " |",
        "|---|" + "---|" * len(TARGETS),
    ]
    for name, label in LABELS.items():
        if name == BOUND:
            cells = [_bound_cell(bound, target) for target in TARGETS]
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
            *([] if bound is None else [bound_condition(bound), ""]),
        ]
    )


def bound_condition(bound: pd.DataFrame) -> str:
    """What the bound is of, in one sentence: its columns vibrate whatever the images do, its dose is a tabulated one.

    Parameters
    ----------
    bound : as for ``markdown``
    """
    (dose,) = bound["dose_per_square_angstrom"].unique()
    return f"The bound is of simulated columns of vibrating atoms at {dose:.3g} electrons per square Angstrom."


def skill_plot(scores: pd.DataFrame, bound: pd.DataFrame | None) -> Figure:
    """Skill over baseline 1 of the model with its interval, of every yardstick, and the bound as a wall.

    Parameters
    ----------
    scores, bound : as for ``markdown``
    """
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    axes = figure.subplots()
    for name, (marker, colour, size) in _MARKS.items():
        own = scores[scores["estimator"] == name].dropna(subset="skill").set_index("target")
        places = np.array([TARGETS.index(target) for target in own.index])
        skill = own["skill"].to_numpy(np.float64)
        shown = np.maximum(skill, _LOWEST)
        # Side by side, so that none hides another.
        offset = 0.0 if name == MODEL else -0.28 + 0.56 * list(_MARKS).index(name) / (len(_MARKS) - 1)
        if name == MODEL:
            ends = own[["skill_low", "skill_high"]].to_numpy(np.float64)
            # The percentile interval of a skewed score need not hold the score itself.
            error = np.clip([skill - ends[:, 0], ends[:, 1] - skill], 0, None)
            axes.errorbar(shown, places, xerr=error, fmt="none", color=colour, capsize=3, zorder=3)
        inside = skill >= _LOWEST
        for some, face in ((inside, colour), (~inside, "none")):
            axes.plot(
                shown[some],
                places[some] + offset,
                marker,
                color=colour,
                markerfacecolor=face,
                markersize=size,
                zorder=4 if name == MODEL else 2,
                label=LABELS[name] if face == colour else None,
            )
    for place, target in enumerate(TARGETS):
        found = _bound_of(bound, target)
        if found is not None:
            axes.plot([found["skill"]] * 2, [place - 0.4, place + 0.4], color="black", linewidth=3, zorder=1)
            axes.axhspan(place - 0.4, place + 0.4, xmin=0, xmax=1, color="0.95", zorder=0)
    axes.plot([], [], color="black", linewidth=3, label=LABELS[BOUND])
    axes.axvline(0, color="0.5", linewidth=1, label=LABELS["true_total_x_composition"] + " (total: mean column)")
    axes.set_yticks(range(len(TARGETS)), [NAMES[target] for target in TARGETS])
    axes.invert_yaxis()
    axes.set_xlim(_LOWEST - 0.03, 1.02)
    axes.set_xlabel("Skill, 1 - MSE / MSE(baseline 1); hollow: further left")
    axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=8)
    return figure


def _bound_of(bound: pd.DataFrame | None, target: str) -> Mapping[str, Any] | None:
    if bound is None:
        return None
    rows = bound[bound["element"] == target]
    return None if rows.empty else dict(rows.iloc[0])


def _bound_cell(bound: pd.DataFrame | None, target: str) -> str:
    found = _bound_of(bound, target)
    return "" if found is None else f"{found['r2']:.2f} ({found['skill']:.2f})"


def _cell(row: Any) -> str:
    r2, skill = (f"{row[name]:.2f}" if np.isfinite(row[name]) else "–" for name in ("r2", "skill"))
    return f"{r2} ({skill})"


def _range(row: Any, score: str) -> str:
    return f"{row[score]:.2f} [{row[f'{score}_low']:.2f}, {row[f'{score}_high']:.2f}]"
