"""What a killed training goes on from: the state after its last finished epoch."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.dataset.store import Dataset
from heamap.params import Params

FILE = "state.npz"

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class State:
    """Where a training stands.

    Attributes
    ----------
    variables : those of ``Step.variables``
    best : weights of the network after the epoch of the lowest validation loss
    history : metrics by finished epoch
    """

    variables: Arrays
    best: Arrays
    history: list[dict[str, float]]


def fingerprint(params: Params, dataset: Dataset) -> str:
    """Identifies what a training depends on: its parameters and its data."""
    decisive = {"base": params.base.model_dump(mode="json"), "train": params.train.model_dump(mode="json")}
    table = dataset.samples[["split", "structure_hash", "image_hash"]]
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode())
    digest.update(table.to_csv().encode())
    return digest.hexdigest()


def save(folder: Path, state: State, *, fingerprint: str) -> None:
    """Replace the checkpoint; a kill at any moment leaves a whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    meta = np.array(json.dumps({"fingerprint": fingerprint, "history": state.history}))
    arrays: dict[str, Any] = {"meta": meta} | _named("variable", state.variables) | _named("best", state.best)
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(folder / FILE)


def load(folder: Path, *, fingerprint: str) -> State | None:
    """The checkpoint of this very training, or None if there is none."""
    path = folder / FILE
    if not path.exists():
        return None
    with np.load(path) as stored:
        meta = json.loads(str(stored["meta"]))
        if meta["fingerprint"] != fingerprint:
            return None
        return State(_listed("variable", stored), _listed("best", stored), meta["history"])


def _named(kind: str, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    return {f"{kind}{index:04d}": array for index, array in enumerate(arrays)}


def _listed(kind: str, stored: np.lib.npyio.NpzFile) -> Arrays:
    return [stored[name] for name in sorted(stored.files) if name.startswith(kind)]
