"""Figs 3 and 4: a model with its image and labels, and what the network makes of test images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heamap.dataset.examples import example
from heamap.dataset.labels import label_maps
from heamap.elements import COLOURS, ELEMENTS
from heamap.evaluation.figures import draw_map, field_extent
from heamap.paper.sources import Sources

EXAMPLES = 6
"""Test images that Fig. 4 shows."""

ATOM_DIAMETER_ANGSTROM = 2.0
_POINTS_PER_INCH = 72

Maps = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A test sample as the network sees it.

    Attributes
    ----------
    image : (rows, cols) normalised input
    true : (rows, cols, 5) label maps, in atoms
    """

    sample: int
    image: Maps
    true: Maps


def read_example(sources: Sources, sample: int) -> Example:
    params = sources.exam
    image, columns = example(sources.dataset, sample, params=params, epoch=None, in_field=False)
    true = label_maps(
        columns["row"].to_numpy(),
        columns["col"].to_numpy(),
        columns[list(ELEMENTS)].to_numpy(),
        shape=image.shape[:2],
        sigma_pixels=params.train.label_sigma_angstrom / params.base.sampling_angstrom,
    )
    return Example(sample, image[..., 0], true)


def model_image_labels(sources: Sources) -> Figure:
    """Fig. 3: the atoms of the fullest test field, its image, its five label maps and their sum."""
    dataset, sampling = sources.dataset, sources.params.base.sampling_angstrom
    fullest = max(dataset.split("test").tolist(), key=lambda sample: len(dataset.columns(sample)))
    shown = read_example(sources, fullest)
    extent = field_extent(shown.image.shape, sampling)
    figure = Figure(figsize=(13, 6.6), layout="compressed")
    panels = figure.subplots(2, 4)
    _draw_atoms(panels[0, 0], sources, fullest, extent)
    draw_map(panels[0, 1], shown.image, extent, "Image, normalised", "gray", None)
    layers = {symbol: shown.true[..., index] for index, symbol in enumerate(ELEMENTS)}
    layers["Total"] = shown.true.sum(axis=-1)
    for axes, (name, layer) in zip(panels.ravel()[2:], layers.items(), strict=True):
        drawn = draw_map(axes, layer, extent, f"{name}, label", "cividis", max(float(layer.max()), 1.0))
        figure.colorbar(drawn, ax=axes, label="atoms", shrink=0.8)
    for axes in panels[1]:
        axes.set_xlabel("x (nm)")
    for axes in panels[:, 0]:
        axes.set_ylabel("y (nm)")
    return figure


def _draw_atoms(axes: Axes, sources: Sources, sample: int, extent: tuple[float, float, float, float]) -> None:
    """The atoms as seen along the beam, the first that the beam meets on top."""
    atoms = sources.dataset.atoms(sample).sort_values("z", ascending=False)
    left, right, bottom, top = extent
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", title="Model, along the beam")
    axes.title.set_fontsize(10)
    points = axes.get_window_extent().width / axes.figure.dpi * _POINTS_PER_INCH
    size = ATOM_DIAMETER_ANGSTROM / 10 / (right - left) * points
    palette = np.array([COLOURS[symbol] for symbol in ELEMENTS])
    axes.scatter(
        atoms["x"] / 10,
        atoms["y"] / 10,
        s=size**2,
        c=palette[atoms["element"].to_numpy(np.int64)],
        edgecolors="black",
        linewidths=0.15,
    )
    for symbol, colour in COLOURS.items():
        axes.scatter([], [], s=20, c=colour, edgecolors="black", linewidths=0.3, label=symbol)
    axes.legend(
        ncols=5,
        fontsize=8,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.1),
        frameon=False,
        handletextpad=0.1,
        columnspacing=0.6,
    )


def examples(sources: Sources) -> Figure:
    """Fig. 4: the first test images, not picked, a row each; for each element its label and the network's map."""
    shown = [read_example(sources, int(sample)) for sample in sources.dataset.split("test")[:EXAMPLES]]
    predicted = [sources.model.predict(part.image[None, ..., None])[0] for part in shown]
    extent = field_extent(shown[0].image.shape, sources.params.base.sampling_angstrom)
    figure = Figure(figsize=(17, 1.5 * len(shown) + 1.5), layout="compressed")
    grid = figure.subplots(len(shown), 2 * len(ELEMENTS) + 1, squeeze=False)
    for axes, part in zip(grid[:, 0], shown, strict=True):
        draw_map(axes, part.image, extent, "", "gray", None)
        axes.set_ylabel(f"test sample {part.sample}", fontsize=8)
    for index, symbol in enumerate(ELEMENTS):
        pair = grid[:, 2 * index + 1 : 2 * index + 3]
        top = max(float(max(part.true[..., index].max() for part in shown)), 1.0)
        for (left, right), part, guess in zip(pair, shown, predicted, strict=True):
            draw_map(left, part.true[..., index], extent, "", "cividis", top)
            drawn = draw_map(right, guess[..., index], extent, "", "cividis", top)
        figure.colorbar(drawn, ax=pair, location="bottom", label=f"{symbol} (atoms)", shrink=0.8, aspect=30, pad=0.02)
        for axes, kind in zip(pair[0], ("true", "predicted"), strict=True):
            axes.set_title(f"{symbol}, {kind}", fontsize=10)
    side = extent[1] - extent[0]
    grid[0, 0].set_title(f"Image, {side:.3g} nm", fontsize=10)
    for axes in grid.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
    return figure
