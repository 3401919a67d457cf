"""A clone in which a tiny line seems to have run, with a model that is right in every column."""

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from heamap.contract import METADATA_KEY
from heamap.dataset.examples import example
from heamap.dataset.images import ImageFolder
from heamap.dataset.labels import label_maps
from heamap.dataset.store import open_dataset, write_structures
from heamap.elements import ELEMENTS
from heamap.evaluation import table
from heamap.params import load
from heamap.structures.motif import Motif
from heamap.structures.sample import draw_structures

ROOT = Path(__file__).parents[3]
EPOCHS = 3
RECORD = {
    "energy_ev": 200e3,
    "semiangle_mrad": 18.0,
    "defocus_angstrom": 0.0,
    "spherical_aberration_angstrom": 0.0,
    "astigmatism_angstrom": 0.0,
    "astigmatism_angle_radian": 0.0,
    "detector_inner_mrad": 50.0,
    "detector_outer_mrad": 70.0,
    "engine": "made-up",
    "configurations": 1,
    "interpolation": 1,
    "potential_sampling_angstrom": 0.1,
    "relative_error": 0.0,
}
MOTIF = Motif(
    calculator="zhou-eam",
    elements=ELEMENTS,
    temperature_kelvin=800.0,
    lattice_constant_angstrom=3.69,
    lattice_constant_spread_angstrom=0.0,
    displacement_angstrom=(0.05,) * 5,
    quenched_displacement_angstrom=(0.05,) * 5,
    warren_cowley=[np.zeros((5, 5)).tolist()] * 2,
    evolved_warren_cowley=[np.zeros((5, 5)).tolist()] * 2,
    energy_ev={},
    acceptance=0.5,
    pure_metals=[],
)


def write_images(folder: Path, structures, params) -> None:
    """Images that are the labels' sum, by a thousand: a column is as bright as it is thick."""
    images = ImageFolder(folder, samples=len(structures.samples), pixels=params.base.pixels)
    for sample in range(len(structures.samples)):
        columns = structures.columns[structures.columns["sample"] == sample]
        maps = label_maps(
            columns["row"].to_numpy(),
            columns["col"].to_numpy(),
            columns[list(ELEMENTS)].to_numpy(),
            shape=(params.base.pixels,) * 2,
            sigma_pixels=3.0,
        )
        images.write(sample, maps.sum(axis=-1) / 1000, key="k", record=RECORD)
    images.finish()


def right_predictions(clone: Path, params) -> pd.DataFrame:
    dataset = open_dataset(clone / "data/structures", clone / "data/images")
    parts = []
    for sample in dataset.split("test").tolist():
        image, columns = example(dataset, sample, params=params, epoch=None)
        shown = image[..., 0]
        part = table.measure(sample, columns, shown, shown, split="test", sampling_angstrom=0.2)
        parts.append(table.with_predictions(part, table.element_counts(part, "true")))
    return pd.concat(parts, ignore_index=True)


def write_scores(clone: Path) -> None:
    """Two columns of one simulated micrograph: Pt a half and nothing where the truth has a half and a quarter."""
    folder = clone / "data/scores/particle"
    folder.mkdir(parents=True)
    shares = pd.DataFrame(0.0, index=range(2), columns=[f"fraction_{symbol}" for symbol in ELEMENTS])
    shares["fraction_Pt"], shares["fraction_Fe"] = [0.5, 0.0], [0.5, 1.0]
    shares.to_csv(folder / "columns.csv", index=False)
    Figure(figsize=(3, 2)).savefig(folder / "figure.png")
    (clone / "data/scores/summary.json").write_text(json.dumps({"model": {"sha256": "another"}}))
    truth = pd.DataFrame(0, index=range(2), columns=list(ELEMENTS)).assign(Pt=[2, 1], Co=[2, 3])
    (clone / "examples/truth").mkdir(parents=True)
    truth.to_csv(clone / "examples/truth/particle.csv", index=False)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    clone = tmp_path_factory.mktemp("clone")
    shutil.copy(ROOT / "tests/pipeline/params.tiny.yaml", clone / "params.yaml")
    params = load(clone / "params.yaml")
    for name in ("data/motifs", "data/evaluation", "plots/training", "models"):
        (clone / name).mkdir(parents=True)
    (clone / "data/motifs/motifs.json").write_text(MOTIF.to_json())
    structures = draw_structures(params.base, params.structures, MOTIF)
    write_structures(clone / "data/structures", structures.samples, structures.atoms, structures.columns)
    write_images(clone / "data/images", structures, params)
    right_predictions(clone, params).to_parquet(clone / "data/evaluation/predictions.parquet", index=False)
    curves = pd.DataFrame({"epoch": range(1, EPOCHS + 1), "loss": 2.0, "val_loss": 3.0})
    curves.assign(**{f"val_r2_{symbol}": 0.5 for symbol in ELEMENTS}).to_csv(
        clone / "plots/training/learning_curves.csv", index=False
    )
    examples = runpy.run_path(str(ROOT / "tests/unit/serving/serving_examples.py"))
    examples["write_model"](clone / "models/model.onnx", {METADATA_KEY: examples["make_contract"]().to_json()})
    write_scores(clone)
    return clone


@pytest.fixture
def clone(finished, tmp_path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(finished, tmp_path / "clone"))
