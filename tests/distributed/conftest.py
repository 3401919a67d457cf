"""A small training that takes seconds, and its launcher."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from heamap.dataset.images import ImageFolder
from heamap.dataset.store import ATOM_FIELDS, RECORD_FIELDS, SAMPLE_FIELDS, write_structures
from heamap.elements import ELEMENTS

REPOSITORY = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")
PIXELS = 32
SPLITS = ("train",) * 9 + ("validation",) * 3

Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of a few columns as blobs, stored as the line stores them."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(5)
    images = ImageFolder(root / "images", samples=len(SPLITS), pixels=PIXELS)
    samples, columns = [], []
    row, col = np.mgrid[:PIXELS, :PIXELS]
    for sample, split in enumerate(SPLITS):
        positions = np.stack(np.meshgrid([4.3, 15.8, 27.1], [5.2, 16.9, 28.4]), -1).reshape(-1, 2)
        positions = positions + rng.uniform(-1, 1, positions.shape)
        counts = rng.integers(0, 6, (len(positions), len(ELEMENTS)))
        brightness = counts @ np.array([8.0, 1.0, 4.0, 1.0, 1.0]) * 1e-3
        blobs = np.exp(-((row[..., None] - positions[:, 0]) ** 2 + (col[..., None] - positions[:, 1]) ** 2) / 8)
        image = (blobs @ brightness).astype(np.float32)
        images.write(sample, image, key="toy", record=dict.fromkeys(RECORD_FIELDS, 0.0) | {"engine": "toy"})
        samples.append(
            dict.fromkeys(SAMPLE_FIELDS, 0.0) | {"sample": sample, "split": split, "structure_hash": str(sample)}
        )
        columns.append(
            pd.DataFrame(counts.astype(np.int16), columns=list(ELEMENTS)).assign(
                sample=sample, column=range(len(counts)), row=positions[:, 0], col=positions[:, 1],
                total=counts.sum(1), order="", in_field=True,
            )
        )  # fmt: skip
    images.finish()
    atoms = pd.DataFrame(0, index=range(len(SPLITS)), columns=list(ATOM_FIELDS)).assign(sample=range(len(SPLITS)))
    write_structures(root / "structures", pd.DataFrame(samples), atoms, pd.concat(columns))
    return root


@pytest.fixture
def launch(data: Path, tmp_path: Path) -> Launch:
    """Train in ``tmp_path / name`` with changed parameters on a number of ranks; the worker leaves weights.npz."""

    def run(name: str, *options: str, ranks: int, **changes: Any) -> subprocess.CompletedProcess[str]:
        values = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
        values["base"]["pixels"] = PIXELS
        values["train"] |= {"ranks": ranks, "batch": 4, "crop_pixels": PIXELS, "filters": [4, 8], "epochs": 1}
        values["train"] |= {"statistics_images": 2, "mixed_precision": False} | changes
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "params.yaml").write_text(yaml.safe_dump(values))
        binaries = Path(sys.executable).parent
        start = [str(binaries / "horovodrun"), "--gloo", "-np", str(ranks)] if ranks > 1 else []
        path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "serving")])
        return subprocess.run(
            [*start, sys.executable, str(WORKER), str(data), *options],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": path, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
