"""The picture of one micrograph: image with columns, five maps, counts and in-column fractions."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage

from heamap.elements import COLOURS, ELEMENTS
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL, with_sums
from heamap_serving.certainty import Certainty
from heamap_serving.pictures import MAP_COLOURS, Thinned, grey_limits, map_ceiling, thinned

WIDTH = 13.5
"""Of the picture, in inches."""

RING_ANGSTROM = 1.2
"""Diameter of the ring around a column."""

MOSAICS = {1: "IIat", 2: "IIat;IIb.", 3: "IIat;IIbc", 4: "IIabt;IIcd.", 5: "IIabt;IIcde"}
"""Panels by the number of elements: image (I), maps (a to e), total (t)."""

NO_SKILL = "no better than total × composition\non test images"
"""Below the map of an element that the model does not tell apart."""

Floats = npt.NDArray[np.floating]


def draw(
    *,
    title: str,
    image: Floats,
    maps: Floats,
    positions: Floats,
    counts: Floats,
    shares: Floats,
    certainty: Certainty | None,
    doubted: tuple[str, ...],
    remarks: tuple[str, ...],
    sampling_angstrom: float,
    elements: tuple[str, ...] = ELEMENTS,
) -> Figure:
    """Draw Figs 7 and 8 of Ragone et al. (2022) for one micrograph, with the total as a sixth map.

    Parameters
    ----------
    image, maps : (rows, cols) and (rows, cols, 5), one pixel size
    positions : (n, 2) row and column in pixels
    counts, shares : (n, 5) atoms and in-column fractions
    certainty : intervals of the counts, if any
    doubted : elements whose maps bear the remark ``NO_SKILL``
    remarks : lines for the foot of the picture
    sampling_angstrom : pixel size
    elements : to draw, in the order of ``ELEMENTS``
    """
    chosen = [ELEMENTS.index(element) for element in elements]
    maps_height = float(np.clip(0.4 * WIDTH * image.shape[0] / image.shape[1], 2.8, 8.0)) + 1.7
    heights = (maps_height, 0.9 + 0.7 * len(elements), *[0.1 + 0.18 * len(remarks)] * bool(remarks))
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    top, bottom, *foot = (figure.add_subfigure(grid[row]) for row in range(len(heights)))
    names = "abcde"[: len(elements)]
    panels = top.subplot_mosaic(MOSAICS[len(elements)])
    _draw_image(panels["I"], image, positions, sampling_angstrom)
    shown = thinned(maps)
    layers, total = shown.values[..., chosen], shown.values.sum(axis=-1)
    ceiling = map_ceiling(layers.max(axis=-1))
    extent = _extent(shown, sampling_angstrom)
    drawn = [
        _draw_map(panels[name], layers[..., place], element, COLOURS[element], ceiling, extent)
        for place, (name, element) in enumerate(zip(names, elements, strict=True))
    ]
    for name, element in zip(names, elements, strict=True):
        if element in doubted:
            panels[name].set_xlabel(NO_SKILL, fontsize=9)
    whole = _draw_map(panels["t"], total, "all five", "black", map_ceiling(total), extent)
    widths = _widths(certainty, counts)
    if certainty is not None and widths:
        reach = f"{certainty.level:.0%} interval: total {widths[TOTAL]},\nNi+Co+Fe {widths[NI_CO_FE]}"
        panels["t"].set_xlabel(reach, fontsize=9)
    top.colorbar(whole, ax=panels["t"], label="atoms", shrink=0.9)
    top.colorbar(drawn[-1], ax=panels[names[-1]], label="atoms, each element", shrink=0.9)
    most = int(np.ceil(counts.max(initial=4.0)))
    halves = bottom.add_gridspec(1, 2)
    left, right = (bottom.add_subfigure(halves[half]) for half in range(2))
    label = "atoms in the column" if certainty is None else f"atoms in the column ({certainty.level:.0%} interval)"
    _draw_histograms(left, elements, counts[:, chosen], [number - 0.5 for number in range(most + 2)], label, "", widths)
    _draw_histograms(
        right,
        elements,
        100 * shares[:, chosen],
        [4.0 * number for number in range(26)],
        "share of the column's atoms (%)",
        " %",
        {},
    )
    for strip in foot:
        strip.text(0.01, 0.5, "\n".join(remarks), va="center", fontsize=9)
    figure.suptitle(title, fontsize=13, fontweight="bold")
    return figure


def _extent(shown: Thinned, sampling_angstrom: float) -> tuple[float, float, float, float]:
    """Edges in nm: centres of the image's pixels lie at multiples of the pixel size."""
    step = sampling_angstrom / 10
    rows, cols = (length * shown.stride for length in shown.values.shape[:2])
    return (-step / 2, (cols - 0.5) * step, (rows - 0.5) * step, -step / 2)


