"""Table 2 beside the paper's, Fig. S2 (how often each count occurs) and Figs S4-S8 (error by count)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from heamap.elements import COLOURS, ELEMENTS
from heamap.evaluation import figures, metrics
from heamap.evaluation.targets import TOTAL
from heamap.paper import published
from heamap.paper.sources import Sources

SHADES = [f"{level:.2f}" for level in np.linspace(0.15, 0.9, len(metrics.SHARE_NAMES))]
"""Of the errors of ``SHARE_NAMES``, as in the bars of Table 2."""


def error_shares(table: pd.DataFrame) -> Figure:
    """Table 2: for each element the paper's bar above ours.

    Parameters
    ----------
    table : ``true_`` and ``pred_`` counts of every element
    """
    rows = []
    for symbol in ELEMENTS:
        ours = metrics.error_shares(table[f"true_{symbol}"], table[f"pred_{symbol}"])
        rows.append([f"{symbol}, paper", *published.ERROR_SHARES[symbol], 0.0])
        rows.append([f"{symbol}, ours", *ours])
    return figures.error_shares(pd.DataFrame(rows, columns=["target", *metrics.SHARE_NAMES]))


def count_distribution(sources: Sources) -> Figure:
    """Fig. S2: how many columns hold how many atoms of each element, and of all; test columns apart."""
    dataset = sources.dataset
    columns = pd.concat([dataset.columns(sample) for sample in dataset.samples.index.tolist()], ignore_index=True)
    test = columns["sample"].isin(dataset.split("test"))
    figure = Figure(figsize=(12, 6), layout="constrained")
    grid = figure.subplots(2, 3)
    for axes, name in zip(grid.ravel(), (*ELEMENTS, TOTAL), strict=True):
        counts = columns[name]
        edges = np.arange(counts.max() + 2) - 0.5
        colour = COLOURS.get(name, "0.4")
        axes.hist(counts[~test], edges, density=True, color=colour, alpha=0.6, label="all but test")
        axes.hist(counts[test], edges, density=True, histtype="step", color="black", linewidth=1.2, label="test")
        axes.set_title(
            f"{figures.LABELS[name]}: mean {counts.mean():.1f}, {counts.min()} to {counts.max()}", fontsize=10
        )
        axes.set_xlabel("Atoms in column")
        axes.set_ylabel("Share of columns")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[0, 0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"{len(columns):,} columns of {len(dataset.samples)} particles", fontsize=11)
    return figure


def error_by_count(table: pd.DataFrame, symbol: str) -> Figure:
    """Figs S4-S8: how the error of one element depends on its true count.

    Left the shares of the columns by error, as in Table 2; right the predicted - true of the mean column with the 10th
    and 90th percentiles; the number of columns along the top.

    Parameters
    ----------
    table : ``true_`` and ``pred_`` counts of the element
    """
    true, predicted = table[f"true_{symbol}"], table[f"pred_{symbol}"]
    groups = (predicted - true).groupby(true)
    counts = np.unique(true)
    shares = np.stack([metrics.error_shares(true[true == count], predicted[true == count]) for count in counts])
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    start = np.zeros(len(counts))
    for name, shade, share in zip(metrics.SHARE_NAMES, SHADES, 100 * shares.T, strict=True):
        left.bar(counts, share, bottom=start, width=0.9, color=shade, label=name)
        start += share
    left.set_ylim(0, 100)
    left.set_ylabel("Columns (%)")
    mean = groups.mean().to_numpy()
    ends = np.abs(np.stack([groups.quantile(0.1), groups.quantile(0.9)]) - mean)
    label = "mean, 10th to 90th percentile"
    right.errorbar(counts, mean, yerr=ends, fmt="o", color=COLOURS[symbol], capsize=3, label=label)
    right.axhline(0, color="0.5", linewidth=1)
    right.set_ylabel("Predicted - true (atoms)")
    right.legend(frameon=False, fontsize=8)
    handles, names = left.get_legend_handles_labels()
    names[:1] = [f"error of {names[0]} atoms"]
    figure.legend(handles, names, ncols=len(names), loc="outside lower left", fontsize=8, frameon=False)
    for axes in (left, right):
        axes.set_xlabel(f"True {symbol} (atoms in column)")
        axes.set_xlim(counts.min() - 0.6, counts.max() + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        above = axes.secondary_xaxis("top")
        # Every other number where they would run into each other.
        step = max(1, len(counts) // 15)
        above.set_xticks(counts[::step], [f"{size}" for size in groups.size().to_numpy()[::step]], fontsize=7)
        above.set_xlabel("Columns", fontsize=8)
    return figure
