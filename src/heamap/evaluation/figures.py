"""Figures of the evaluation: intensities, predictions, error shares, skills, learning curves and maps.

Figures are drawn on Agg without pyplot, so nothing global is kept. Colours: cividis for densities and maps, Okabe and
Ito's palette for lines, both safe for colour-blind readers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from heamap.elements import COLOURS as ELEMENT_COLOURS
from heamap.elements import ELEMENTS
from heamap.evaluation.baselines import fit_line
from heamap.evaluation.metrics import SHARE_NAMES, r2
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL

COLOURS = ELEMENT_COLOURS | {NI_CO_FE: "#56B4E9", TOTAL: "#000000"}
"""By target."""

LABELS = {target: target for target in TARGETS} | {NI_CO_FE: "Ni + Co + Fe", TOTAL: "Total"}


def intensity_fits(table: pd.DataFrame) -> pd.DataFrame:
    """Lines of Fig. 5: ``target``, ``slope`` (intensity per atom), ``intercept``, ``r2``, where the count varies.

    Parameters
    ----------
    table : ``peak_intensity`` and ``true_`` counts of every target
    """
    varied = [target for target in TARGETS if np.ptp(table[f"true_{target}"]) > 0]
    lines = [fit_line(table[f"true_{target}"], table["peak_intensity"]) for target in varied]
    return pd.DataFrame(
        {
            "target": varied,
            "slope": [line.slope for line in lines],
            "intercept": [line.intercept for line in lines],
            "r2": [line.r2 for line in lines],
        }
    )


def intensity_against_count(table: pd.DataFrame, notes: Mapping[str, str] | None = None) -> Figure:
    """Fig. 5: intensity of the normalised input at true columns against the number of atoms, with the fitted line.

    Parameters
    ----------
    table : ``peak_intensity`` and ``true_`` counts of every target
    notes : second line of a panel's title, by target
    """
    fits = intensity_fits(table).set_index("target")
    intensity = table["peak_intensity"].to_numpy()
    counts_of = {target: table[f"true_{target}"].to_numpy() for target in TARGETS}
    figure, panels = _density_panels({target: (counts, intensity) for target, counts in counts_of.items()})
    for target, axes in panels.items():
        counts = counts_of[target]
        axes.set_xlabel(f"{LABELS[target]} (atoms in column)")
        axes.set_ylabel("Normalised peak intensity")
        if target in fits.index:
            slope, intercept, share = fits.loc[target, ["slope", "intercept", "r2"]]
            ends = np.array([counts.min(), counts.max()])
            axes.plot(ends, slope * ends + intercept, color="#D55E00", linewidth=2)
            title = f"{LABELS[target]}: {slope:.3f} per atom, $R^2$ = {share:.3f}"
            axes.set_title(_noted(title, target, notes), fontsize=9)
    return figure


def prediction_against_truth(table: pd.DataFrame, notes: Mapping[str, str] | None = None) -> Figure:
    """Fig. 6: predicted against true atoms of every column, with the identity line and R2.

    Parameters
    ----------
    table : ``true_`` and ``pred_`` counts of every target
    notes : second line of a panel's title, by target
    """
    pairs = {target: (table[f"true_{target}"].to_numpy(), table[f"pred_{target}"].to_numpy()) for target in TARGETS}
    figure, panels = _density_panels(pairs)
    for target, axes in panels.items():
        axes.axline((0, 0), slope=1, color="#D55E00", linewidth=1.5)
        axes.set_xlabel("True (atoms in column)")
        axes.set_ylabel("Predicted (atoms)")
        title = f"{LABELS[target]}: $R^2$ = {r2(*pairs[target]):.3f}"
        axes.set_title(_noted(title, target, notes), fontsize=10)
    return figure


def _noted(title: str, target: str, notes: Mapping[str, str] | None) -> str:
    return f"{title}\n{notes[target]}" if notes and target in notes else title


def error_shares(shares: pd.DataFrame) -> Figure:
    """Table 2 as bars: shares of columns whose rounded count errs by 0, 1, 2, 3 and more atoms.

    Parameters
    ----------
    shares : ``target``, or any other name for the bar, and one column per error
        (``heamap.evaluation.report.share_table``)
    """
    figure = Figure(figsize=(7, max(3.6, 1 + 0.3 * len(shares))), layout="constrained")
    axes = figure.subplots()
    shades = [f"{level:.2f}" for level in np.linspace(0.15, 0.9, len(SHARE_NAMES))]
    labels = [LABELS.get(target, target) for target in shares["target"]]
    start = np.zeros(len(shares))
    for name, shade in zip(SHARE_NAMES, shades, strict=True):
        width = shares[name].to_numpy() * 100
        bars = axes.barh(labels, width, left=start, color=shade, label="more than 3" if name == "more" else name)
        text = [f"{value:.0f}" if value >= 4 else "" for value in width]
        axes.bar_label(bars, text, label_type="center", color="white" if float(shade) < 0.5 else "black", fontsize=8)
        start += width
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("Columns (%)")
    axes.legend(
        title="Error (atoms)", ncols=len(SHARE_NAMES), loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False
    )
    return figure


def learning_curves(curves: pd.DataFrame) -> Figure:
    """Fig. S3: loss and R2 per element against the epoch.

    Parameters
    ----------
    curves : ``epoch``, ``loss``, ``val_loss`` and ``val_r2_`` of each element
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    losses.plot(curves["epoch"], curves["loss"], color=COLOURS["Pt"], label="training")
    losses.plot(curves["epoch"], curves["val_loss"], color=COLOURS["Pd"], linestyle="--", label="validation")
    losses.set_yscale("log")
    losses.set_xlabel("Epoch")
    losses.set_ylabel("Loss (squared atoms)")
    losses.legend(frameon=False)
    for symbol, style in zip(ELEMENTS, ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))), strict=True):
        scores.plot(curves["epoch"], curves[f"val_r2_{symbol}"], color=COLOURS[symbol], linestyle=style, label=symbol)
    # Early epochs run far below zero and would flatten what is to be seen.
    scores.set_ylim(-0.5, 1)
    scores.set_xlabel("Epoch")
    scores.set_ylabel("Validation $R^2$ at columns")
    scores.legend(frameon=False, ncols=2)
    return figure