def _draw_image(axes: Axes, image: Floats, positions: Floats, sampling_angstrom: float) -> None:
    shown = thinned(image)
    low, high = grey_limits(shown.values)
    axes.imshow(shown.values, cmap="gray", vmin=low, vmax=high, extent=_extent(shown, sampling_angstrom))
    points_per_angstrom = 0.36 * WIDTH * 72 / (max(image.shape) * sampling_angstrom)
    ring = float(np.clip(RING_ANGSTROM * points_per_angstrom, 1.2, 9.0))
    y, x = (positions * sampling_angstrom / 10).T
    axes.plot(x, y, "o", ms=ring, mfc="none", mec="#56B4E9", mew=0.15 + 0.08 * ring)
    axes.set_title(f"HAADF image, {len(positions)} columns", fontsize=11)
    axes.set_xlabel("x (nm)")
    axes.set_ylabel("y (nm)")


def _draw_map(
    axes: Axes, layer: Floats, name: str, color: str, ceiling: float, extent: tuple[float, float, float, float]
) -> AxesImage:
    shown = axes.imshow(layer, cmap=MAP_COLOURS, vmin=0, vmax=ceiling, extent=extent)
    axes.set_title(name, fontsize=12, fontweight="bold", color=color)
    axes.set_xticks([])
    axes.set_yticks([])
    return shown


def _widths(certainty: Certainty | None, counts: Floats) -> dict[str, str]:
    """How far below and above its count the interval of a column reaches on average, of each target."""
    if certainty is None or not len(counts):
        return {}
    below, above = ((end - with_sums(counts)).mean(axis=0) for end in (certainty.low, certainty.high))
    reaches = zip(TARGETS, below, above, strict=True)
    return {target: f"{low:+.1f} to {high:+.1f}" for target, low, high in reaches}


def _draw_histograms(
    panel: SubFigure,
    elements: tuple[str, ...],
    values: Floats,
    bins: list[float],
    label: str,
    unit: str,
    widths: Mapping[str, str],
) -> None:
    """One histogram an element, below each other on one scale; what lies outside falls into the outermost bins."""
    rows = panel.subplots(len(elements), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, element, column in zip(rows, elements, values.T, strict=True):
        color = COLOURS[element]
        axes.hist(np.clip(column, bins[0], bins[-1]), bins=bins, color=color, alpha=0.85, ec="white", lw=0.5)
        if len(column):
            axes.axvline(column.mean(), color="black", lw=1, ls="--")
            text = f"mean {column.mean():.1f}{unit}" + (f"; a column {widths[element]}" if widths else "")
            plain = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
            axes.text(0.99, 0.9, text, ha="right", va="top", fontsize=9, transform=axes.transAxes, bbox=plain)
        axes.set_ylabel(element, color=color, fontweight="bold", rotation=0, ha="right", va="center")
        axes.spines[["top", "right"]].set_visible(False)
        axes.locator_params(axis="y", nbins=3)
    rows[-1].set_xlim(bins[0], bins[-1])
    rows[-1].locator_params(axis="x", integer=True)
    rows[-1].set_xlabel(label)
    panel.supylabel("columns", y=0.56, fontsize=10)
