"""Where a model comes from: the commit, the data that DVC locked, and the hashes that prove it."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from heamap.errors import InputError

DATA = ("data/structures", "data/images")
"""What a model is trained on; its DVC hashes are part of every lineage."""
LOCK = "dvc.lock"
CHUNK = 1 << 20


@dataclass(frozen=True)
class GitState:
    """A working tree.

    Attributes
    ----------
    commit : hash of HEAD; empty outside a repository or before the first commit
    dirty : changed or untracked paths that the run itself does not write
    """

    commit: str
    dirty: tuple[str, ...]


def git_state(root: Path) -> GitState:
    """The commit and the dirt of the working tree at ``root``.

    What the run itself writes is no dirt: ``dvc.lock``, the outputs that ``dvc.yaml`` declares and, in a DVC
    experiment, ``params.yaml``, which DVC edits and keeps with the experiment.
    """
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    status = _git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    if commit is None or status is None:
        return GitState("", ("no git commit",))
    own = run_writes(root)
    changed = (entry[3:] for entry in status.split("\0") if entry)
    dirty = [path for path in changed if not any(path == name or path.startswith(f"{name}/") for name in own)]
    return GitState(commit.strip(), tuple(sorted(dirty)))


def has_commit(root: Path, commit: str) -> bool:
    """Whether the repository holds a commit."""
    return bool(commit) and _git(root, "cat-file", "-e", f"{commit}^{{commit}}") is not None


def parent_commit(root: Path, commit: str) -> str:
    """The first parent of a commit; empty where it has none, or the repository does not hold it."""
    return (_git(root, "rev-parse", "--verify", "--quiet", f"{commit}^") or "").strip()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def run_writes(root: Path) -> tuple[str, ...]:
    """Paths that a run writes by itself, relative to ``root``."""
    names = [LOCK]
    if "DVC_EXP_NAME" in os.environ:
        names.append("params.yaml")
    pipeline = root / "dvc.yaml"
    stages = (yaml.safe_load(pipeline.read_text()) or {}).get("stages", {}) if pipeline.exists() else {}
    for stage in stages.values():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                names += [entry] if isinstance(entry, str) else list(entry)
    return tuple(name.rstrip("/") for name in names)


def locked_outputs(content: str) -> dict[str, str]:
    """MD5 by path of every output in the text of a ``dvc.lock``; a directory's ends in ``.dir``."""
    stages: Mapping[str, Any] = (yaml.safe_load(content) or {}).get("stages", {})
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", []) if "md5" in out}


def data_hashes(lock: Path) -> dict[str, str]:
    """DVC hashes of the data that a model is trained on; without those that are not locked."""
    outputs = locked_outputs(lock.read_text()) if lock.exists() else {}
    return {path: outputs[path] for path in DATA if path in outputs}


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return _digest(path, hashlib.sha256)


def md5(path: Path) -> str:
    """MD5 of a file's bytes: what DVC calls a file by."""
    return _digest(path, hashlib.md5)


def _digest(path: Path, algorithm: Callable[[], Any]) -> str:
    digest = algorithm()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return str(digest.hexdigest())


def cache_folder(root: Path) -> Path:
    """DVC's local cache of files for the repository at ``root``.

    Raises
    ------
    InputError : no DVC repository there
    """
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            return Path(repo.cache.local.path)
    except NotDvcRepoError:
        raise InputError(f"{root} is no DVC repository; run inside a clone of the project") from None


def cache_fault(cache: Path, digest: str) -> str | None:
    """What is wrong with a file or directory in DVC's cache, every byte read again; None when it is sound.

    DVC keeps a file under its MD5, and a directory as a JSON list of its files' MD5s.
    """
    name = digest.removesuffix(".dir")
    path = cache / name[:2] / f"{name[2:]}{digest[len(name) :]}"
    if not path.exists():
        return f"{digest} is not in the cache {cache}; dvc fetch brings what a remote has"
    if md5(path) != name:
        return f"{path} is not what its name says"
    if digest == name:
        return None
    faults = (cache_fault(cache, entry["md5"]) for entry in json.loads(path.read_text()))
    return next((fault for fault in faults if fault), None)
