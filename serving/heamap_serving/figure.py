"""The picture of one micrograph: image with columns, five maps, counts and in-column fractions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from heamap.elements import COLOURS, ELEMENTS
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL, with_sums
from heamap_serving.certainty import Certainty
from heamap_serving.figure_layout import IMAGE_WIDTH, WIDTH, Box, arrange
from heamap_serving.pictures import MAP_COLOURS, Thinned, grey_limits, map_ceiling, thinned

RING_ANGSTROM = 1.2
"""Diameter of the ring around a column."""

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
    origin_angstrom: tuple[float, float] = (0.0, 0.0),
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
    origin_angstrom : place of the first pixel along rows and columns, for the axes
    """
    chosen = [ELEMENTS.index(element) for element in elements]
    layout = arrange(image.shape, len(elements), len(remarks))
    figure = Figure(figsize=(WIDTH, layout.height), facecolor="white")
    FigureCanvasAgg(figure)

    def panel(box: Box, **options: Any) -> Axes:
        return figure.add_axes(box.shares(layout.height), **options)

    _draw_image(panel(layout.image), image, positions, sampling_angstrom, origin_angstrom)
    shown = thinned(maps)
    layers, total = shown.values[..., chosen], shown.values.sum(axis=-1)
    ceiling = map_ceiling(layers.max(axis=-1))
    extent = _extent(shown, sampling_angstrom, origin_angstrom)
    widths = _widths(certainty, counts)
    for place, (box, element) in enumerate(zip(layout.maps, elements, strict=True)):
        caption = NO_SKILL if element in doubted else ""
        drawn = _draw_map(panel(box), layers[..., place], element, COLOURS[element], ceiling, extent, caption)
    reach = ""
    if certainty is not None and widths:
        reach = f"{certainty.level:.0%} interval: total {widths[TOTAL]},\nNi+Co+Fe {widths[NI_CO_FE]}"
    whole = _draw_map(panel(layout.total), total, "all five", "black", map_ceiling(total), extent, reach)
    figure.colorbar(whole, cax=panel(layout.total_bar), label="atoms")
    figure.colorbar(drawn, cax=panel(layout.element_bar), label="atoms, each element")
    most = int(np.ceil(counts.max(initial=4.0)))
    label = "atoms in the column" if certainty is None else f"atoms in the column ({certainty.level:.0%} interval)"
    bins = [number - 0.5 for number in range(most + 2)]
    _draw_histograms(_stacked(panel, layout.counts), elements, counts[:, chosen], bins, label, "", widths)
    bins = [4.0 * number for number in range(26)]
    label = "share of the column's atoms (%)"
    _draw_histograms(_stacked(panel, layout.shares), elements, 100 * shares[:, chosen], bins, label, " %", {})
    for boxes in (layout.counts, layout.shares):
        across, up = (boxes[0].left - 0.95) / WIDTH, 1 - layout.histograms_middle / layout.height
        figure.text(across, up, "columns", rotation="vertical", ha="center", va="center", fontsize=10)
    figure.text(0.01, 1 - layout.foot_middle / layout.height, "\n".join(remarks), va="center", fontsize=9)
    figure.suptitle(title, y=1 - 0.08 / layout.height, va="top", fontsize=13, fontweight="bold")
    return figure


def _stacked(panel: Callable[..., Axes], boxes: tuple[Box, ...]) -> list[Axes]:
    """Panels below each other on one scale."""
    first = panel(boxes[0])
    return [first, *(panel(box, sharex=first, sharey=first) for box in boxes[1:])]


def pixels(figure: Figure, dpi: int) -> npt.NDArray[np.uint8]:
    """Colours (rows, cols, 3) of the whole picture."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _extent(
    shown: Thinned, sampling_angstrom: float, origin_angstrom: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Edges in nm: centres of the image's pixels lie at multiples of the pixel size from the first."""
    step = sampling_angstrom / 10
    y, x = (place / 10 for place in origin_angstrom)
    rows, cols = (length * shown.stride for length in shown.values.shape[:2])
    return (x - step / 2, x + (cols - 0.5) * step, y + (rows - 0.5) * step, y - step / 2)


def _draw_image(
    axes: Axes, image: Floats, positions: Floats, sampling_angstrom: float, origin_angstrom: tuple[float, float]
) -> None:
    shown = thinned(image)
    low, high = grey_limits(shown.values)
    axes.imshow(
        shown.values, cmap="gray", vmin=low, vmax=high, extent=_extent(shown, sampling_angstrom, origin_angstrom)
    )
    points_per_angstrom = IMAGE_WIDTH * 72 / (max(image.shape) * sampling_angstrom)
    ring = float(np.clip(RING_ANGSTROM * points_per_angstrom, 1.2, 9.0))
    y, x = ((positions * sampling_angstrom + np.asarray(origin_angstrom)) / 10).T
    axes.plot(x, y, "o", ms=ring, mfc="none", mec="#56B4E9", mew=0.15 + 0.08 * ring)
    axes.set_title(f"HAADF image, {len(positions)} columns", fontsize=11)
    axes.set_xlabel("x (nm)")
    axes.set_ylabel("y (nm)")


def _draw_map(
    axes: Axes,
    layer: Floats,
    name: str,
    color: str,
    ceiling: float,
    extent: tuple[float, float, float, float],
    caption: str,
) -> AxesImage:
    shown = axes.imshow(layer, cmap=MAP_COLOURS, vmin=0, vmax=ceiling, extent=extent)
    axes.set_title(name, fontsize=12, fontweight="bold", color=color)
    axes.set_xlabel(caption, fontsize=9)
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
    rows: Sequence[Axes],
    elements: tuple[str, ...],
    values: Floats,
    bins: list[float],
    label: str,
    unit: str,
    widths: Mapping[str, str],
) -> None:
    """One histogram an element, below each other on one scale; what lies outside falls into the outermost bins."""
    most = 1
    for axes, element, column in zip(rows, elements, values.T, strict=True):
        color = COLOURS[element]
        number, edges = np.histogram(np.clip(column, bins[0], bins[-1]), bins=bins)
        axes.add_collection(_bars(edges, number, color))
        most = max(most, int(number.max()))
        if len(column):
            axes.axvline(column.mean(), color="black", lw=1, ls="--")
            text = f"mean {column.mean():.1f}{unit}" + (f"; a column {widths[element]}" if widths else "")
            plain = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
            axes.text(0.99, 0.9, text, ha="right", va="top", fontsize=9, transform=axes.transAxes, bbox=plain)
        axes.set_ylabel(element, color=color, fontweight="bold", rotation=0, ha="right", va="center")
        axes.spines[["top", "right"]].set_visible(False)
        axes.locator_params(axis="y", nbins=3)
        axes.tick_params(labelbottom=axes is rows[-1])
    rows[-1].set_xlim(bins[0], bins[-1])
    rows[-1].set_ylim(0, 1.05 * most)
    rows[-1].locator_params(axis="x", integer=True)
    rows[-1].set_xlabel(label)


def _bars(edges: Floats, heights: npt.NDArray[np.integer], color: str) -> PolyCollection:
    """Bars of a histogram as one thing to draw: each for itself takes as long as all."""
    left, right, foot = edges[:-1], edges[1:], np.zeros(len(heights))
    corners = np.stack([left, foot, left, heights, right, heights, right, foot], axis=-1).reshape(-1, 4, 2)
    return PolyCollection(list(corners), facecolors=color, alpha=0.85, edgecolors="white", linewidths=0.5)
