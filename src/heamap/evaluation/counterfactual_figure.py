"""The figure of the counterfactuals: how far predictions moved against how far they should have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from heamap.evaluation.counterfactuals import DOSE, FEWEST
from heamap.evaluation.figures import LABELS
from heamap.evaluation.targets import TARGETS
from heamap.structures.edits import ORDER, SWAP_FE_NI, SWAP_PT_NI

TITLES = {
    SWAP_FE_NI: "Fe and Ni swapped",
    SWAP_PT_NI: "Pt and Ni swapped",
    ORDER: "Order in each column shuffled",
    DOSE: "Dose doubled",
}
SHOULD, DID, NOISE = "0.8", "#0072B2", "#D55E00"
FURTHEST_SHARE = 1.45
"""Axis over the longest mark: the rest is for the words."""
_RMS = ("true_rms", "predicted_rms")
_INTERVAL = ("value", "low", "high")


def draw(report: Mapping[str, Any]) -> Figure:
    """One panel per edit, one row per target: a grey bar to where it should move, a dot to where it did.

    The words give the response: the share of the true change that the prediction follows, column by column. Where the
    particles are too few for intervals, the axis says so.

    Parameters
    ----------
    report : of :func:`heamap.evaluation.counterfactuals.score`
    """
    edits = report["edits"]
    figure = Figure(figsize=(10, 3.1 * ((len(edits) + 1) // 2) + 0.6), layout="constrained")
    panels = figure.subplots((len(edits) + 1) // 2, 2, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (edit, targets) in zip(panels, edits.items(), strict=False):
        axes.set_title(TITLES.get(edit, edit), fontsize=11)
        _panel(axes, targets, report["noise_floor"])
    for axes in panels[len(edits) :]:
        axes.remove()
    values = [found[name]["value"] for targets in edits.values() for found in targets.values() for name in _RMS]
    values += [floor["rms"]["value"] for floor in report["noise_floor"].values()]
    panels[0].set_xlim(0, FURTHEST_SHARE * max([*values, 1e-9]))
    panels[0].set_yticks(range(len(TARGETS)), [LABELS[target] for target in TARGETS])
    panels[0].invert_yaxis()
    particles = report["particles"]
    few = f"; no intervals, which need {FEWEST} particles: here {particles}" if particles < FEWEST else ""
    figure.supxlabel(f"Change of a column's count, r.m.s. (atoms){few}", fontsize=10)
    figure.legend(handles=_key(), ncols=3, loc="outside upper center", frameon=False)
    return figure


def _panel(axes: Axes, targets: Mapping[str, Any], noise_floor: Mapping[str, Any]) -> None:
    places = np.arange(len(TARGETS))
    should, did = (np.array([targets[target][name]["value"] for target in TARGETS]) for name in _RMS)
    noise = np.array([noise_floor[target]["rms"]["value"] for target in TARGETS])
    axes.barh(places, should, height=0.6, color=SHOULD)
    axes.vlines(noise, places - 0.3, places + 0.3, color=NOISE, linewidth=2)
    axes.plot(did, places, "o", color=DID)
    for place, target in enumerate(TARGETS):
        ends = [targets[target]["predicted_rms"][end] for end in ("low", "high")]
        if None not in ends:
            axes.plot(ends, [place, place], color=DID, linewidth=1.5)
        reach = max(should[place], did[place], noise[place], ends[1] or 0)
        axes.annotate(_words(targets[target]), (reach, place), (6, 0), textcoords="offset points", va="center", size=8)
    axes.spines[["top", "right"]].set_visible(False)


def _words(found: Mapping[str, Any]) -> str:
    response = found["response"]
    if response["value"] is None:
        return "should stay"
    value, low, high = (None if response[name] is None else round(100 * response[name]) for name in _INTERVAL)
    return f"sees {value} %" if low is None else f"sees {value} % ({low} to {high} %)"


def _key() -> list[Patch | Line2D]:
    return [
        Patch(color=SHOULD, label="should move"),
        Line2D([], [], color=DID, marker="o", linestyle="", label="moved"),
        Line2D(
            [],
            [],
            color=NOISE,
            marker="|",
            markersize=10,
            markeredgewidth=2,
            linestyle="",
            label="moves by noise alone",
        ),
    ]
