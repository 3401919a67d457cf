"""What the figures are drawn from: the line's outputs in a clone, each with the stage that makes it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from heamap.dataset.exam import exam
from heamap.dataset.store import Dataset, open_dataset
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.targets import TARGETS
from heamap.params import Params, load
from heamap.structures.motif import Motif, read_motif
from heamap_serving.session import Model, load_model

PREDICTION_FIELDS = (
    *("sample", "peak_intensity"),
    *(f"{kind}_{target}" for kind in ("true", "pred") for target in TARGETS),
)
CURVE_FIELDS = ("epoch", "loss", "val_loss", *(f"val_r2_{symbol}" for symbol in ELEMENTS))
FRACTION_FIELDS = tuple(f"fraction_{symbol}" for symbol in ELEMENTS)


@dataclass(frozen=True)
class Micrograph:
    """A scored micrograph.

    Attributes
    ----------
    columns : one row a column, with ``FRACTION_FIELDS``
    picture : the scorer's
    truth : true counts of each column by element, of a simulated micrograph; else None
    """

    name: str
    columns: pd.DataFrame
    picture: Path
    truth: pd.DataFrame | None


@dataclass(frozen=True)
class Sources:
    """The outputs of a clone; each is read when first asked for.

    Every attribute raises InputError where its files are missing or are not what the stage writes.

    Attributes
    ----------
    root : the clone
    """

    root: Path

    @cached_property
    def params(self) -> Params:
        return load(self.root / "params.yaml")

    @cached_property
    def exam(self) -> Params:
        """What the test images are exposed with."""
        return exam(self.params)

    @cached_property
    def motif(self) -> Motif:
        return read_motif(self._need("data/motifs/motifs.json", "motifs"))

    @cached_property
    def dataset(self) -> Dataset:
        self._need("data/structures/samples.parquet", "structures")
        self._need("data/images/microscope.parquet", "simulate")
        return open_dataset(self.root / "data/structures", self.root / "data/images")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Columns of the test split with truth, peak intensity and predictions (``PREDICTION_FIELDS`` and more)."""
        path = self._need("data/evaluation/predictions.parquet", "evaluate")
        return _checked(_read(path), path, PREDICTION_FIELDS, "evaluate")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Learning curves (``CURVE_FIELDS`` and more), one row an epoch."""
        path = self._need("plots/training/learning_curves.csv", "train")
        return _checked(_read(path), path, CURVE_FIELDS, "train")

    @cached_property
    def model(self) -> Model:
        return load_model(self._need("models/model.onnx", "export"))

    @cached_property
    def micrographs(self) -> tuple[Micrograph, ...]:
        """Scored micrographs by name; one in which no column was found has an empty table."""
        self._need("data/scores/summary.json", "score")
        folders = sorted(path.parent for path in (self.root / "data/scores").glob("*/columns.csv"))
        if not folders:
            raise InputError("data/scores holds no scored micrograph; see its summary.csv, then run: dvc repro score")
        return tuple(self._micrograph(folder) for folder in folders)

    @cached_property
    def scored_by_this_model(self) -> bool:
        """Whether the micrographs were scored by the model of the other figures, or by an earlier champion."""
        path = self._need("data/scores/summary.json", "score")
        try:
            scorer = json.loads(path.read_text())["model"]["sha256"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise InputError(f"{path} names no model; run: dvc repro --force --single-item score") from None
        model = self.root / "models/model.onnx"
        return model.exists() and hashlib.sha256(model.read_bytes()).hexdigest() == scorer

    def _micrograph(self, folder: Path) -> Micrograph:
        table = folder / "columns.csv"
        picture = self._need(str((folder / "figure.png").relative_to(self.root)), "score")
        truth = self.root / Path(self.params.score.micrographs).parent / "truth" / f"{folder.name}.csv"
        return Micrograph(
            folder.name,
            _checked(_read(table), table, FRACTION_FIELDS, "score"),
            picture,
            _checked(_read(truth), truth, ELEMENTS, "score") if truth.exists() else None,
        )

    def _need(self, name: str, stage: str) -> Path:
        path = self.root / name
        if not path.exists():
            raise InputError(f"{name} is missing; run: dvc repro {stage}")
        return path


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table: {' '.join(str(error).split())}") from None


def _checked(table: pd.DataFrame, path: Path, fields: Sequence[str], stage: str) -> pd.DataFrame:
    missing = [field for field in fields if field not in table.columns]
    if missing:
        raise InputError(f"{path} lacks the columns {missing}; run: dvc repro --force --single-item {stage}")
    return table
