"""The plots of the stage evaluate, and the numbers in them."""

from pathlib import Path
from typing import Any

import pandas as pd

from heamap.dataset.counterfactual_report import Network
from heamap.dataset.examples import example
from heamap.dataset.labels import label_maps
from heamap.dataset.store import Dataset
from heamap.elements import ELEMENTS
from heamap.evaluation import (
    accuracy_figure,
    aggregation_figures,
    figures,
    interval_figures,
    report,
    slice_figures,
    slices,
    table,
)
from heamap.params import Params

CURVES = Path("plots/training/learning_curves.csv")
PLOTS = Path("plots/evaluation")


def draw(found: dict[str, Any], test: pd.DataFrame, bound: pd.DataFrame) -> None:
    """Figures 5, 6 and S3, Table 2, accuracies beside yardsticks and in slices, intervals, aggregation, the numbers."""
    shares, scores = report.share_table(found), report.score_table(found)
    covered = interval_figures.coverage_table(found["intervals"]["coverage"])
    sliced = slices.as_table(found["slices"])
    overall = {name: found["scores"][name][report.MODEL]["skill"]["value"] for name in slice_figures.SHOWN}
    gathers = aggregation_figures.rate_table(found["aggregation"])
    alike = aggregation_figures.correlogram_table(found["aggregation"])
    for name, frame in {
        "error_shares": shares,
        "scores": scores,
        "bound": bound,
        "slices": sliced,
        "coverage": covered,
        "sharpness": interval_figures.sharpness_table(found["intervals"]["sharpness"]),
        "aggregation": gathers,
        "aggregation_correlogram": alike,
        "intensity_fits": figures.intensity_fits(test),
        "predicted_vs_true": table.by_count(test),
    }.items():
        frame.to_csv(PLOTS / f"{name}.csv", index=False)
    for name, figure in {
        "intensity_against_count": figures.intensity_against_count(test),
        "prediction_against_truth": figures.prediction_against_truth(test),
        "error_shares": figures.error_shares(shares),
        "skill": accuracy_figure.skill_plot(scores, bound, found["untold_composition"]),
        "coverage": interval_figures.coverage_plot(covered, level=found["intervals"]["coverage"]["level"]),
        "slices": slice_figures.slice_plot(sliced, overall),
        "learning_curves": figures.learning_curves(pd.read_csv(CURVES)),
    }.items():
        figure.savefig(PLOTS / f"{name}.png", dpi=150)
    if len(gathers):
        aggregation_figures.aggregation_plot(gathers, alike).savefig(PLOTS / "aggregation.png", dpi=150)


def draw_overview(data: Dataset, network: Network, test: pd.DataFrame, params: Params) -> None:
    """True and predicted maps of the test image with the most columns."""
    sampling = params.base.sampling_angstrom
    fullest = int(test["sample"].mode()[0])
    image, columns = example(data, fullest, params=params, epoch=None, in_field=False)
    true = label_maps(
        columns["row"].to_numpy(),
        columns["col"].to_numpy(),
        columns[list(ELEMENTS)].to_numpy(),
        shape=image.shape[:2],
        sigma_pixels=params.train.label_sigma_angstrom / sampling,
    )
    figure = figures.overview(image[..., 0], true, network(image), sampling_angstrom=sampling)
    figure.savefig(PLOTS / "overview.png", dpi=150)
