"""Evaluate the trained model on the untouched test split."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from common import run_stage
from heamap.dataset.examples import example
from heamap.dataset.labels import label_maps
from heamap.dataset.statistics import nearest_column_angstrom
from heamap.dataset.store import Dataset, open_dataset
from heamap.elements import ELEMENTS
from heamap.evaluation import figures, report, table
from heamap.evaluation.readout import DISTANCE_SHARE, THRESHOLD_ATOMS, find_columns, read_counts
from heamap.lifecycle import tracking
from heamap.lifecycle.export import load_float32
from heamap.params import Params
from heamap.seeds import Stream, generator

STRUCTURES, IMAGES = Path("data/structures"), Path("data/images")
MODEL, RUN = Path("models/model.keras"), Path("models/run.json")
CURVES = Path("plots/training/learning_curves.csv")
PREDICTIONS = Path("data/evaluation/predictions.parquet")
REPORT, SUMMARY = Path("reports/evaluation.json"), Path("reports/evaluation_summary.json")
PLOTS = Path("plots/evaluation")

Network = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


def evaluate(params: Params) -> str:
    data = open_dataset(STRUCTURES, IMAGES)
    training = pd.concat(
        [measured(data, sample, params)[0] for sample in tqdm(data.split("train"), desc="counting", disable=None)],
        ignore_index=True,
    )
    network = load_network()
    predictions, detection = tested(data, network, params)
    found = report.assemble(
        predictions,
        training,
        detection,
        resamples=params.evaluate.bootstrap,
        rng=generator(params.base.seed, Stream.BOOTSTRAP),
    )
    for folder in (PREDICTIONS.parent, REPORT.parent, PLOTS):
        folder.mkdir(parents=True, exist_ok=True)
    predictions.to_parquet(PREDICTIONS, index=False)
    REPORT.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    SUMMARY.write_text(json.dumps(found["summary"], indent=2, allow_nan=False) + "\n")
    draw(found, predictions)
    draw_overview(data, network, predictions, params)
    track(params, found)
    scores = " ".join(
        f"{name} {value:.3f}"
        for name in ("r2_Pt", "r2_total", "skill_Pt", "skill_total")
        if (value := found["summary"][name]) is not None
    )
    return f"evaluated {found['columns']} columns of {found['images']} images: {scores}; {REPORT}"


def measured(data: Dataset, sample: int, params: Params) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
    """Truth and intensities of a sample's columns, and the network's input (rows, cols, 1)."""
    image, columns = example(data, int(sample), params=params, epoch=None)
    split = str(data.samples.loc[sample, "split"])
    sampling = params.base.sampling_angstrom
    return table.measure(int(sample), columns, image[..., 0], split=split, sampling_angstrom=sampling), image


def load_network() -> Network:
    """The model as it is exported, in float32: from one input (rows, cols, 1) to its maps (rows, cols, 5)."""
    model = load_float32(MODEL)
    return lambda image: np.asarray(model(image[None], training=False), dtype=np.float32)[0]


def tested(data: Dataset, network: Network, params: Params) -> tuple[pd.DataFrame, report.Detection]:
    """Predictions at every true column of the test split, and how well columns are found."""
    sampling = params.base.sampling_angstrom
    gap = nearest_column_angstrom(data, sampling_angstrom=sampling)
    parts, detection = [], report.Detection(0, 0, 0, 0)
    for sample in tqdm(data.split("test"), desc="testing", disable=None):
        truth, image = measured(data, sample, params)
        maps = network(image)
        positions = truth[["row", "col"]].to_numpy()
        parts.append(table.with_predictions(truth, read_counts(maps, positions[:, 0], positions[:, 1])))
        # The scorer's own settings: what is measured here is what a user gets.
        found = find_columns(
            maps,
            sampling_angstrom=sampling,
            min_distance_angstrom=DISTANCE_SHARE * gap,
            threshold=THRESHOLD_ATOMS,
        )
        detection += report.detect(positions, found, shape=maps.shape[:2], sampling_angstrom=sampling)
    return pd.concat(parts, ignore_index=True), detection


def draw(found: dict[str, Any], predictions: pd.DataFrame) -> None:
    """Figures 5, 6 and S3, Table 2 and the skills, and their numbers."""
    shares = report.share_table(found)
    for name, frame in {
        "error_shares": shares,
        "skill": report.skill_table(found),
        "intensity_fits": figures.intensity_fits(predictions),
        "predicted_vs_true": table.by_count(predictions),
    }.items():
        frame.to_csv(PLOTS / f"{name}.csv", index=False)
    for name, figure in {
        "intensity_against_count": figures.intensity_against_count(predictions),
        "prediction_against_truth": figures.prediction_against_truth(predictions),
        "error_shares": figures.error_shares(shares),
        "skill": figures.skills(found["skill"]),
        "learning_curves": figures.learning_curves(pd.read_csv(CURVES)),
    }.items():
        figure.savefig(PLOTS / f"{name}.png", dpi=150)


def draw_overview(data: Dataset, network: Network, predictions: pd.DataFrame, params: Params) -> None:
    """True and predicted maps of the test image with the most columns."""
    sampling = params.base.sampling_angstrom
    fullest = int(predictions["sample"].mode()[0])
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


def track(params: Params, found: dict[str, Any]) -> None:
    """Add the scores, the report and the plots to the run that trained the model."""
    import mlflow

    with tracking.start_run("evaluate", params, tracking.read_pointer(RUN)):
        mlflow.log_metrics({f"test_{name}": value for name, value in found["summary"].items() if value is not None})
        tracking.log_files(REPORT, PLOTS)


if __name__ == "__main__":
    run_stage(evaluate)
