"""The interactive plots of a report as ``data`` and ``layout`` of plotly.js, which draws them in the reader's browser.

Plain dictionaries: Plotly's own objects check every attribute of every page anew, a test here checks them once.
Colours of text and grid are left to the page.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import COLOURS
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL, with_sums
from heamap_serving.atom_counting import AtomCounting
from heamap_serving.certainty import Certainty
from heamap_serving.composition import SHARED, Composition
from heamap_serving.pictures import Thinned

COLUMN_COLOUR = "#56B4E9"
DOUBT_COLOUR = "#E69F00"
SUM_COLOURS = {NI_CO_FE: "#7F7F7F", TOTAL: "#7F7F7F"}
NAMES = {NI_CO_FE: "Ni+Co+Fe", TOTAL: "total"}

RING_NM = 0.12
"""Diameter of the mark of a column, at first sight of the whole image."""

SHOWN_POINTS = 620
"""Longest side of the picture on the page, about."""

MOST_SVG_COLUMNS = 4000
"""More columns are drawn by WebGL, which has no elements for single markers but stays quick."""

FIELDS = ("column", "row", "col", "calibrated", "counted")
"""Of ``customdata``, before count, low and high of every target."""

Floats = npt.NDArray[np.float64]
Plot = dict[str, Any]


def name_of(target: str) -> str:
    return NAMES.get(target, target)


def plot(data: list[Plot], layout: Plot, margin: dict[str, int], height: int | None = None) -> Plot:
    """Traces and layout in the style of all plots; ``margin`` and ``height`` in pixels."""
    whole: Plot = {
        **layout,
        "margin": margin,
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
    }
    if height is not None:
        whole["height"] = height
    return {"data": data, "layout": whole}


def view(
    shown: Thinned,
    sampling_angstrom: float,
    positions: Floats,
    certainty: Certainty | None,
    *,
    counted: bool,
) -> Plot:
    """The micrograph and its columns; the page puts in the picture and marks the column in focus.

    What the columns say is ``column_data``, put in by the caller.

    Parameters
    ----------
    shown : what the pictures were made of, for their pixel size
    positions : (n, 2) row and column in pixels of the maps
    counted : atom counting gives totals
    """
    step = sampling_angstrom / 10
    first, pixel = shown.first * step, shown.stride * step
    rows, cols = shown.values.shape[:2]
    y, x = (positions * step).round(4).T
    ring = float(np.clip(RING_NM * SHOWN_POINTS / (max(rows, cols) * pixel), 3, 10))
    trusted = certainty is None or bool(certainty.calibrated.all())
    picture = {
        "type": "image",
        "name": "image",
        "hoverinfo": "skip",
        "x0": first,
        "y0": first,
        "dx": pixel,
        "dy": pixel,
    }
    columns = {
        "type": _kind(len(positions)),
        "mode": "markers",
        "name": "columns",
        "x": x.tolist(),
        "y": y.tolist(),
        "hovertemplate": _hover(certainty, counted) + "<extra></extra>",
        "marker": {
            "symbol": "circle-open" if trusted else _symbols(certainty),
            "color": COLUMN_COLOUR,
            "size": ring,
            "line": {"width": 0.6 + 0.1 * ring},
        },
    }
    axis = {"showgrid": False, "zeroline": False, "ticks": "outside", "constrain": "domain"}
    x_range, y_range = (
        [first - pixel / 2, first + (cols - 0.5) * pixel],
        [first + (rows - 0.5) * pixel, first - pixel / 2],
    )
    layout = {
        "xaxis": {"title": {"text": "x (nm)"}, "range": x_range, **axis},
        "yaxis": {"title": {"text": "y (nm)"}, "range": y_range, "scaleanchor": "x", **axis},
        "hovermode": "closest",
        "dragmode": "pan",
        "showlegend": False,
    }
    return plot([picture, columns], layout, {"l": 56, "r": 12, "t": 12, "b": 48})


def composition(found: Composition, elements: Sequence[str], label: str) -> Plot:
    """Shares of the image with their intervals, top down.

    Parameters
    ----------
    label : what the intervals are called
    """
    points = []
    for target in (*elements, NI_CO_FE):
        index = SHARED.index(target)
        share, low, high = (100 * float(values[index]) for values in (found.shares, found.low, found.high))
        points.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [share],
                "y": [name_of(target)],
                "marker": {"size": 11, "color": COLOURS.get(target, SUM_COLOURS[NI_CO_FE])},
                "error_x": {"array": [high - share], "arrayminus": [share - low], "thickness": 2, "width": 6},
                "hovertemplate": f"{name_of(target)} {share:.1f} % [{low:.1f}, {high:.1f}]<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": f"share of all atoms (%), {label}"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed"},
        "showlegend": False,
    }
    return plot(points, layout, {"l": 84, "r": 12, "t": 12, "b": 52}, height=330)


def counting(found: AtomCounting, totals: Floats, unit: str) -> Plot:
    """Totals of the network and of atom counting against the integrated intensity of each column.

    Parameters
    ----------
    totals : (n,) atoms, by the network
    unit : of the intensity
    """
    x = [float(f"{value:.5g}") for value in found.intensities]
    ways = [("network", totals, "#0072B2", "circle-open")]
    if found.totals is not None:
        ways.append(("atom counting", found.totals, "#D55E00", "x-thin-open"))
    points = [
        {
            "type": _kind(len(totals)),
            "mode": "markers",
            "name": name,
            "x": x,
            "y": values.round(2).tolist(),
            "marker": {"size": 7, "color": colour, "symbol": symbol, "line": {"width": 1.5}},
            "hovertemplate": f"column %{{pointNumber}}: {name} %{{y:.1f}} atoms<extra></extra>",
        }
        for name, values, colour, symbol in ways
    ]
    layout = {
        "xaxis": {"title": {"text": f"integrated intensity of the column ({unit})"}},
        "yaxis": {"title": {"text": "atoms in the column"}, "rangemode": "tozero"},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    return plot(points, layout, {"l": 56, "r": 12, "t": 36, "b": 52}, height=330)


def column_data(
    places_px: Floats, counts: Floats, certainty: Certainty | None, counted: npt.NDArray[np.float64] | None
) -> list[list[Any]]:
    """``FIELDS``, then count, low and high of every target, for each column; what is not known is None.

    Numbers are rounded as they are shown: rounded twice, 9.549 would be shown as 9.6.

    Parameters
    ----------
    places_px : (n, 2) row and column in pixels of the file
    counts : (n, 5) atoms
    counted : (n,) totals by atom counting, if any
    """
    number = len(counts)
    nothing: list[Any] = [None] * number
    fields = [list(range(number)), _rounded(places_px[:, 0]), _rounded(places_px[:, 1])]
    fields.append(nothing if certainty is None else certainty.calibrated.astype(int).tolist())
    fields.append(nothing if counted is None else _rounded(counted))
    for target, count in enumerate(with_sums(counts).T):
        fields.append(_rounded(count))
        both = (None, None) if certainty is None else (certainty.low, certainty.high)
        fields.extend(nothing if ends is None else ends[:, target].tolist() for ends in both)
    return [list(row) for row in zip(*fields, strict=True)]


def _rounded(values: Floats) -> list[float]:
    return [round(value, 1) for value in values.tolist()]


def _symbols(certainty: Certainty | None) -> list[str]:
    marks = [] if certainty is None else certainty.calibrated.tolist()
    return ["circle-open" if known else "diamond-open" for known in marks]


def _hover(certainty: Certainty | None, counted: bool) -> str:
    lines = ["column %{customdata[0]}"]
    for index in (TARGETS.index(TOTAL), *range(len(TARGETS) - 1)):
        at = len(FIELDS) + 3 * index
        ends = "" if certainty is None else f" [%{{customdata[{at + 1}]}}, %{{customdata[{at + 2}]}}]"
        lines.append(f"{name_of(TARGETS[index])} %{{customdata[{at}]:.1f}}{ends}")
    if counted:
        lines.append("atom counting: total %{customdata[4]:.1f}")
    return "<br>".join(lines)


def _kind(columns: int) -> str:
    return "scatter" if columns <= MOST_SVG_COLUMNS else "scattergl"
