"""Skill of the model slice by slice."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heamap.evaluation.figures import COLOURS, LABELS
from heamap.evaluation.targets import NI_CO_FE, TOTAL
from heamap.evaluation.yardsticks import FIRST

SHOWN = ("Pt", NI_CO_FE, TOTAL)
"""Targets with a panel of their own."""

LOWEST = -0.6
"""Left end of the panels; a skill that lies further left is drawn on it, hollow."""


def slice_plot(table: pd.DataFrame, overall: Mapping[str, float | None]) -> Figure:
    """Skill over baseline 1 with its interval over images, a panel a target and a row a slice.

    Parameters
    ----------
    table : ``heamap.evaluation.slices.as_table``, with the skill over baseline 1 (``FIRST``) of each target
    overall : skill of all columns by target, a dashed line; none is drawn for None
    """
    rows = list(dict.fromkeys(zip(table["cut"], table["slice"], strict=True)))
    figure = Figure(figsize=(11, 1.4 + 0.2 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(SHOWN), sharex=True, sharey=True)
    for axes, target in zip(panels, SHOWN, strict=True):
        _bands(axes, [cut for cut, _ in rows])
        axes.axvline(0, color="0.5", linewidth=1)
        if (whole := overall[target]) is not None:
            axes.axvline(max(whole, LOWEST), color="0.3", linewidth=1, linestyle="--")
        _points(axes, table[table["target"] == target].set_index(["cut", "slice"]).loc[rows], target)
        axes.set_title(LABELS[target], fontsize=10)
    panels[0].set_xlim(LOWEST - 0.04, 1.02)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    panels[0].set_yticks(range(len(rows)), [f"{_words(cut)}: {name}" for cut, name in rows], fontsize=7)
    figure.supxlabel(
        "Skill, 1 - MSE / MSE(baseline 1), with its interval over images; dashed: all columns; hollow: further left",
        fontsize=10,
    )
    return figure


def _bands(axes: Axes, cuts: list[str]) -> None:
    # Every second cut is shaded, so that the eye finds the slices that share one.
    for number, cut in enumerate(dict.fromkeys(cuts)):
        if number % 2:
            first = cuts.index(cut)
            axes.axhspan(first - 0.5, first + cuts.count(cut) - 0.5, color="0.94", zorder=0)


def _points(axes: Axes, own: pd.DataFrame, target: str) -> None:
    name = f"skill_{FIRST[target]}"
    skill, low, high = (own[f"{name}{end}"].to_numpy(np.float64) for end in ("", "_low", "_high"))
    places = np.arange(len(own))
    known = np.isfinite(low) & np.isfinite(high)
    ends = np.maximum([low[known], high[known]], LOWEST)
    axes.hlines(places[known], *ends, color=COLOURS[target], linewidth=1.2)
    inside = skill >= LOWEST
    for some, face in ((inside, COLOURS[target]), (skill < LOWEST, "none")):
        shown = np.maximum(skill[some], LOWEST)
        axes.plot(shown, places[some], "o", color=COLOURS[target], markerfacecolor=face, markersize=4)


def _words(cut: str) -> str:
    return str(cut).replace("_", " ")