def overview(
    image: npt.NDArray[np.floating],
    true: npt.NDArray[np.floating],
    predicted: npt.NDArray[np.floating],
    *,
    sampling_angstrom: float,
) -> Figure:
    """One test image, its true maps above its predicted maps (as in the paper's Figs 3 and 4).

    Parameters
    ----------
    image : (rows, cols) normalised input
    true, predicted : (rows, cols, 5) maps in atoms
    """
    extent = field_extent(image.shape[:2], sampling_angstrom)
    figure = Figure(figsize=(14, 5.2), layout="constrained")
    grid = figure.subplots(2, len(ELEMENTS) + 1, sharex=True, sharey=True)
    draw_map(grid[0, 0], image, extent, "Normalised image", "gray", None)
    top_total = float(true.sum(axis=-1).max())
    total = draw_map(grid[1, 0], predicted.sum(axis=-1), extent, "Total, predicted", "cividis", top_total)
    figure.colorbar(total, ax=grid[:, 0], location="bottom", label="Total (atoms)", shrink=0.9)
    for index, symbol in enumerate(ELEMENTS):
        top = float(true[..., index].max())
        draw_map(grid[0, index + 1], true[..., index], extent, f"{symbol}, true", "cividis", top)
        lower = draw_map(grid[1, index + 1], predicted[..., index], extent, f"{symbol}, predicted", "cividis", top)
        figure.colorbar(lower, ax=grid[:, index + 1], location="bottom", label=f"{symbol} (atoms)", shrink=0.9)
    for axes in grid[1]:
        axes.set_xlabel("x (nm)")
    for axes in grid[:, 0]:
        axes.set_ylabel("y (nm)")
    return figure


def field_extent(shape: tuple[int, ...], sampling_angstrom: float) -> tuple[float, float, float, float]:
    """Edges of an image (rows, cols) in nm, for ``imshow``: pixel centres lie at multiples of the pixel size."""
    side = sampling_angstrom / 10
    return (-0.5 * side, (shape[1] - 0.5) * side, (shape[0] - 0.5) * side, -0.5 * side)


def draw_map(
    axes: Axes,
    values: npt.NDArray[np.floating],
    extent: tuple[float, float, float, float],
    title: str,
    colours: str,
    top: float | None,
) -> Any:
    """Draw an image or a map (rows, cols) into a panel; ``top`` closes a scale from 0, None leaves it free."""
    axes.set_title(title, fontsize=10)
    return axes.imshow(values, extent=extent, cmap=colours, vmin=None if top is None else 0, vmax=top)


def _density_panels(
    pairs: Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[np.floating]]],
) -> tuple[Figure, dict[str, Axes]]:
    """Panels of values against whole numbers of atoms, by target; one scale of colours for all of them.

    A scatter plot would hide how many columns lie on one point.
    """
    figure = Figure(figsize=(12, 6), layout="constrained")
    grid = figure.subplots(2, 4).ravel()
    panels = dict(zip(pairs, grid, strict=False))
    densities = {}
    for target, (counts, values) in pairs.items():
        whole = np.arange(counts.min() - 0.5, counts.max() + 1)
        bins = int(np.clip(np.sqrt(counts.size), 12, 60))
        densities[target] = np.histogram2d(counts, values, bins=(whole, np.histogram_bin_edges(values, bins)))
    scale = LogNorm(1, max(2, *(density.max() for density, *_ in densities.values())))
    for target, (density, across, up) in densities.items():
        mesh = panels[target].pcolormesh(across, up, np.ma.masked_less(density.T, 1), norm=scale, cmap="cividis")
        panels[target].xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[-1].set_axis_off()
    figure.colorbar(mesh, ax=list(grid), label="Columns", format="{x:.0f}", shrink=0.6)
    return figure, panels
