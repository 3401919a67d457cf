"""Versions of the model in the MLflow registry: promotion, rollback, and the trace back to the data.

What is recorded when: the run holds ``dvc.lock`` as training found it (the stages of the data); a version holds it as
promotion found it (everything up to the gate). Both are artifacts of the run, the second's hash a tag of the version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from heamap.contract import METADATA_KEY, Contract
from heamap.errors import InputError
from heamap.lifecycle import decisions, flavor, tracking
from heamap.lifecycle import lineage as origins

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

ONNX_TAG = "heamap.onnx.sha256"
LOCK_TAG = "heamap.dvc_lock.sha256"
GATE_TAG = "heamap.gate.passed"
ONNX_FILE = "model.onnx"
ONNX_OUTPUT = "models/model.onnx"
"""What ``dvc.lock`` calls the exported model."""


class NoChampionError(InputError):
    """No registry, or no version of a model that has passed its gate."""


@dataclass(frozen=True)
class Promotion:
    """A version in the registry and the decision that gave it its alias."""

    model_name: str
    version: str
    onnx_sha256: str
    run_id: str
    decision: decisions.Decision


@dataclass(frozen=True)
class Link:
    """One link from a version to its data; ``fault`` is empty when it holds."""

    name: str
    value: str
    fault: str = ""

    def __str__(self) -> str:
        return f"{'FAILED' if self.fault else 'ok':<7}{self.name:<20}{self.value}{self.fault and f': {self.fault}'}"


@dataclass(frozen=True)
class Trace:
    """Registry version, run, commit, ``dvc.lock``, data, ONNX file; printed one a line."""

    links: tuple[Link, ...]

    @property
    def sound(self) -> bool:
        return not any(link.fault for link in self.links)

    def __str__(self) -> str:
        return "\n".join(str(link) for link in self.links)


def promote(onnx_path: Path, run_id: str, verdict: Mapping[str, Any], *, model_name: str, lock: Path) -> Promotion:
    """Register an ONNX file with its lineage; champion when the gate was passed, else challenger.

    Doing it again changes nothing: the same file of the same run is one version, and a decision that is in force is
    not taken twice.

    Parameters
    ----------
    verdict : ``passed`` and ``criteria``, as in ``reports/gate.json``
    lock : ``dvc.lock``

    Raises
    ------
    InputError : no such run, no ``dvc.lock``
    """
    if not lock.exists():
        raise InputError(f"{lock} is missing, so the lineage is unknown; run the line with dvc repro")
    server = tracking.client()
    tracking.find_run(run_id, server)
    digest = origins.sha256(onnx_path)
    version = _registered(server, model_name, run_id, digest) or _register(onnx_path, run_id, digest, model_name, lock)
    passed = bool(verdict["passed"])
    failed = [criterion["name"] for criterion in verdict["criteria"] if not criterion["passed"]]
    server.set_model_version_tag(model_name, version, GATE_TAG, str(passed).lower())
    if passed:
        decision = decisions.decide(model_name, "promote", version, reason="gate passed")
    else:
        decision = decisions.decide(model_name, "challenge", version, reason=f"gate failed: {', '.join(failed)}")
    return Promotion(model_name, version, digest, run_id, decision)


def _registered(server: "MlflowClient", model_name: str, run_id: str, digest: str) -> str | None:
    found = server.search_model_versions(f"name = '{model_name}' and run_id = '{run_id}'")
    return next((str(entry.version) for entry in found if entry.tags.get(ONNX_TAG) == digest), None)


def _register(onnx_path: Path, run_id: str, digest: str, model_name: str, lock: Path) -> str:
    import mlflow
    import onnx
    import onnxruntime

    with tracking.resume(run_id) as run:
        needs = [f"onnx=={onnx.__version__}", f"onnxruntime=={onnxruntime.__version__}"]
        logged = flavor.log_model(onnx.load(onnx_path), digest, needs)
        mlflow.log_artifact(str(lock), str(Path(_lock_artifact(digest)).parent))
        known = tracking.run_lineage(run)
    tags = {ONNX_TAG: digest, LOCK_TAG: origins.sha256(lock), tracking.COMMIT_TAG: known.commit}
    tags |= {f"{tracking.DATA_TAG}{path}": value for path, value in known.data.items()}
    return str(mlflow.register_model(logged.model_uri, model_name, tags=tags).version)


def _lock_artifact(onnx_digest: str) -> str:
    return f"promotion/{onnx_digest[:16]}/{origins.LOCK}"


def rollback(model_name: str) -> decisions.Decision:
    """Make the previous champion champion again, and write that down.

    The previous one is the version that the present champion's promotion replaced.

    Raises
    ------
    InputError : no champion, or it replaced none
    """
    present = _champion(model_name)
    past = [entry for entry in decisions.decisions(model_name) if (entry.action, entry.version) == ("promote", present)]
    previous = past[-1].replaced_version if past else ""
    if not previous:
        raise InputError(f"version {present} of {model_name} is the first champion; there is none to go back to")
    return decisions.decide(model_name, "rollback", previous, reason=f"instead of version {present}")


def _champion(model_name: str) -> str:
    version = decisions.holder_of(model_name, decisions.CHAMPION) if _is_there(tracking.tracking_uri()) else None
    if version is None:
        raise NoChampionError(
            f"{model_name} has no champion in {tracking.tracking_uri()}: no model has passed its gate "
            "(reports/gate.json); give --model FILE, or mend what failed"
        )
    return version


def _is_there(uri: str) -> bool:
    """Whether there is a registry to ask; asking makes the tables of a database that is not there."""
    return not uri.startswith("sqlite:") or Path(urlparse(uri).path[1:]).exists()


def champion_version(model_name: str) -> str:
    """Version of the champion in the registry.

    Raises
    ------
    NoChampionError
    """
    return _champion(model_name)


def champion_onnx(model_name: str) -> Path:
    """The champion's ONNX file, checked against the hash it was registered with.

    Raises
    ------
    NoChampionError
    InputError : a file that is not what was registered
    """
    version = _champion(model_name)
    path = _version_onnx(model_name, version)
    if origins.sha256(path) != find_version(model_name, version).tags.get(ONNX_TAG):
        raise InputError(f"{path} is not the file that was registered as version {version} of {model_name}")
    return path


def find_version(model_name: str, version: str) -> "ModelVersion":
    """A version's entry in the registry.

    Raises
    ------
    InputError : no such version
    """
    from mlflow.exceptions import MlflowException

    try:
        return tracking.client().get_model_version(model_name, version)
    except MlflowException:
        raise InputError(f"no version {version} of {model_name} in {tracking.tracking_uri()}") from None


def _version_onnx(model_name: str, version: str) -> Path:
    import mlflow

    return Path(mlflow.artifacts.download_artifacts(f"models:/{model_name}/{version}")) / ONNX_FILE


def lineage(model_name: str, version: str, root: Path | None = None) -> Trace:
    """Trace a version back to its data, and check every link again in a clone.

    Parameters
    ----------
    root : the clone; None: the one at hand

    Raises
    ------
    InputError : no such version
    """
    return Trace(tuple(_links(find_version(model_name, version), root or tracking.repository_root())))


def _links(entry: "ModelVersion", root: Path) -> Iterator[Link]:
    yield Link("version", f"{entry.version} of {entry.name}")
    try:
        run = tracking.find_run(entry.run_id, tracking.client())
    except InputError as error:
        yield Link("run", entry.run_id, str(error))
        return
    known = tracking.run_lineage(run)
    yield Link("run", entry.run_id)
    registered = entry.tags.get(tracking.COMMIT_TAG, "")
    fault = _unlike(known.commit, registered, "registered")
    yield Link("commit", known.commit or "none", fault or _absent(root, known.commit))
    onnx_path = _version_onnx(entry.name, entry.version)
    digest = origins.sha256(onnx_path)
    yield _lock_link("dvc.lock, trained", entry.run_id, f"lineage/{origins.LOCK}", known.data)
    outputs = known.data | {ONNX_OUTPUT: origins.md5(onnx_path)}
    promoted = _lock_artifact(entry.tags.get(ONNX_TAG, ""))
    yield _lock_link("dvc.lock, promoted", entry.run_id, promoted, outputs, entry.tags.get(LOCK_TAG, ""))
    cache = origins.cache_folder(root)
    for path in origins.DATA:
        recorded = known.data.get(path, "")
        fault = _unlike(recorded, entry.tags.get(f"{tracking.DATA_TAG}{path}", ""), "registered")
        yield Link(path, recorded or "none", fault or origins.cache_fault(cache, recorded) or "")
    fault = _unlike(digest, entry.tags.get(ONNX_TAG, ""), "registered")
    if not fault and onnx_contract(onnx_path).lineage != known:
        fault = "the contract inside names another origin"
    yield Link("onnx", digest, fault)


def _absent(root: Path, commit: str) -> str:
    return "" if origins.has_commit(root, commit) else f"no such commit in {root}"


def _unlike(found: str, wanted: str, how: str) -> str:
    return "" if found == wanted and found else f"{how} as {wanted or 'nothing'}"


def _lock_link(name: str, run_id: str, artifact: str, outputs: Mapping[str, str], wanted: str | None = None) -> Link:
    """A stored ``dvc.lock``: unchanged since (where its hash is known), and locking these outputs."""
    path = run_artifact(run_id, artifact)
    if path is None:
        return Link(name, artifact, "the run does not hold it")
    digest = origins.sha256(path)
    if wanted is not None and digest != wanted:
        return Link(name, digest, f"registered as {wanted or 'nothing'}")
    locked = origins.locked_outputs(path.read_text())
    differing = [output for output, value in outputs.items() if locked.get(output) != value]
    return Link(name, digest, f"it locks other content of {', '.join(differing)}" if differing else "")


def run_artifact(run_id: str, artifact: str) -> Path | None:
    """A file that a run holds; None where it does not."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=artifact))
    except (MlflowException, OSError):
        return None


def onnx_contract(path: Path) -> Contract:
    """The contract inside an ONNX file.

    Raises
    ------
    InputError : none, or one that this version does not accept
    """
    import onnx

    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return Contract.from_metadata({METADATA_KEY: metadata[METADATA_KEY]} if METADATA_KEY in metadata else {}, str(path))
