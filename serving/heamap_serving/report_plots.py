"""The interactive plots of a report, drawn by Plotly in the reader's browser.

Colours of text and grid are left to the page.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

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

NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
"""Stands where the page puts the first layer."""

MOST_SVG_COLUMNS = 4000
"""More columns are drawn by WebGL, which has no elements for single markers but stays quick."""

FIELDS = ("column", "row", "col", "calibrated", "counted")
"""Of ``customdata``, before count, low and high of every target."""

Floats = npt.NDArray[np.float64]


def name_of(target: str) -> str:
    return NAMES.get(target, target)


def view(
    shown: Thinned,
    sampling_angstrom: float,
    positions: Floats,
    certainty: Certainty | None,
    *,
    counted: bool,
) -> go.Figure:
    """The micrograph and its columns; the page changes the picture and marks the column in focus.

    What the columns say is ``column_data``, put in by the caller: it is much, and Plotly would check every number.

    Parameters
    ----------
    shown : what the pictures were made of, for their pixel size
    positions : (n, 2) row and column in pixels of the maps
    counted : atom counting gives totals
    """
    step = sampling_angstrom / 10
    first, pixel = shown.first * step, shown.stride * step
    figure = go.Figure()
    figure.add_trace(
        go.Image(source=NO_PICTURE, x0=first, y0=first, dx=pixel, dy=pixel, hoverinfo="skip", name="image")
    )
    kind = go.Scatter if len(positions) <= MOST_SVG_COLUMNS else go.Scattergl
    y, x = (positions * step).round(4).T
    ring = float(np.clip(RING_NM * SHOWN_POINTS / (max(shown.values.shape[:2]) * pixel), 3, 10))
    trusted = certainty is None or bool(certainty.calibrated.all())
    figure.add_trace(
        kind(
            x=x.tolist(),
            y=y.tolist(),
            mode="markers",
            name="columns",
            hovertemplate=_hover(certainty, counted) + "<extra></extra>",
            marker={
                "symbol": "circle-open" if trusted else _symbols(certainty),
                "color": COLUMN_COLOUR,
                "size": ring,
                "line": {"width": 0.6 + 0.1 * ring},
            },
        )
    )
    rows, cols = shown.values.shape[:2]
    axis = {"showgrid": False, "zeroline": False, "ticks": "outside", "constrain": "domain"}
    figure.update_xaxes(title="x (nm)", range=[first - pixel / 2, first + (cols - 0.5) * pixel], **axis)
    figure.update_yaxes(
        title="y (nm)", range=[first + (rows - 0.5) * pixel, first - pixel / 2], scaleanchor="x", **axis
    )
    figure.update_layout(hovermode="closest", dragmode="pan", showlegend=False)
    return _plain(figure, {"l": 56, "r": 12, "t": 12, "b": 48})


def histograms(counts: Floats, shares: Floats, elements: Sequence[str], indices: Sequence[int]) -> go.Figure:
    """Counts and in-column fractions, one row an element, on common scales.

    Parameters
    ----------
    counts, shares : (n, 5) atoms and in-column fractions
    elements, indices : to draw, and their places in the order of ``ELEMENTS``
    """
    rows = len(elements)
    figure = make_subplots(
        rows=rows, cols=2, shared_xaxes="columns", shared_yaxes="all", vertical_spacing=0.03, horizontal_spacing=0.04
    )
    most = int(np.ceil(counts.max(initial=4.0)))
    for row, (element, index) in enumerate(zip(elements, indices, strict=True), start=1):
        for col, (values, width, last, unit) in enumerate(
            ((counts[:, index], 1.0, most + 0.5, "atoms"), (100 * shares[:, index], 4.0, 100.0, "%")), start=1
        ):
            edges = np.arange(-0.5, most + 1.0) if col == 1 else np.arange(0, 101, 4.0)
            number, _ = np.histogram(np.clip(values, edges[0], last - 1e-6), bins=edges)
            bar = go.Bar(
                x=((edges[:-1] + edges[1:]) / 2).tolist(),
                y=number.tolist(),
                width=0.9 * width,
                name=element,
                marker={"color": COLOURS[element]},
                hovertemplate=f"{element}, %{{x:.3g}} {unit}: %{{y}} columns<extra></extra>",
            )
            figure.add_trace(bar, row=row, col=col)
            if len(values):
                figure.add_vline(x=float(values.mean()), line={"dash": "dash", "width": 1.5}, row=row, col=col)
        figure.update_yaxes(title=f"<b>{element}</b>", row=row, col=1)
    figure.update_xaxes(title="atoms in the column", row=rows, col=1)
    figure.update_xaxes(title="share of the column's atoms (%)", row=rows, col=2)
    figure.update_yaxes(nticks=4, rangemode="tozero")
    figure.update_layout(showlegend=False, bargap=0)
    return _plain(figure, {"l": 64, "r": 12, "t": 12, "b": 52}, height=110 * rows + 70)


def composition(found: Composition, elements: Sequence[str], label: str) -> go.Figure:
    """Shares of the image with their intervals, top down.

    Parameters
    ----------
    label : what the intervals are called
    """
    figure = go.Figure()
    for target in (*elements, NI_CO_FE):
        index = SHARED.index(target)
        share, low, high = (100 * float(values[index]) for values in (found.shares, found.low, found.high))
        figure.add_trace(
            go.Scatter(
                x=[share],
                y=[name_of(target)],
                mode="markers",
                marker={"size": 11, "color": COLOURS.get(target, SUM_COLOURS[NI_CO_FE])},
                error_x={"array": [high - share], "arrayminus": [share - low], "thickness": 2, "width": 6},
                hovertemplate=f"{name_of(target)} {share:.1f} % [{low:.1f}, {high:.1f}]<extra></extra>",
            )
        )
    figure.update_xaxes(title=f"share of all atoms (%), {label}", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(showlegend=False)
    return _plain(figure, {"l": 84, "r": 12, "t": 12, "b": 52}, height=330)


def counting(found: AtomCounting, totals: Floats, unit: str) -> go.Figure:
    """Totals of the network and of atom counting against the integrated intensity of each column.

    Parameters
    ----------
    totals : (n,) atoms, by the network
    unit : of the intensity
    """
    figure = go.Figure()
    kind = go.Scatter if len(totals) <= MOST_SVG_COLUMNS else go.Scattergl
    x = [float(f"{value:.5g}") for value in found.intensities]
    figure.add_trace(
        kind(
            x=x,
            y=totals.round(2).tolist(),
            mode="markers",
            name="network",
            marker={"size": 7, "color": "#0072B2", "symbol": "circle-open", "line": {"width": 1.5}},
            hovertemplate="column %{pointNumber}: network %{y:.1f} atoms<extra></extra>",
        )
    )
    if found.totals is not None:
        figure.add_trace(
            kind(
                x=x,
                y=found.totals.round(2).tolist(),
                mode="markers",
                name="atom counting",
                marker={"size": 7, "color": "#D55E00", "symbol": "x-thin-open", "line": {"width": 1.5}},
                hovertemplate="column %{pointNumber}: atom counting %{y:.1f} atoms<extra></extra>",
            )
        )
    figure.update_xaxes(title=f"integrated intensity of the column ({unit})")
    figure.update_yaxes(title="atoms in the column", rangemode="tozero")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"})
    return _plain(figure, {"l": 56, "r": 12, "t": 36, "b": 52}, height=330)


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


def _plain(figure: go.Figure, margin: dict[str, int], height: int | None = None) -> go.Figure:
    figure.update_layout(
        template="none",
        margin=margin,
        height=height,
        autosize=True,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
    )
    return figure
