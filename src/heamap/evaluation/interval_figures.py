"""Coverage of the prediction intervals by target and slice, and their widths."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from heamap.evaluation.coverage import OVERALL_TOLERANCE, SLICE_TOLERANCE
from heamap.evaluation.targets import TARGETS

OVERALL = "overall"

MARKS = {"within": ("o", "#0072B2"), "below": ("D", "#D55E00"), "above": ("^", "#56B4E9")}
"""Marker and colour by the side of the tolerance that the share lies on."""


def coverage_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row per target and slice: ``target``, ``cut``, ``slice`` and the fields of a ``Coverage``.

    Parameters
    ----------
    report : ``heamap.evaluation.coverage.coverage_report``
    """
    rows: list[dict[str, Any]] = []
    for target in TARGETS:
        found = report["targets"][target]
        rows.append({"target": target, "cut": OVERALL, "slice": OVERALL, **found["overall"]})
        for cut, slices in found["slices"].items():
            rows += [{"target": target, "cut": cut, "slice": name, **part} for name, part in slices.items()]
    return pd.DataFrame(rows)


def sharpness_table(sharpness: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per target: ``target``, the ``ratio`` of the widths, below 1 where the model's are narrower, and the
    ``low`` and ``high`` ends of its interval.

    Parameters
    ----------
    sharpness : ``heamap.evaluation.coverage.sharpness``
    """
    ends = ("ratio", "low", "high")
    return pd.DataFrame([{"target": name, **{end: sharpness[name][end] for end in ends}} for name in TARGETS])


def coverage_plot(table: pd.DataFrame, *, level: float) -> Figure:
    """Share of the columns inside their intervals, a panel a target; bands are what counts as covered.

    Parameters
    ----------
    table : ``coverage_table``
    level : promised share
    """
    slices = list(dict.fromkeys(zip(table["cut"], table["slice"], strict=True)))
    figure = Figure(figsize=(13, 1.4 + 0.19 * len(slices)), layout="constrained")
    panels = figure.subplots(1, len(TARGETS), sharey=True)
    for axes, target in zip(panels, TARGETS, strict=True):
        axes.axvspan(level - SLICE_TOLERANCE, level + SLICE_TOLERANCE, color="0.92")
        axes.axvspan(level - OVERALL_TOLERANCE, level + OVERALL_TOLERANCE, color="0.8")
        for row in table[table["target"] == target].to_dict("records"):
            place = slices.index((row["cut"], row["slice"]))
            marker, colour = MARKS[row["side"]]
            if pd.notna(row["low"]):
                axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1)
            axes.plot(row["share"], place, marker, color=colour, markersize=4)
        axes.set_title(target, fontsize=10)
        axes.set_xlim(0.5, 1.01)
    panels[0].set_yticks(
        range(len(slices)), [name if cut == OVERALL else f"{_words(cut)}: {name}" for cut, name in slices], fontsize=7
    )
    panels[0].invert_yaxis()
    words = "circle: as promised; diamond: fewer; triangle: more, intervals too wide"
    figure.supxlabel(f"Share of columns inside their interval ({words})", fontsize=10)
    return figure


def _words(cut: str) -> str:
    return str(cut).replace("_", " ")
