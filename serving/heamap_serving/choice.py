"""Which model scores: the file that was named, else the registry's champion, else the model that ships with heamap."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from heamap import released
from heamap.errors import InputError
from heamap_serving.session import NAMED, Model, load_model

DEFAULT_MODEL = "heamap-fcn"
"""Name in the registry."""
SHIPPED = Path(__file__).parent / "released"


@dataclass(frozen=True)
class Choice:
    """A model to load.

    Attributes
    ----------
    path : of the ONNX file
    origin : where it comes from, in words
    version : in the registry, of its champion
    sha256 : that the file is held to; None for a file that was named
    """

    path: Path
    origin: str
    version: str | None = None
    sha256: str | None = None

    def load(self) -> Model:
        """Load it, and say in one line on standard error which it is.

        Raises
        ------
        InputError : as ``load_model``
        """
        model = load_model(self.path, sha256=self.sha256, version=self.version, origin=self.origin)
        tqdm.write(f"model: {model.origin} ({model.name}, SHA-256 {model.sha256[:16]})", file=sys.stderr)
        return model


def choose(file: Path | None = None, model_name: str | None = None, *, shipped: Path = SHIPPED) -> Choice:
    """Choose the model to score with.

    Parameters
    ----------
    file : ONNX file, taken before all others
    model_name : in the registry, whose champion is then the only choice; None: ``DEFAULT_MODEL``, and where there is no
        registry or no champion, the model that ships
    shipped : folder of the model that ships

    Raises
    ------
    InputError : there is none, or the registry's or the shipped file is not what is recorded
    """
    if file is not None:
        return Choice(file, NAMED)
    if find_spec("mlflow") is None:
        fault = InputError("no model registry here: MLflow is not installed; give --model FILE (model=FILE in Python)")
    else:
        # MLflow is no part of the scorer's own installation, so the registry is only asked for by name.
        registered = import_module("heamap.lifecycle.registry")
        try:
            return champion(model_name or DEFAULT_MODEL)
        except registered.NoChampionError as absence:
            fault = absence
    if model_name is not None:
        raise fault
    if not released.is_there(shipped):
        raise InputError(f"{fault}; none ships with this heamap either")
    record = released.read(shipped)
    return Choice(shipped / released.MODEL_FILE, f"released with heamap {record.heamap}", sha256=record.sha256)


def champion(model_name: str) -> Choice:
    """The registry's champion.

    Raises
    ------
    InputError : no champion, or its file is not what was registered
    """
    registered = import_module("heamap.lifecycle.registry")
    path, version = Path(registered.champion_onnx(model_name)), registered.champion_version(model_name)
    return Choice(path, f"champion of the registry, version {version} of {model_name}", version)
