"""What the evaluation measures of every image: truth, intensities, predictions and what is known of the image."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from heamap.dataset.counterfactual_report import Network
from heamap.dataset.examples import detected, drawn_effects, example
from heamap.dataset.statistics import nearest_column_angstrom
from heamap.dataset.store import Dataset
from heamap.evaluation import slices, table
from heamap.evaluation.counter import Counter
from heamap.evaluation.detection import Detection, detect
from heamap.evaluation.readout import DISTANCE_SHARE, THRESHOLD_ATOMS, find_columns
from heamap.lifecycle.export import keras_predict, load_float32
from heamap.params import Params

SETTINGS = (
    *("energy_ev", "semiangle_mrad", "defocus_angstrom", "spherical_aberration_angstrom", "astigmatism_angstrom"),
    "astigmatism_angle_radian",
)
"""Microscope settings that slices are cut by."""


@dataclass(frozen=True)
class Predicted:
    """Columns with predictions, and how well columns were found."""

    columns: pd.DataFrame
    detection: Detection


def load_network(path: Path, params: Params) -> Network:
    """The model as it is exported: in float32, and of as many orientations."""
    predict = keras_predict(load_float32(path), orientations=params.evaluate.orientations)
    return lambda image: predict(image[None])[0]


def measure(data: Dataset, sample: int, params: Params) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
    """Truth and intensities of the columns in a sample's field, and the network's input (rows, cols, 1)."""
    sampling = params.base.sampling_angstrom
    image, columns = example(data, sample, params=params, epoch=None, in_field=False)
    inside = columns[columns["in_field"]].reset_index(drop=True)
    measured = table.measure(
        sample,
        inside,
        image[..., 0],
        detected(data.image(sample), sample, params=params, energy_ev=data.energy_ev(sample)),
        split=str(data.samples.loc[sample, "split"]),
        sampling_angstrom=sampling,
    )
    places = ["row", "col"]
    edge = slices.edge_distances_angstrom(inside[places], columns[places], sampling_angstrom=sampling)
    return measured.assign(edge_distance_angstrom=edge), image


def _each_measured(
    data: Dataset, samples: Iterable[int], params: Params, *, what: str
) -> Iterator[tuple[pd.DataFrame, npt.NDArray[np.float32]]]:
    """:func:`measure` of every sample in order, as many at once as there are cores."""
    numbers = [int(sample) for sample in samples]
    # The fits' matrix products are small: shared among threads they take three times the CPU time in waiting.
    with threadpool_limits(limits=1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        parts = pool.map(lambda sample: measure(data, sample, params), numbers)
        yield from tqdm(parts, total=len(numbers), desc=what, disable=None)


def measure_all(data: Dataset, samples: Iterable[int], params: Params) -> pd.DataFrame:
    """Truth and intensities of many samples' columns."""
    parts = [truth for truth, _ in _each_measured(data, samples, params, what="measuring")]
    return pd.concat(parts, ignore_index=True)


def predict_all(data: Dataset, samples: Iterable[int], network: Network, counter: Counter, params: Params) -> Predicted:
    """The same with the network's counts at every true column, and how well columns are found."""
    sampling = params.base.sampling_angstrom
    gap = nearest_column_angstrom(data, sampling_angstrom=sampling)
    parts, detection = [], Detection(0, 0, 0, 0)
    for truth, image in _each_measured(data, samples, params, what="predicting"):
        maps = network(image)
        positions = truth[["row", "col"]].to_numpy()
        parts.append(table.with_predictions(truth, counter(image, maps, positions)))
        # The scorer's own settings: what is measured here is what a user gets.
        maxima = find_columns(
            maps,
            sampling_angstrom=sampling,
            min_distance_angstrom=DISTANCE_SHARE * gap,
            threshold=THRESHOLD_ATOMS,
        )
        found, _ = counter.found(image, maps, maxima, threshold=THRESHOLD_ATOMS)
        detection += detect(positions, found, shape=maps.shape[:2], sampling_angstrom=sampling)
    return Predicted(pd.concat(parts, ignore_index=True), detection)


def describe(data: Dataset, samples: npt.NDArray[np.int64], params: Params) -> pd.DataFrame:
    """What slices are cut by, indexed by sample: chemistry model, dose and microscope settings."""
    doses = [
        drawn_effects(data.image(int(sample)), int(sample), params=params).dose_per_square_angstrom[0]
        for sample in samples
    ]
    return data.samples.loc[samples, ["chemistry", *SETTINGS]].assign(dose_per_square_angstrom=doses)
