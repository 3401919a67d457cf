"""The champion of a finished line as the model that ships: checked once more, and described by what the line wrote."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from pathlib import Path

import yaml

import heamap
from heamap import released
from heamap.contract import Contract
from heamap.dataset.store import open_dataset
from heamap.errors import InputError
from heamap.lifecycle import lineage, model_card, registry
from heamap.lifecycle.reports import read_list, read_report
from heamap.params import Params, load

POINTER = Path("models/run.json")
RUN_PARAMS = "lineage/params.yaml"
ENGINES = ("abtem", "ase", "tensorflow", "keras", "onnx")
"""Packages whose versions the card names."""


def release(line: Path, out: Path, model_name: str) -> released.Released:
    """Write the champion of a line with its card into a folder, as the scorer ships it (``heamap.released``).

    Parameters
    ----------
    line : folder in which ``dvc repro`` has run to its end

    Raises
    ------
    InputError : no champion; it did not pass the gate; a link of its lineage does not hold; the reports or the data in
        the folder are of another model; its file is too large
    """
    with registry_of(line):
        version = registry.champion_version(model_name)
        path = registry.champion_onnx(model_name)
        entry = registry.find_version(model_name, version)
        trace = registry.lineage(model_name, version, line)
        settings = registry.run_artifact(entry.run_id, RUN_PARAMS)
    name = f"version {version} of {model_name}"
    if entry.tags.get(registry.GATE_TAG) != "true":
        raise InputError(f"{name} did not pass its gate; only a model that did is released")
    if not trace.sound:
        faults = "; ".join(f"{link.name}: {link.fault}" for link in trace.links if link.fault)
        raise InputError(f"the lineage of {name} does not hold: {faults}")
    if settings is None:
        raise InputError(f"the run of {name} holds no {RUN_PARAMS}; train it again")
    digest = lineage.sha256(path)
    promotion = read_report(line / "reports/promotion.json")
    if promotion["onnx_sha256"] != digest:
        raise InputError(
            f"the reports in {line} are of version {promotion['version']}, the champion is {name}; "
            "run the line of the champion again, or release the folder that it was made in"
        )
    contract = registry.onnx_contract(path)
    if lineage.data_hashes(line / lineage.LOCK) != contract.lineage.data:
        raise InputError(f"the data in {line} are no longer those of {name}; run dvc checkout there")
    verdict = read_report(line / "reports/gate.json")
    card = model_card.page(
        model_card.Facts(
            contract=contract,
            params=parameters(line),
            samples=open_dataset(line / "data/structures", line / "data/images").samples,
            evaluation=read_report(line / "reports/evaluation.json"),
            targets=read_list(line / "reports/targets.json"),
            gate=verdict,
            file_bytes=path.stat().st_size,
            lineage={
                "ONNX SHA-256": digest,
                "registry": name,
                "run": entry.run_id,
                **_commits(line, contract, verdict.get("commit", "")),
                **{f"{folder} (DVC)": value for folder, value in contract.lineage.data.items()},
                "dvc.lock at promotion, SHA-256": entry.tags[registry.LOCK_TAG],
                "params.yaml of the run, SHA-256": lineage.sha256(settings),
                "heamap": heamap.__version__,
                "packages": ", ".join(f"{package} {version_of(package)}" for package in ENGINES),
            },
        )
    )
    record = released.Released(
        sha256=digest,
        bytes=path.stat().st_size,
        run_id=entry.run_id,
        commit=contract.lineage.commit,
        heamap=heamap.__version__,
    )
    released.write(out, record, path.read_bytes(), card)
    return record


def _commits(line: Path, contract: Contract, judged: str) -> dict[str, str]:
    """A line of its own parameters (``tools/profile.sh``) commits them on top of the repository's commit.

    Evaluation, export and gate may run again at a later commit than the training, which the model is told by.
    """
    commit = contract.lineage.commit
    found = {"commit": commit, "its parent": lineage.parent_commit(line, commit) or "none"}
    later = judged not in ("", commit)
    return found | ({"judged at": judged, "parent of that": lineage.parent_commit(line, judged)} if later else {})


def parameters(line: Path) -> Params:
    """The parameters of a line's data and of its training, as they lie in its folder.

    The run's own copy may be of an earlier version of heamap, which knew fewer, where a trained model was judged again.

    Raises
    ------
    InputError : others than those that ``dvc.lock`` says data and training were made with
    """
    path = line / "params.yaml"
    found = load(path)
    values = yaml.safe_load(path.read_text())
    stages = yaml.safe_load((line / lineage.LOCK).read_text())["stages"]
    for stage in ("simulate", "train"):
        for block, used in stages[stage]["params"]["params.yaml"].items():
            if values[block] != used:
                raise InputError(
                    f"{path}: {block} was changed after stage {stage} had run; change it back, or run anew"
                )
    return found


@contextmanager
def registry_of(line: Path) -> Iterator[None]:
    """Inside the block, the registry asked is the one that the line in a folder was tracked in.

    Raises
    ------
    InputError : no run in the folder
    """
    uri = read_report(line / POINTER)["tracking_uri"]
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    try:
        yield
    finally:
        if before is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before
