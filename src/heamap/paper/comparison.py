"""The paper's numbers beside ours, one row each."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.evaluation.metrics import SHARE_NAMES, Estimate
from heamap.evaluation.table import element_counts
from heamap.paper import condition, estimates, published
from heamap.paper.sources import Micrograph, Sources
from heamap.seeds import Stream, generator

FIELDS = ("figure", "quantity", "element", "paper", "ours", "low", "high", "condition")

SLOPE, INTENSITY_R2 = "slope of peak intensity per atom", "R2 of peak intensity against count"
R2 = "R2"
R2_HELD = "R2, only columns that hold the element, negatives as 0"
R2_CODE = "R2 by the authors' public code: those columns, truth and prediction exchanged"
R2_THICKNESS = "R2 of true total x composition, which knows no element"
MEAN_FRACTION, LARGEST_FRACTION = "mean fraction in columns", "largest fraction in a column"
TRUE_FRACTION = "mean fraction in columns, truth"


def of_setting(sources: Sources) -> pd.DataFrame:
    """What the numbers rest on: images, epochs, sizes."""
    params, split = sources.params, sources.dataset.samples["split"]
    low, high = params.structures.diameter_angstrom
    ours = {
        "training images": int((split == "train").sum()),
        "test images": int((split == "test").sum()),
        "epochs": len(sources.curves),
        "smallest particle (nm)": low / 10,
        "largest particle (nm)": high / 10,
        "field of view (nm)": params.base.field_angstrom / 10,
    }
    return _table(
        sources, (("Setting", name, "", f"{value:g}", float(ours[name])) for name, value in published.SETTING.items())
    )


def of_predictions(sources: Sources) -> pd.DataFrame:
    """Fig. 5, Fig. 6 and Table 2, with 95 % intervals over the test images."""
    table, params = sources.predictions, sources.params
    images, draws = table["sample"].to_numpy(), params.evaluate.bootstrap
    rng = generator(params.base.seed, Stream.BOOTSTRAP)
    thickness = estimates.total_times_composition(images, element_counts(table, "true"))

    def rows() -> Iterator[tuple[str, str, str, str, Estimate | None]]:
        for index, symbol in enumerate(ELEMENTS):
            true, guess = table[f"true_{symbol}"].to_numpy(), table[f"pred_{symbol}"].to_numpy()
            slope, share = estimates.line(images, true, table["peak_intensity"], draws, rng)
            yield "5", SLOPE, symbol, f"{published.INTENSITY_SLOPE[symbol]:g}", slope
            yield "5", INTENSITY_R2, symbol, f"{published.INTENSITY_R2[symbol]:g}", share
            yield "6", R2, symbol, str(published.PREDICTION_R2[symbol]), estimates.r2(images, true, guess, draws, rng)
            for name, exchanged in ((R2_HELD, False), (R2_CODE, True)):
                score = estimates.r2_of_columns_with_the_element(images, true, guess, draws, rng, exchanged=exchanged)
                yield "6", name, symbol, "", score
            yield "6", R2_THICKNESS, symbol, "", estimates.r2(images, true, thickness[:, index], draws, rng)
            paper = dict(zip(published.ERRORS, published.ERROR_SHARES[symbol], strict=True))
            for name, part in estimates.shares(images, true, guess, draws, rng).items():
                yield "Table 2", share_name(name), symbol, f"{paper[name]:g}" if name in paper else "", part

    found = _table(sources, rows())
    # Quantity by quantity, as the paper prints them.
    place = {quantity: index for index, quantity in enumerate(found["quantity"].unique())}
    return found.sort_values("quantity", key=lambda names: names.map(place), kind="stable", ignore_index=True)


def share_name(error: str) -> str:
    """The quantity of Table 2 for an error of ``SHARE_NAMES``."""
    if error not in SHARE_NAMES:
        raise ValueError(f"error must be one of {SHARE_NAMES}, got {error!r}")
    return "share of columns off by more than 3" if error == "more" else f"share of columns off by {error}"


def of_micrographs(sources: Sources) -> pd.DataFrame:
    """Figs 7 and 8: in-column fractions of each scored micrograph; the paper's are of its own two."""
    paper = {
        symbol: ", ".join(f"{values[symbol]} (Fig. {name})" for name, values in published.MEAN_FRACTIONS.items())
        for symbol in ELEMENTS
    }

    def rows() -> Iterator[tuple[str, str, str, str, float]]:
        for micrograph in sources.micrographs:
            true = true_fractions(micrograph)
            for symbol in ELEMENTS:
                found = micrograph.columns[f"fraction_{symbol}"]
                yield "7 and 8", f"{MEAN_FRACTION}: {micrograph.name}", symbol, paper[symbol], float(found.mean())
                if true is not None:
                    yield "7 and 8", f"{TRUE_FRACTION}: {micrograph.name}", symbol, "", float(true[symbol].mean())
            largest = float(micrograph.columns["fraction_Pt"].max())
            quantity = f"{LARGEST_FRACTION}: {micrograph.name}"
            yield "7 and 8", quantity, "Pt", f"up to {published.LARGEST_PT_FRACTION:g}", largest

    return _table(sources, rows())


def true_fractions(micrograph: Micrograph) -> pd.DataFrame | None:
    """True in-column fractions of a simulated micrograph, one column an element; None where nobody knows."""
    if micrograph.truth is None:
        return None
    counts = micrograph.truth[list(ELEMENTS)]
    return counts.div(counts.sum(axis=1), axis=0)


def _table(sources: Sources, rows: Iterator[tuple[str, str, str, str, Estimate | float | None]]) -> pd.DataFrame:
    words = condition.describe(sources.exam)
    entries = []
    for figure, quantity, element, paper, ours in rows:
        if isinstance(ours, Estimate):
            numbers = (ours.value, ours.low, ours.high)
        else:
            numbers = (np.nan if ours is None else ours, np.nan, np.nan)
        entries.append((figure, quantity, element, paper, *numbers, words))
    return pd.DataFrame(entries, columns=list(FIELDS))
