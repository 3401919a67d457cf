"""The MLflow run of a training: parameters, git state, data digests, curves, files."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from heamap.contract import Lineage
from heamap.errors import InputError
from heamap.lifecycle import lineage
from heamap.params import Params

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient
    from mlflow.entities import Run

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# The database's hundred migrations are no news.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

EXPERIMENT = "heamap"
STAGE_TAG = "heamap.stage"
COMMIT_TAG = "heamap.git.commit"
DIRTY_TAG = "heamap.git.dirty"
DATA_TAG = "heamap.data."
WARNINGS_TAG = "heamap.validation.warnings"
READOUT_TAG, ORIENTATIONS_TAG = "heamap.readout", "heamap.orientations"
"""How the counts behind a run's test metrics were read, and off what: the run's parameters are those of the day it was
trained."""


def repository_root() -> Path:
    """The clone that runs belong to: DVC names the parent one to an experiment in a temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``, or the SQLite database in the clone."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{repository_root() / 'mlflow.db'}"


def client(uri: str | None = None) -> "MlflowClient":
    """A client of the tracking server and registry, with ``EXPERIMENT`` there; MLflow's own calls go there too."""
    import mlflow

    uri = uri or tracking_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    database = Path(urlparse(uri).path[1:]) if uri.startswith("sqlite:") else None
    with _one_at_a_time(database):
        found = mlflow.MlflowClient(uri)
        experiment = found.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            # A server keeps artifacts where it was told to; beside a database of ours lies a folder of ours.
            location = (database.parent / "mlruns").as_uri() if database else None
            found.create_experiment(EXPERIMENT, artifact_location=location)
    mlflow.set_experiment(EXPERIMENT)
    return found


