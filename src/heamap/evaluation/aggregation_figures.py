"""How often elements are found to gather in columns, where they do and where they do not; how alike neighbours are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heamap.elements import ELEMENTS
from heamap.evaluation.claims import AGGREGATED as CLAIMED
from heamap.evaluation.claims import LEAST_DETECTION, MOST_FALSE_ALARMS, highest_share, lowest_share
from heamap.evaluation.model_calibration import AGGREGATED, PLAIN

MODEL, TRUTH = "model", "true counts"
RATES = ("chemistry", "element", "counts", "gathers", "particles", "share", "low", "high", "claimed")
ALIKE = ("chemistry", "element", "shell", "distance_angstrom", "correlation", "standard_error", "images")

_TITLES = {
    AGGREGATED: "Particles in which it gathers (claims need the model's bar above the shade)",
    PLAIN: "Particles in which it does not (claims need the model's bar below the shade)",
}
_NAMES = {AGGREGATED: "gathers in columns", PLAIN: "by chance"}
_MARKS = {MODEL: ("o", "#D55E00", -0.12), TRUTH: ("s", "0.4", 0.12)}
_LINES = {AGGREGATED: ("o", "#D55E00", "-"), PLAIN: ("s", "#0072B2", "-")}
_WORDS_FROM = 1.08
_OTHERS = (("^", "0.35", "--"), ("D", "0.6", ":"))


def rate_table(report: Mapping[str, Any] | None) -> pd.DataFrame:
    """How often each element is found to gather in the test particles where it does, and where it does not.

    Parameters
    ----------
    report : ``heamap.evaluation.model_calibration.judge_aggregation``; None gives an empty table

    Returns
    -------
    one row per chemistry, element and ``counts`` (the model's or the true ones): ``gathers`` of ``particles`` with a
    significant test, their ``share`` (NaN without particles) with the one-sided 95 % ends ``low`` and ``high`` that
    claims are made by, and ``claimed``, particles of which the model said so (0 where its power does not allow it)
    """
    rows: list[dict[str, Any]] = []
    power = None if report is None else report["power"]
    if report is None or power is None:
        return pd.DataFrame(columns=RATES)
    for chemistry, found, of in ((AGGREGATED, "detected", "aggregated"), (PLAIN, "alarms", "plain")):
        images = [image for image in report["images"] if image["chemistry"] == chemistry]
        for index, element in enumerate(ELEMENTS):
            claimed = sum(image["elements"][element]["claim"] == CLAIMED for image in images)
            true = sum(image["true_gathers"][element] for image in images)
            # The model's are those that its claims rest on; a test drawn anew may differ at the edge of significance.
            rows += [
                {"chemistry": chemistry, "element": element, "counts": counts, "claimed": said, **_share(hits, number)}
                for counts, hits, number, said in (
                    (MODEL, power[found][index], power[of][index], claimed),
                    (TRUTH, true, len(images), None),
                )
            ]
    return pd.DataFrame(rows, columns=RATES).astype({"claimed": "Int64"})


def correlogram_table(report: Mapping[str, Any] | None) -> pd.DataFrame:
    """Moran's I of predicted compositions by distance, less that of prediction errors: mean over a chemistry's images.

    Parameters
    ----------
    report : as for ``rate_table``

    Returns
    -------
    one row per chemistry, element and distance shell that any image knows: ``shell`` (0 nearest), mean
    ``distance_angstrom``, mean ``correlation`` with its ``standard_error`` over images (NaN for one), and ``images``
    """
    rows = [
        {"chemistry": image["chemistry"], "element": element, "shell": shell, "distance": distance, "value": value}
        for image in ([] if report is None else report["images"])
        for element in ELEMENTS
        for shell, (distance, value) in enumerate(
            zip(image["correlogram"]["distance_angstrom"], image["correlogram"]["correlation"][element], strict=True)
        )
        if value is not None
    ]
    if not rows:
        return pd.DataFrame(columns=ALIKE)
    return (
        pd.DataFrame(rows)
        .groupby(["chemistry", "element", "shell"], sort=False)
        .agg(
            distance_angstrom=("distance", "mean"),
            correlation=("value", "mean"),
            standard_error=("value", "sem"),
            images=("value", "size"),
        )
        .reset_index()
    )


def aggregation_plot(rates: pd.DataFrame, alike: pd.DataFrame) -> Figure:
    """Above, how often each element is found to gather; below, how alike columns are by distance, a panel an element.

    Shaded are shares by which a model may not claim aggregation: its bar must not reach into them.

    Parameters
    ----------
    rates : ``rate_table``
    alike : ``correlogram_table``
    """
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    number = len(ELEMENTS)
    rows: list[Any] = [[AGGREGATED] * number + [PLAIN] * number, [name for name in ELEMENTS for _ in range(2)]]
    panels = figure.subplot_mosaic(rows, height_ratios=[1, 1.1])
    for chemistry, band in ((AGGREGATED, (0.0, LEAST_DETECTION)), (PLAIN, (MOST_FALSE_ALARMS, 1.0))):
        axes = panels[chemistry]
        axes.axhspan(*band, color="0.93", zorder=0)
        _draw_rates(axes, rates[rates["chemistry"] == chemistry])
        axes.set_title(_TITLES[chemistry], fontsize=10)
    panels[AGGREGATED].set_ylabel("Share found to gather")
    figure.legend(*panels[PLAIN].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    for element in ELEMENTS:
        _draw_correlogram(panels[element], alike[alike["element"] == element])
        panels[element].set_title(element, fontsize=11)
        panels[element].sharey(panels[ELEMENTS[0]])
        if element != ELEMENTS[0]:
            panels[element].tick_params(labelleft=False)
    panels[ELEMENTS[0]].set_ylabel("Moran's I of predicted compositions,\nless that of prediction errors")
    # An element that the model does not see has an empty panel.
    fullest = max(ELEMENTS, key=lambda element: len(panels[element].containers))
    panels[fullest].legend(frameon=False, fontsize=8, title="Chemistry of the particles", title_fontsize=8)
    figure.supxlabel("Distance between columns (Å)", fontsize=10)
    return figure


def _share(hits: int, number: int) -> dict[str, Any]:
    share = hits / number if number else np.nan
    ends = {"low": lowest_share(hits, number), "high": highest_share(hits, number)}
    return {"gathers": hits, "particles": number, "share": share, **ends}


def _draw_rates(axes: Axes, rates: pd.DataFrame) -> None:
    for counts, (marker, colour, shift) in _MARKS.items():
        own = rates[rates["counts"] == counts]
        for row in own[own["particles"] > 0].to_dict("records"):
            place = ELEMENTS.index(row["element"]) + shift
            axes.plot([place, place], [row["low"], row["high"]], color=colour, linewidth=1.5)
            axes.plot(place, row["share"], marker, color=colour)
            words = f"{row['gathers']} of {row['particles']}"
            words += "" if counts == TRUTH else f", {row['claimed']} claimed"
            axes.annotate(words, (place, _WORDS_FROM), rotation=90, ha="center", va="bottom", fontsize=8, color=colour)
        axes.plot([], [], marker, color=colour, label=f"by the {counts}")
    axes.set_xlim(-0.5, len(ELEMENTS) - 0.5)
    axes.set_ylim(-0.05, 1.75)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xticks(range(len(ELEMENTS)), ELEMENTS)


def _draw_correlogram(axes: Axes, alike: pd.DataFrame) -> None:
    axes.axhline(0, color="0.5", linewidth=1)
    others = [name for name in dict.fromkeys(alike["chemistry"]) if name not in _LINES]
    for chemistry, (marker, colour, line) in {**_LINES, **dict(zip(sorted(others), _OTHERS, strict=False))}.items():
        own = alike[alike["chemistry"] == chemistry].sort_values("shell")
        if own.empty:
            continue
        axes.errorbar(
            own["distance_angstrom"],
            own["correlation"],
            yerr=own["standard_error"].fillna(0),
            marker=marker,
            color=colour,
            linestyle=line,
            markersize=4,
            capsize=2,
            label=f"{_NAMES.get(chemistry, chemistry)} ({own['images'].max()})",
        )
