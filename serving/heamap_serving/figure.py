"""The picture of one micrograph: image with columns, five maps, counts and in-column fractions."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage

from heamap.elements import COLOURS, ELEMENTS
from heamap_serving.certainty import Certainty

WIDTH = 13.5
"""Of the picture, in inches."""

MAX_SHOWN = 1200
"""Longest side of a drawn image in pixels; larger ones are thinned out."""

RING_ANGSTROM = 1.2
"""Diameter of the ring around a column."""

Floats = npt.NDArray[np.floating]


def draw(
    path: Path,
    *,
    title: str,
    image: Floats,
    maps: Floats,
    positions: Floats,
    counts: Floats,
    shares: Floats,
    certainty: Certainty | None,
    remarks: tuple[str, ...],
    sampling_angstrom: float,
) -> None:
    """Draw Figs 7 and 8 of Ragone et al. (2022) for one micrograph, with the total as a sixth map.

    Parameters
    ----------
    image, maps : (rows, cols) and (rows, cols, 5), one pixel size
    positions : (n, 2) row and column in pixels
    counts, shares : (n, 5) atoms and in-column fractions
    certainty : intervals of the counts, if any
    remarks : lines for the foot of the picture
    sampling_angstrom : pixel size
    """
    maps_height = float(np.clip(0.4 * WIDTH * image.shape[0] / image.shape[1], 2.8, 8.0)) + 0.9
    figure = Figure(figsize=(WIDTH, maps_height + 4.4), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 1, height_ratios=(maps_height, 4.4))
    top, bottom = (figure.add_subfigure(grid[row]) for row in range(2))
    panels = top.subplot_mosaic("IIabt;IIcde")
    _draw_image(panels["I"], image, positions, sampling_angstrom)
    total = maps.sum(axis=-1)
    ceiling = _ceiling(maps.max(axis=-1))
    drawn = [
        _draw_map(panels[name], layer, element, color, ceiling, sampling_angstrom)
        for name, element, color, layer in zip(
            "abcde", ELEMENTS, COLOURS.values(), np.moveaxis(maps, -1, 0), strict=True
        )
    ]
    whole = _draw_map(panels["t"], total, "all five", "black", _ceiling(total), sampling_angstrom)
    top.colorbar(whole, ax=panels["t"], label="atoms", shrink=0.9)
    top.colorbar(drawn[-1], ax=panels["e"], label="atoms, each element", shrink=0.9)
    most = int(np.ceil(counts.max(initial=4.0)))
    halves = bottom.add_gridspec(1, 2)
    left, right = (bottom.add_subfigure(halves[half]) for half in range(2))
    label = "atoms in the column" if certainty is None else f"atoms in the column ({certainty.level:.0%} interval)"
    _draw_histograms(left, counts, [number - 0.5 for number in range(most + 2)], label, "", _widths(certainty, counts))
    _draw_histograms(
        right, 100 * shares, [4.0 * number for number in range(26)], "share of the column's atoms (%)", " %", None
    )
    if remarks:
        figure.text(0.01, 0.005, "; ".join(remarks), fontsize=9)
    figure.suptitle(title, fontsize=13, fontweight="bold")
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _ceiling(layer: Floats) -> float:
    return max(float(np.percentile(_thinned(layer), 99.8)), 1.0)


def _extent(shape: tuple[int, ...], sampling_angstrom: float) -> tuple[float, float, float, float]:
    """Edges in nm: pixel centres lie at multiples of the pixel size."""
    step = sampling_angstrom / 10
    return (-step / 2, (shape[1] - 0.5) * step, (shape[0] - 0.5) * step, -step / 2)


def _thinned(image: Floats) -> Floats:
    stride = -(-max(image.shape) // MAX_SHOWN)
    return image[::stride, ::stride]


def _draw_image(axes: Axes, image: Floats, positions: Floats, sampling_angstrom: float) -> None:
    shown = _thinned(image)
    low, high = np.percentile(shown, (0.5, 99.8))
    axes.imshow(shown, cmap="gray", vmin=low, vmax=high, extent=_extent(image.shape, sampling_angstrom))
    points_per_angstrom = 0.36 * WIDTH * 72 / (max(image.shape) * sampling_angstrom)
    ring = float(np.clip(RING_ANGSTROM * points_per_angstrom, 1.2, 9.0))
    y, x = (positions * sampling_angstrom / 10).T
    axes.plot(x, y, "o", ms=ring, mfc="none", mec="#56B4E9", mew=0.15 + 0.08 * ring)
    axes.set_title(f"HAADF image, {len(positions)} columns", fontsize=11)
    axes.set_xlabel("x (nm)")
    axes.set_ylabel("y (nm)")


def _draw_map(axes: Axes, layer: Floats, name: str, color: str, ceiling: float, sampling_angstrom: float) -> AxesImage:
    extent = _extent(layer.shape, sampling_angstrom)
    shown = axes.imshow(_thinned(layer), cmap="magma", vmin=0, vmax=ceiling, extent=extent)
    axes.set_title(name, fontsize=12, fontweight="bold", color=color)
    axes.set_xticks([])
    axes.set_yticks([])
    return shown


def _widths(certainty: Certainty | None, counts: Floats) -> list[str] | None:
    """How far below and above its count the interval of a column reaches on average, of each element."""
    if certainty is None or not len(counts):
        return None
    ends = (certainty.low, certainty.high)
    below, above = ((end[:, : len(ELEMENTS)] - counts).mean(axis=0) for end in ends)
    return [f" a column {low:+.1f} to {high:+.1f}" for low, high in zip(below, above, strict=True)]


def _draw_histograms(
    panel: SubFigure, values: Floats, bins: list[float], label: str, unit: str, widths: list[str] | None
) -> None:
    """One histogram an element, below each other on one scale; what lies outside falls into the outermost bins."""
    rows = panel.subplots(len(ELEMENTS), 1, sharex=True, sharey=True)
    notes = widths or [""] * len(ELEMENTS)
    for axes, element, color, column, note in zip(rows, ELEMENTS, COLOURS.values(), values.T, notes, strict=True):
        axes.hist(np.clip(column, bins[0], bins[-1]), bins=bins, color=color, alpha=0.85, ec="white", lw=0.5)
        if len(column):
            axes.axvline(column.mean(), color="black", lw=1, ls="--")
            text = f"mean {column.mean():.1f}{unit}" + (f";{note}" if note else "")
            axes.text(0.99, 0.9, text, ha="right", va="top", fontsize=9, transform=axes.transAxes)
        axes.set_ylabel(element, color=color, fontweight="bold", rotation=0, ha="right", va="center")
        axes.spines[["top", "right"]].set_visible(False)
        axes.locator_params(axis="y", nbins=3)
    rows[-1].set_xlim(bins[0], bins[-1])
    rows[-1].locator_params(axis="x", integer=True)
    rows[-1].set_xlabel(label)
    panel.supylabel("columns", y=0.56, fontsize=10)
