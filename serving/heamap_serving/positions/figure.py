"""The picture of an image whose columns were found but not counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from scipy.spatial import cKDTree

from heamap_serving.figure_layout import WIDTH, Box
from heamap_serving.pictures import MAP_COLOURS, grey_limits, thinned
from heamap_serving.positions.result import PositionsResult

BANNER = "positions only: no atoms were counted"

LEAST_STRAIN, LEAST_TURN_DEGREE = 0.01, 0.5
"""Ends of the colour scales at least: less is noise of positions."""

_STRAIN_COLOURS = "RdBu_r"
_HEAD, _TITLE, _FOOT, _BAR, _MARGIN = 0.95, 0.3, 0.3, 0.85, 0.35
_HISTOGRAM = 1.5
_LINE = 0.19
_MOST_TALL, _LEAST_TALL = 1.4, 0.12
_FLAT = 0.45
"""Height over width of an image whose panels stand below each other."""

_BARS_NM = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Colours:
    """Of a page that the picture stands on."""

    back: str
    text: str
    soft: str
    unknown: str


LIGHT = Colours("#ffffff", "#000000", "#444444", "#b8b8b8")
DARK = Colours("#1a2026", "#e8ecef", "#a5afb8", "#55606a")
"""As ``assets/page.css``."""


def draw_positions(title: str, result: PositionsResult, remarks: tuple[str, ...], colours: Colours = LIGHT) -> Figure:
    """Image with columns, relative intensities and, where there is a lattice, strain and rotation.

    Parameters
    ----------
    title : name of the image
    remarks : lines for the foot of the picture
    """
    tall = float(np.clip(result.image.shape[0] / result.image.shape[1], _LEAST_TALL, _MOST_TALL))
    flat = tall < _FLAT
    images, after = _boxes(2, 1 if flat else 2, _HEAD, tall)
    strained = bool(result.strain.known.any())
    maps, third = _boxes(4, 2 if flat else 4, after, tall) if strained else ((), after)
    height = third + _TITLE + _HISTOGRAM + 0.55 + _LINE * len(remarks)
    figure = Figure(figsize=(WIDTH, height), facecolor=colours.back)
    FigureCanvasAgg(figure)

    def panel(left: float, top: float, width: float, tall_inches: float) -> Axes:
        axes = figure.add_axes(Box(left, top, width, tall_inches).shares(height), facecolor=colours.back)
        axes.tick_params(colors=colours.text, labelcolor=colours.text)
        for spine in axes.spines.values():
            spine.set_color(colours.soft)
        return axes

    view = _View(figure, panel, result, colours)
    # A dollar sign in a file name would start a formula.
    plain = title.replace("$", r"\$")
    figure.suptitle(plain, y=1 - 0.08 / height, va="top", fontsize=13, fontweight="bold", color=colours.text)
    figure.text(0.5, 1 - 0.6 / height, BANNER, ha="center", va="center", fontsize=17, color="#D55E00", weight="bold")
    view.image(images[0])
    relative = result.intensities.relative
    ceiling = float(np.nanpercentile(relative, 99)) if np.isfinite(relative).any() else 1.0
    view.map(
        images[1],
        relative,
        "relative intensity (median column: 1)",
        mpl.colormaps[MAP_COLOURS],
        (0.0, max(ceiling, 1.0)),
    )
    if strained:
        _strain_maps(view, result, maps)
    _histogram(panel(0.8, third + _TITLE, WIDTH - 1.6, _HISTOGRAM), result.intensities.relative, colours)
    below = 1 - (height - 0.06 - _LINE * len(remarks)) / height
    figure.text(0.03, below, "\n".join(remarks), va="top", fontsize=9, color=colours.text)
    return figure


def _boxes(panels: int, across: int, top: float, tall: float) -> tuple[tuple[Box, ...], float]:
    """Places of panels in rows of ``across``, each with room for its colour bar, and where the next thing begins."""
    width = WIDTH / across - _MARGIN - _BAR
    pitch = _TITLE + width * tall + _FOOT
    boxes = [
        Box(_MARGIN + place % across * WIDTH / across, top + _TITLE + place // across * pitch, width, width * tall)
        for place in range(panels)
    ]
    return tuple(boxes), top + -(-panels // across) * pitch


def _strain_maps(view: "_View", result: PositionsResult, boxes: tuple[Box, ...]) -> None:
    strain = result.strain
    parts = [100 * part for part in (strain.xx, strain.yy, strain.xy)]
    reach = max(float(np.nanpercentile(np.abs(parts), 98)), 100 * LEAST_STRAIN)
    turn = max(float(np.nanpercentile(np.abs(strain.rotation_degree), 98)), LEAST_TURN_DEGREE)
    shown = [
        (parts[0], "strain xx (%), along the rows", reach),
        (parts[1], "strain yy (%), down the columns", reach),
        (parts[2], "shear strain xy (%)", reach),
        (strain.rotation_degree, "rotation (degrees)", turn),
    ]
    for box, (values, name, most) in zip(boxes, shown, strict=True):
        view.map(box, values, name, mpl.colormaps[_STRAIN_COLOURS], (-most, most))


class _View:
    """Panels that show the field of the image."""

    def __init__(self, figure: Figure, panel: Callable[..., Axes], result: PositionsResult, colours: Colours) -> None:
        self._figure, self._panel, self._result, self._colours = figure, panel, result, colours
        self._y, self._x = ((result.positions * result.sampling_angstrom + np.asarray(result.origin_angstrom)) / 10).T
        places = result.positions * result.sampling_angstrom / 10
        nearest = cKDTree(places).query(places, k=[2])[0] if len(places) > 1 else np.ones(1)
        self._spacing_nm = float(np.median(nearest))
        top, left = (place / 10 for place in result.origin_angstrom)
        step = result.sampling_angstrom / 10
        rows, cols = result.image.shape
        self._edges = (left - step / 2, left + (cols - 0.5) * step, top + (rows - 0.5) * step, top - step / 2)

    def image(self, box: Box) -> None:
        axes = self._field(box, f"HAADF image, {len(self._x)} columns")
        shown = thinned(self._result.image)
        low, high = grey_limits(shown.values)
        step, (left, _, _, top) = self._result.sampling_angstrom / 10, self._edges
        rows, cols = (length * shown.stride for length in shown.values.shape)
        extent = (left, left + cols * step, top + rows * step, top)
        axes.imshow(shown.values, cmap="gray", vmin=low, vmax=high, extent=extent, aspect="auto")
        size = float(np.clip(0.45 * self._spacing_points(box), 1.0, 9.0))
        axes.plot(self._x, self._y, "o", ms=size, mfc="none", mec="#56B4E9", mew=0.15 + 0.08 * size, rasterized=True)
        self._scale_bar(axes)

    def map(self, box: Box, values: Values, name: str, colours: Colormap, limits: tuple[float, float]) -> None:
        axes = self._field(box, name)
        known = np.isfinite(values)
        size = float(np.clip(0.92 * self._spacing_points(box), 1.0, 40.0)) ** 2
        # The brightest of the colours is nearly that of light pages, the darkest that of dark ones.
        drawn: dict[str, Any] = {"s": size, "linewidths": 0.3, "edgecolors": self._colours.soft, "rasterized": True}
        if not known.all():
            axes.scatter(self._x[~known], self._y[~known], c=self._colours.unknown, **drawn)
        shown = axes.scatter(
            self._x[known], self._y[known], c=values[known], cmap=colours, vmin=limits[0], vmax=limits[1], **drawn
        )
        bar = self._panel(box.left + box.width + 0.08, box.top + 0.04 * box.height, 0.13, 0.92 * box.height)
        self._figure.colorbar(shown, cax=bar)
        bar.tick_params(labelsize=9, labelcolor=self._colours.text, color=self._colours.text)
        self._scale_bar(axes)

    def _field(self, box: Box, name: str) -> Axes:
        """A panel with the field's own proportions in the middle of a box."""
        left, right, bottom, top = self._edges
        fitted = box.fitted(round(1000 * (bottom - top)), round(1000 * (right - left)))
        axes = self._panel(fitted.left, box.top, fitted.width, fitted.height)
        axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
        axes.set_title(name, fontsize=11, color=self._colours.text)
        return axes

    def _spacing_points(self, box: Box) -> float:
        """Nearest-column distance on the picture, in points."""
        left, right, bottom, top = self._edges
        per_nm = 72 * min(box.width / (right - left), box.height / (bottom - top))
        return self._spacing_nm * per_nm

    def _scale_bar(self, axes: Axes) -> None:
        left, right, bottom, top = self._edges
        wide, high = right - left, bottom - top
        length = max((bar for bar in _BARS_NM if bar <= 0.3 * wide), default=_BARS_NM[0])
        x, y = left + 0.04 * wide, bottom - 0.05 * high
        text: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 9, "fontweight": "bold"}
        edge = {"facecolor": self._colours.back, "edgecolor": "none", "alpha": 0.75, "pad": 1.5}
        axes.plot([x, x + length], [y, y], color="#D55E00", lw=3, solid_capstyle="butt")
        axes.text(x + length / 2, y - 0.015 * high, f"{length:g} nm", color=self._colours.text, bbox=edge, **text)


def _histogram(axes: Axes, relative: Values, colours: Colours) -> None:
    known = relative[np.isfinite(relative)]
    most = float(np.percentile(known, 99.5)) if len(known) else 1.0
    axes.hist(np.clip(known, 0, 1.05 * most), bins=60, color="#0072B2", edgecolor=colours.back, linewidth=0.4)
    axes.set_title("columns by relative intensity", fontsize=11, color=colours.text)
    axes.set_xlabel("integrated intensity over the median column's", color=colours.text)
    axes.set_ylabel("columns", color=colours.text)
    axes.spines[["top", "right"]].set_visible(False)
