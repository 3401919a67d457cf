"""Model, baselines and bounds in one plot."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from heamap.evaluation.accuracy import BOUND, LABELS, NAMES, UNTOLD, bound_of
from heamap.evaluation.report import MODEL
from heamap.evaluation.targets import TARGETS
from heamap.evaluation.told_composition import MODEL_TOLD

_MARKS = {
    MODEL: ("o", "#D55E00", 9),
    MODEL_TOLD: ("d", "#D55E00", 7),
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


def skill_plot(scores: pd.DataFrame, bound: pd.DataFrame | None, untold: Mapping[str, Any] | None = None) -> Figure:
    """Skill over baseline 1 of the model with its interval, of every yardstick, and the bounds as walls.

    Parameters
    ----------
    scores, bound, untold : as for ``accuracy.markdown``
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
        found = bound_of(bound, target)
        if found is not None:
            axes.plot([found["skill"]] * 2, [place - 0.4, place + 0.4], color="black", linewidth=3, zorder=1)
            axes.axhspan(place - 0.4, place + 0.4, xmin=0, xmax=1, color="0.95", zorder=0)
        best = None if untold is None else untold["targets"].get(target, {}).get("skill")
        if best is not None:
            axes.plot([max(best, _LOWEST)] * 2, [place - 0.4, place + 0.4], color="0.45", linewidth=3, zorder=1)
    axes.plot([], [], color="black", linewidth=3, label=LABELS[BOUND])
    if untold is not None:
        axes.plot([], [], color="0.45", linewidth=3, label=LABELS[UNTOLD])
    axes.axvline(0, color="0.5", linewidth=1, label=LABELS["true_total_x_composition"] + " (total: mean column)")
    axes.set_yticks(range(len(TARGETS)), [NAMES[target] for target in TARGETS])
    axes.invert_yaxis()
    axes.set_xlim(_LOWEST - 0.03, 1.02)
    axes.set_xlabel("Skill, 1 - MSE / MSE(baseline 1); hollow: further left")
    axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=8)
    return figure
