"""Figs 7 and 8: scored micrographs, their mean in-column fractions beside the paper's two particles'."""

import matplotlib.image
import numpy as np
from matplotlib.figure import Figure

from heamap.elements import COLOURS, ELEMENTS
from heamap.paper import published
from heamap.paper.comparison import true_fractions
from heamap.paper.sources import Micrograph

WIDTH = 13.5
BARS_HEIGHT = 2.8


def micrograph_figure(micrograph: Micrograph) -> Figure:
    """The scorer's picture (maps, histograms of counts and fractions) above its mean fractions and the paper's."""
    picture = matplotlib.image.imread(micrograph.picture)
    height = WIDTH * picture.shape[0] / picture.shape[1]
    figure = Figure(figsize=(WIDTH, height + BARS_HEIGHT), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(height, BARS_HEIGHT))
    above.imshow(picture, interpolation="lanczos")
    above.set_axis_off()
    places = np.arange(len(ELEMENTS))
    ours = [100 * micrograph.columns[f"fraction_{symbol}"].mean() for symbol in ELEMENTS]
    below.bar(places, ours, width=0.5, color=[COLOURS[symbol] for symbol in ELEMENTS], alpha=0.85, label="ours")
    for (name, values), shift, marker in zip(published.MEAN_FRACTIONS.items(), (-0.12, 0.12), "^v", strict=True):
        ranges = [values[symbol] for symbol in ELEMENTS]
        middle = [50 * (value.low + (value.high or value.low)) for value in ranges]
        below.plot(places + shift, middle, marker, color="black", mfc="white", ms=8, label=f"paper, Fig. {name}")
    true = true_fractions(micrograph)
    if true is not None:
        means = 100 * true[list(ELEMENTS)].mean()
        below.hlines(means, places - 0.33, places + 0.33, color="black", lw=2, label="truth (simulated micrograph)")
    below.set_xticks(places, ELEMENTS)
    below.set_ylabel("Mean fraction\nin columns (%)")
    below.set_ylim(bottom=0)
    below.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
    below.spines[["top", "right"]].set_visible(False)
    return figure
