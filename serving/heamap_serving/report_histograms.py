"""Histograms of a report: counts and in-column fractions, an element a row."""

from collections.abc import Sequence

import numpy as np

from heamap.elements import COLOURS
from heamap_serving.report_plots import Floats, Plot, plot

ROW_GAP, COL_GAP = 0.03, 0.04
"""Between histograms, shares of the plot."""


def histograms(counts: Floats, shares: Floats, elements: Sequence[str], indices: Sequence[int]) -> Plot:
    """Counts and in-column fractions, one row an element, on common scales.

    Parameters
    ----------
    counts, shares : (n, 5) atoms and in-column fractions
    elements, indices : to draw, and their places in the order of ``ELEMENTS``
    """
    rows = len(elements)
    most = int(np.ceil(counts.max(initial=4.0)))
    sides = (
        (counts, np.arange(-0.5, most + 1.0), "atoms", "atoms in the column"),
        (100 * shares, np.arange(0, 101, 4.0), "%", "share of the column's atoms (%)"),
    )
    bars: list[Plot] = []
    means: list[Plot] = []
    axes: Plot = {}
    for row, (element, index) in enumerate(zip(elements, indices, strict=True)):
        for col, (of_all, edges, unit, title) in enumerate(sides):
            number, values = _axis_number(row, col), of_all[:, index]
            found, _ = np.histogram(np.clip(values, edges[0], edges[-1] - 1e-6), bins=edges)
            bars.append(
                {
                    "type": "bar",
                    "name": element,
                    "x": ((edges[:-1] + edges[1:]) / 2).tolist(),
                    "y": found.tolist(),
                    "width": 0.9 * float(edges[1] - edges[0]),
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                    "marker": {"color": COLOURS[element]},
                    "hovertemplate": f"{element}, %{{x:.3g}} {unit}: %{{y}} columns<extra></extra>",
                }
            )
            if len(values):
                mean = float(values.mean())
                ends = {"x0": mean, "x1": mean, "y0": 0, "y1": 1, "xref": f"x{number}", "yref": f"y{number} domain"}
                means.append({"type": "line", "line": {"dash": "dash", "width": 1.5}, **ends})
            axes[f"xaxis{number}"], axes[f"yaxis{number}"] = _histogram_axes(row, col, rows, element, title)
    layout = {**axes, "shapes": means, "showlegend": False, "bargap": 0}
    return plot(bars, layout, {"l": 64, "r": 12, "t": 12, "b": 52}, height=110 * rows + 70)


def _axis_number(row: int, col: int) -> str:
    """Plotly counts axes from 1 and leaves the 1 out."""
    return "" if row == col == 0 else str(2 * row + col + 1)


def _histogram_axes(row: int, col: int, rows: int, element: str, title: str) -> tuple[Plot, Plot]:
    """Axes of one histogram; those of the bottom row lead, its first y axis leads all."""
    number, lowest, leading = (_axis_number(*place) for place in ((row, col), (rows - 1, col), (rows - 1, 0)))
    width, height = (1 - COL_GAP) / 2, (1 - ROW_GAP * (rows - 1)) / rows
    left, top = col * (width + COL_GAP), 1 - row * (height + ROW_GAP)
    x: Plot = {"anchor": f"y{number}", "domain": [left, left + width]}
    y: Plot = {"anchor": f"x{number}", "domain": [max(top - height, 0.0), top], "nticks": 4, "rangemode": "tozero"}
    x |= {"title": {"text": title}} if number == lowest else {"matches": f"x{lowest}", "showticklabels": False}
    y |= {"title": {"text": f"<b>{element}</b>"}} if col == 0 else {"showticklabels": False}
    if number != leading:
        y["matches"] = f"y{leading}"
    return x, y