@contextmanager
def _one_at_a_time(database: Path | None) -> Iterator[None]:
    """Two experiments that start together must not both make the tables."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested parameters with dotted names, as DVC writes them."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


@contextmanager
def start_run(stage: str, params: Params, run_id: str | None = None) -> Iterator["Run"]:
    """Start a run, or go on with an interrupted one; MLflow's own logging functions write to it inside the block.

    A new run records the parameters of every block, the git state, ``dvc.lock``, ``params.yaml`` and the DVC digests of
    the data, and watches the machine. Going on with it from another commit counts as dirt. A stage that adds to
    another's run records commit and dirt of its own, the last time it did so.

    Parameters
    ----------
    stage : whose run it is
    run_id : of the run to go on with; another stage's run is added to

    Raises
    ------
    InputError : no such run
    """
    import mlflow

    server = client()
    if run_id is None:
        with mlflow.start_run(run_name=stage, log_system_metrics=True) as run:
            _record_origin(stage, params)
            yield run
        return
    earlier = find_run(run_id, server)
    if earlier.data.tags.get(STAGE_TAG) != stage:
        with resume(run_id) as run:
            _record_addition(stage)
            yield run
        return
    with mlflow.start_run(run_id=run_id, log_system_metrics=True) as run:
        _record_resumption(earlier)
        yield run


@contextmanager
def resume(run_id: str) -> Iterator["Run"]:
    """Add to a finished run: what later stages found out about its model.

    Raises
    ------
    InputError : no such run
    """
    import mlflow

    find_run(run_id, client())
    with mlflow.start_run(run_id=run_id, log_system_metrics=False) as run:
        yield run


def _record_origin(stage: str, params: Params) -> None:
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    here = Path.cwd()
    state = lineage.git_state(here)
    hashes = lineage.data_hashes(here / lineage.LOCK)
    mlflow.set_tags(
        {STAGE_TAG: stage, COMMIT_TAG: state.commit, DIRTY_TAG: json.dumps(state.dirty)}
        | {f"{DATA_TAG}{path}": digest for path, digest in hashes.items()}
    )
    mlflow.log_params(flatten(params.model_dump(mode="json", by_alias=True)))
    for path, digest in hashes.items():
        mlflow.log_input(MetaDataset(CodeDatasetSource({"dvc": path}), name=path, digest=digest), context=stage)
    for name in (lineage.LOCK, "params.yaml"):
        if (here / name).exists():
            mlflow.log_artifact(str(here / name), "lineage")


def _record_resumption(earlier: "Run") -> None:
    import mlflow

    state = lineage.git_state(Path.cwd())
    dirty = {*json.loads(earlier.data.tags[DIRTY_TAG]), *state.dirty}
    if state.commit != earlier.data.tags[COMMIT_TAG]:
        dirty.add(
            f"resumed at commit {state.commit}; train anew: dvc repro --force --single-item train, then dvc repro"
        )
    mlflow.set_tag(DIRTY_TAG, json.dumps(sorted(dirty)))


def _record_addition(stage: str) -> None:
    import mlflow

    state = lineage.git_state(Path.cwd())
    mlflow.set_tags({f"{COMMIT_TAG}.{stage}": state.commit, f"{DIRTY_TAG}.{stage}": json.dumps(state.dirty)})


def find_run(run_id: str, server: "MlflowClient") -> "Run":
    """A run by its id.

    Raises
    ------
    InputError : no such run
    """
    from mlflow.exceptions import MlflowException

    try:
        return server.get_run(run_id)
    except MlflowException:
        raise InputError(
            f"no run {run_id} in {tracking_uri()}; train again: dvc repro --force --single-item train, then dvc repro"
        ) from None


def run_lineage(run: "Run") -> Lineage:
    """Commit and data of a run; an empty commit and missing hashes are what it did not know."""
    tags = run.data.tags
    data = {name.removeprefix(DATA_TAG): value for name, value in tags.items() if name.startswith(DATA_TAG)}
    return Lineage(run_id=run.info.run_id, commit=tags.get(COMMIT_TAG, ""), data=data)


def dirty_files(run: "Run") -> tuple[str, ...]:
    """What was changed or untracked when the run started, or when another stage added to it."""
    tags = {DIRTY_TAG: '["no record of the git state"]', **run.data.tags}
    records = [value for name, value in tags.items() if name == DIRTY_TAG or name.startswith(f"{DIRTY_TAG}.")]
    return tuple(sorted({file for record in records for file in json.loads(record)}))


def write_pointer(path: Path, run_id: str) -> None:
    """Write ``models/run.json``, which names the run to the stages after."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"run_id": run_id, "tracking_uri": tracking_uri()}, indent=1) + "\n")


def read_pointer(path: Path) -> str:
    """The run id in ``models/run.json``.

    Raises
    ------
    InputError : missing or not what training writes
    """
    try:
        return str(json.loads(path.read_text())["run_id"])
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the train stage") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise InputError(f"{path} names no run; run the train stage again") from None


def log_validation(report: Path) -> None:
    """Add the validation report to the active run, its warnings as a tag."""
    import mlflow

    warnings = json.loads(report.read_text())["warnings"]
    mlflow.set_tag(WARNINGS_TAG, "; ".join(f"{entry['suite']}.{entry['subject']}" for entry in warnings) or "none")
    mlflow.log_artifact(str(report), "validation")


def log_files(*paths: Path) -> None:
    """Add files and folders to the active run, each under the name of its parent folder."""
    import mlflow

    for path in paths:
        if path.is_dir():
            mlflow.log_artifacts(str(path), path.name)
        else:
            mlflow.log_artifact(str(path), path.parent.name)


def log_model(model: "keras.Model") -> None:
    """Add the Keras model with its signature to the active run."""
    import keras
    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    channels = model.output_shape[-1]
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype(np.float32), (-1, -1, -1, 1), model.inputs[0].name)]),
        Schema([TensorSpec(np.dtype(np.float32), (-1, -1, -1, channels), model.output_names[0])]),
    )
    mlflow.keras.log_model(
        model, name="keras", signature=signature, pip_requirements=[f"keras=={keras.__version__}", "tensorflow"]
    )
