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
from heamap_serving.options import DEFAULTS, Options
from heamap_serving.score import Calibration
from heamap_serving.session import Model

RECORD = "provenance.json"
KEY = "batch"
"""Of the part of the provenance that a batch writes: what the result was made of, and its line of the summary."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def made_of(input_sha256: str, model: Model, calibration: Calibration, options: Options = DEFAULTS) -> dict[str, Any]:
    """All that decides a result; where one of these differs, it is made again."""
    return {
        "input": input_sha256,
        "model": model.sha256,
        "options": {
            **asdict(calibration),
            "roi": options.region.roi,
            "mask": None if options.region.mask is None else hashlib.sha256(options.region.mask.tobytes()).hexdigest(),
            "elements": options.elements,
        },
        "heamap": heamap.__version__,
    }


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name when the block ends well, in place of an earlier one of that name.

    What a stopped process leaves behind is hidden by a leading dot and cleared away by the next one.
    """
    partial = folder.with_name(f".{folder.name}.partial")
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
    try:
        noted = json.loads((folder / RECORD).read_text())[KEY]
        same = noted["made_of"] == json.loads(json.dumps(origin))
        record: dict[str, Any] = dict(noted["record"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if same else None
