"""Every figure of the paper that is redrawn: what it shows, the numbers to name, and how it is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from heamap.elements import ELEMENTS
from heamap.evaluation import figures
from heamap.evaluation.metrics import SHARE_NAMES
from heamap.paper import comparison, condition, count_figures, example_figures, published
from heamap.paper.micrograph_figure import micrograph_figure
from heamap.paper.sources import Sources
from heamap.structures.figures import gallery

MOST_MICROGRAPHS = 6
"""Scored micrographs that are drawn; of more, the first by name."""


@dataclass(frozen=True)
class Item:
    """A figure or table of the paper, redrawn.

    Attributes
    ----------
    name : as the paper calls it
    shows : one sentence
    draw : figures by file stem
    quantities : of ``comparison``, beginnings of those to name beside the figure
    why : one sentence on why ours differs from the paper's
    """

    name: str
    shows: str
    draw: Callable[[Sources], Mapping[str, Figure]]
    quantities: tuple[str, ...] = ()
    why: Callable[[Sources], str] = lambda sources: condition.difference(sources.params)


def _single(stem: str, draw: Callable[[Sources], Figure]) -> Callable[[Sources], Mapping[str, Figure]]:
    return lambda sources: {stem: draw(sources)}


def _sizes(sources: Sources) -> Figure:
    return gallery(sources.params.structures, sources.motif, sources.params.base.seed)


def _intensities(sources: Sources) -> Figure:
    notes = {
        symbol: f"paper: {published.INTENSITY_SLOPE[symbol]:.3f}, $R^2$ = {published.INTENSITY_R2[symbol]:.3f}"
        for symbol in ELEMENTS
    }
    return figures.intensity_against_count(sources.predictions, notes)


def _predictions(sources: Sources) -> Figure:
    notes = {symbol: f"paper: {value}" for symbol, value in published.PREDICTION_R2.items()}
    return figures.prediction_against_truth(sources.predictions, notes)


def _errors(stem: str, symbol: str) -> Callable[[Sources], Mapping[str, Figure]]:
    return _single(stem, lambda sources: count_figures.error_by_count(sources.predictions, symbol))


def _micrographs(sources: Sources) -> dict[str, Figure]:
    return {
        f"figures_7_8_{micrograph.name}": micrograph_figure(micrograph)
        for micrograph in sources.micrographs[:MOST_MICROGRAPHS]
    }


def _other_micrographs(sources: Sources) -> str:
    scorer = "the same model" if sources.scored_by_this_model else "an earlier champion, not the model of Fig. 6"
    more = len(sources.micrographs) - MOST_MICROGRAPHS
    rest = f" {more} more are in data/scores." if more > 0 else ""
    return f"These are other micrographs than the paper's two experimental ones, scored by {scorer}.{rest}"


def _no_difference(text: str) -> Callable[[Sources], str]:
    return lambda _: text


ITEMS = (
    Item(
        "Figure 2",
        "Particles of 2, 4, 6 and 8 nm, seen along the beam.",
        _single("figure_2", _sizes),
        why=_no_difference("The sizes are the paper's; species are drawn independently of each other."),
    ),
    Item(
        "Figure 3",
        "A model, its simulated image and its labels: at each column a Gaussian as high as its number of atoms.",
        _single("figure_3", example_figures.model_image_labels),
    ),
    Item(
        "Figure 4",
        "The first images of the test split, true beside predicted maps; they are not picked.",
        _single("figure_4", example_figures.examples),
        why=_no_difference("They differ from the paper's as Figure 6 does."),
    ),
    Item(
        "Figure 5",
        "Peak intensity at the true columns against the number of atoms of one element, with the fitted line.",
        _single("figure_5", _intensities),
        (comparison.SLOPE, comparison.INTENSITY_R2),
        lambda sources: (
            f"{condition.difference(sources.params)} Slopes hang on the scale of the normalised image, which differs; "
            "R2 does not."
        ),
    ),
    Item(
        "Figure 6",
        "Predicted against true atoms of every test column.",
        _single("figure_6", _predictions),
        (comparison.R2, comparison.R2_HELD, comparison.R2_CODE, comparison.R2_THICKNESS),
        lambda sources: (
            f"{condition.difference(sources.params)} The authors' public code drops the columns that lack the element "
            "and exchanges truth and prediction: the second and third line show what that alone does to our number, "
            "the last what the thickness alone would score."
        ),
    ),
    Item(
        "Table 2",
        "Shares of the test columns whose rounded count errs by 0, 1, 2, 3 and more atoms.",
        _single("table_2", lambda sources: count_figures.error_shares(sources.predictions)),
        tuple(comparison.share_name(name) for name in SHARE_NAMES),
        lambda sources: (
            f"{condition.difference(sources.params)} Shares also depend on how thick the particles are: thin columns "
            "leave little room for errors."
        ),
    ),
    Item(
        "Figures 7 and 8",
        "Scored micrographs: maps, histograms of counts and of in-column fractions, and the mean fractions.",
        _micrographs,
        (comparison.MEAN_FRACTION, comparison.LARGEST_FRACTION),
        _other_micrographs,
    ),
    Item(
        "Figure S2",
        "How many columns hold how many atoms of each element.",
        _single("figure_S2", count_figures.count_distribution),
        why=lambda sources: (
            f"The paper's particles are 6.5-7.5 nm, ours "
            f"{'-'.join(f'{end / 10:g}' for end in sources.params.structures.diameter_angstrom)} nm: counts grow with "
            "the thickness."
        ),
    ),
    Item(
        "Figure S3",
        "Loss, and R2 of each element at the validation columns, epoch by epoch.",
        _single("figure_S3", lambda sources: figures.learning_curves(sources.curves)),
        why=lambda sources: f"The paper trains for 800 epochs, ours for {len(sources.curves)}.",
    ),
    *(
        Item(
            f"Figure S{4 + index}",
            f"Errors of {symbol} by its true count.",
            _errors(f"figure_S{4 + index}", symbol),
            why=_no_difference("They differ from the paper's as Figure 6 does."),
        )
        for index, symbol in enumerate(ELEMENTS)
    ),
)
"""In the paper's order; Figs S4-S8 in the order of ``ELEMENTS``."""
