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
from heamap_serving.composition import SHARED, TOLD, Composition
from heamap_serving.page_numbers import Field, packed, significant
from heamap_serving.pictures import Thinned

COLUMN_COLOUR = "#56B4E9"
DOUBT_COLOUR = "#E69F00"
SUM_COLOURS = {NI_CO_FE: "#7F7F7F", TOTAL: "#7F7F7F"}
NAMES = {NI_CO_FE: "Ni+Co+Fe", TOTAL: "total"}

RING_NM = 0.12
"""Diameter of the mark of a column, at first sight of the whole image."""

SHOWN_POINTS = 620
"""Longest side of the picture on the page, about."""

CALIBRATED_SYMBOL, OTHER_SYMBOL = "circle-open", "diamond-open"
"""Of a column whose total lies where the intervals were calibrated, and of another; the page chooses."""

MOST_SVG_COLUMNS = 4000
"""More columns are drawn by WebGL, which has no elements for single markers but stays quick."""

FIELDS = ("column", "row", "col", "calibrated", "counted")
"""Of a column, before count, low and high of every target."""

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
    origin_angstrom: tuple[float, float],
    columns: int,
    certainty: Certainty | None,
    *,
    counted: bool,
) -> Plot:
    """The micrograph and its columns; the page puts in the picture and ``numbers``, and marks the column in focus.

    Parameters
    ----------
    shown : what the pictures were made of, for their pixel size
    origin_angstrom : place of the image's first pixel along rows and columns
    columns : how many there are
    counted : atom counting gives totals
    """
    step = sampling_angstrom / 10
    pixel = shown.stride * step
    top, left = (place / 10 + shown.first * step for place in origin_angstrom)
    rows, cols = shown.values.shape[:2]
    ring = float(np.clip(RING_NM * SHOWN_POINTS / (max(rows, cols) * pixel), 3, 10))
    picture = {
        "type": "image",
        "name": "image",
        "hoverinfo": "skip",
        "x0": left,
        "y0": top,
        "dx": pixel,
        "dy": pixel,
    }
    marks = {
        "type": _kind(columns),
        "mode": "markers",
        "name": "columns",
        "hovertemplate": _hover(certainty, counted) + "<extra></extra>",
        "marker": {
            "symbol": CALIBRATED_SYMBOL,
            "color": COLUMN_COLOUR,
            "size": ring,
            "line": {"width": 0.6 + 0.1 * ring},
        },
    }
    axis = {"showgrid": False, "zeroline": False, "ticks": "outside", "constrain": "domain"}
    x_range, y_range = (
        [left - pixel / 2, left + (cols - 0.5) * pixel],
        [top + (rows - 0.5) * pixel, top - pixel / 2],
    )
    layout = {
        "xaxis": {"title": {"text": "x (nm)"}, "range": x_range, **axis},
        "yaxis": {"title": {"text": "y (nm)"}, "range": y_range, "scaleanchor": "x", **axis},
        "hovermode": "closest",
        "dragmode": "pan",
        "showlegend": False,
    }
    # Above the picture is room for the tools, which would lie on its columns.
    return plot([picture, marks], layout, {"l": 56, "r": 12, "t": 36, "b": 48})


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
        said = f"{share:.1f} % [{low:.1f}, {high:.1f}]" if found.way != TOLD else f"{share:.1f} %, as told"
        points.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [share],
                "y": [name_of(target)],
                "marker": {"size": 11, "color": COLOURS.get(target, SUM_COLOURS[NI_CO_FE])},
                "error_x": {"array": [high - share], "arrayminus": [share - low], "thickness": 2, "width": 6},
                "hovertemplate": f"{name_of(target)} {said}<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": f"share of all atoms (%), {label}"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed"},
        "showlegend": False,
    }
    return plot(points, layout, {"l": 84, "r": 12, "t": 12, "b": 52}, height=330)


def counting(columns: int, unit: str, *, counted: bool) -> Plot:
    """Totals of the network and of atom counting against the integrated intensity of each column.

    The page puts in ``numbers``: of each trace what its ``meta`` names along y.

    Parameters
    ----------
    columns : how many there are
    unit : of the intensity
    counted : atom counting gives totals
    """
    ways = [("network", "network", "#0072B2", "circle-open")]
    if counted:
        ways.append(("atom counting", "counted", "#D55E00", "x-thin-open"))
    points = [
        {
            "type": _kind(columns),
            "mode": "markers",
            "name": name,
            "meta": field,
            "marker": {"size": 7, "color": colour, "symbol": symbol, "line": {"width": 1.5}},
            "hovertemplate": f"column %{{pointNumber}}: {name} %{{y:.1f}} atoms<extra></extra>",
        }
        for name, field, colour, symbol in ways
    ]
    layout = {
        "xaxis": {"title": {"text": f"integrated intensity of the column ({unit})"}},
        "yaxis": {"title": {"text": "atoms in the column"}, "rangemode": "tozero"},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    return plot(points, layout, {"l": 56, "r": 12, "t": 36, "b": 52}, height=330)


def numbers(
    positions_nm: Floats, places_px: Floats, counts: Floats, certainty: Certainty | None, counted: AtomCounting
) -> dict[str, Any]:
    """What the page knows of every column, packed.

    ``FIELDS``, then count, low and high of every target, are what a column says; ``x`` and ``y`` (nm), ``intensity``
    and ``network`` (its total) are drawn. Numbers are rounded as they are shown: rounded twice, 9.549 would be shown
    as 9.6.

    Parameters
    ----------
    positions_nm : (n, 2) row and column
    places_px : (n, 2) row and column in pixels of the file
    counts : (n, 5) atoms
    """
    fields = [
        Field("column", np.arange(len(counts))),
        Field("row", places_px[:, 0], 1),
        Field("col", places_px[:, 1], 1),
        Field("calibrated", None if certainty is None else certainty.calibrated),
        Field("counted", counted.totals, 1),
    ]
    atoms = with_sums(counts)
    for index, name in enumerate(TARGETS):
        ends = (None, None) if certainty is None else (certainty.low[:, index], certainty.high[:, index])
        fields.append(Field(name, atoms[:, index], 1))
        fields.extend(Field(f"{end}_{name}", values) for end, values in zip(("low", "high"), ends, strict=True))
    drawn = (
        Field("x", positions_nm[:, 1], 4),
        Field("y", positions_nm[:, 0], 4),
        Field("intensity", counted.intensities, significant(counted.intensities, 6)),
        Field("network", atoms[:, TARGETS.index(TOTAL)], 2),
    )
    return packed((*fields, *drawn), len(counts))


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
