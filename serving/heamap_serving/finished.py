"""What a batch has finished: results appear whole or not at all, and are known again by what they were made of."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import heamap
from heamap.errors import InputError
from heamap_serving.calibration import Calibration
from heamap_serving.options import DEFAULTS, Options
from heamap_serving.session import Model

RECORD = "provenance.json"
KEY = "batch"
"""Of the part of the provenance that a batch writes: what the result was made of, and its line of the summary."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file of any size; of a folder that is one image, of the names and contents of its files."""
    if path.is_dir():
        files = sorted(entry for entry in path.rglob("*") if entry.is_file())
        named = [f"{entry.relative_to(path).as_posix()} {file_sha256(entry)}\n" for entry in files]
        return hashlib.sha256("".join(named).encode("utf-8", "surrogateescape")).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def made_of(input_sha256: str, model: Model, calibration: Calibration, options: Options = DEFAULTS) -> dict[str, Any]:
    """All that decides a result; where one of these differs, it is made again."""
    return {
        "input": input_sha256,
        "model": model.sha256,
        "options": {
            **calibration.record(),
            "roi": options.region.roi,
            "mask": None if options.region.mask is None else hashlib.sha256(options.region.mask.tobytes()).hexdigest(),
            "elements": options.elements,
            **asdict(options.selection),
        },
        "heamap": heamap.__version__,
    }


def check_place(folder: Path) -> None:
    """Refuse to put a result in place of anything but an earlier result.

    Raises
    ------
    InputError : a file, or a folder with something in it that is no result
    """
    if folder.is_dir() and not folder.is_symlink():
        if not _is_result(folder) and any(folder.iterdir()):
            raise InputError(f"{folder} is no result of heamap and stays as it is; choose another --out, or move it")
    elif folder.exists() or folder.is_symlink():
        raise InputError(f"{folder} is no folder and stays as it is; choose another --out, or move it")


@contextmanager
def answering_for(folder: Path) -> Iterator[None]:
    """Where the block refuses the image or fails, an earlier result in the folder is removed.

    It is of other choices, or of what the file held before, and nobody would know.
    """
    try:
        yield
    except Exception:
        # Whatever went wrong, and it goes on its way; an interrupt alone leaves the folder, as nothing was found out.
        if _is_result(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name when the block ends well, in place of an earlier result of that name.

    What a stopped process leaves behind is hidden by a leading dot and cleared away by the next one.

    Raises
    ------
    InputError : as ``check_place``
    """
    check_place(folder)
    # A name may be as long as the file system allows: the hidden one is made of its hash.
    partial = folder.with_name(f".{hashlib.sha256(os.fsencode(folder.name)).hexdigest()[:16]}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def mark(folder: Path, origin: dict[str, Any], record: dict[str, Any]) -> None:
    """Note in the provenance of a result what it was made of and its line of the summary."""
    path = folder / RECORD
    provenance = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(provenance | {KEY: {"made_of": origin, "record": record}}, indent=2) + "\n")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def known(folder: Path, origin: dict[str, Any]) -> dict[str, Any] | None:
    """The line of the summary of a result that was made of the same; None where there is none."""
    noted = _noted(folder)
    same = noted is not None and noted["made_of"] == json.loads(json.dumps(origin))
    return noted["record"] if noted is not None and same else None


def replaces_another(folder: Path, input_sha256: str) -> bool:
    """Whether the result in a folder is of a file with another content."""
    noted = _noted(folder)
    return noted is not None and noted["made_of"].get("input") != input_sha256


def _is_result(folder: Path) -> bool:
    return (folder / RECORD).is_file()


def _noted(folder: Path) -> dict[str, Any] | None:
    """What a batch noted of a result in a folder; None where it made none."""
    try:
        noted = json.loads((folder / RECORD).read_text())[KEY]
        return {"made_of": dict(noted["made_of"]), "record": dict(noted["record"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
