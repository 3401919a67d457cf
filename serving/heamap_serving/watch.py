"""A folder that micrographs land in: each is scored once it is whole."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heamap.errors import InputError
from heamap_serving.batch import Found, Summary, score_file, write_summary
from heamap_serving.options import Options
from heamap_serving.readers import READERS
from heamap_serving.score import Calibration
from heamap_serving.session import Model

SECONDS = 2.0
"""Between looks at the folder; a file that did not change from one to the next has landed."""

State = tuple[int, int]
"""Size and time of change of a file."""


@dataclass
class Folder:
    """What was seen of a folder at the last look, and what of it was handed out."""

    path: Path
    seen: dict[Path, State] = field(default_factory=dict)
    done: dict[Path, State] = field(default_factory=dict)

    def landed(self) -> Iterator[Path]:
        """Micrographs that stayed as they were since the last look, each state of each file once.

        A file that is written anew after it was handed out is handed out again.
        """
        now = dict(self._look())
        for path, state in now.items():
            if state == self.seen.get(path) and state != self.done.get(path):
                self.done[path] = state
                yield path
        self.seen = now

    def _look(self) -> Iterator[tuple[Path, State]]:
        try:
            entries = sorted(self.path.iterdir())
        except OSError:
            # A drive that is away for a moment comes back with what it held.
            return
        for path in entries:
            if path.suffix.lower() in READERS and not path.name.startswith("."):
                try:
                    status = path.stat()
                except OSError:
                    # Gone since the folder was listed.
                    continue
                if path.is_file() and status.st_size:
                    yield path, (status.st_size, status.st_mtime_ns)


def watch(
    path: Path,
    out: Path,
    model: Model,
    calibration: Calibration,
    options: Options,
    say: Callable[[str], None],
    *,
    seconds: float = SECONDS,
) -> Summary:
    """Score what lands in a folder until interrupted (Ctrl-C); the summary and ``index.html`` are kept up to date.

    The folder is looked at every few seconds, which works on network drives too. Results of ``a.dm4`` go to
    ``out/a.dm4``: the whole name, so that it does not depend on what lands later. What an earlier watch has scored
    with the same model and choices is not scored again.

    Raises
    ------
    InputError : no such folder
    """
    if not path.is_dir():
        raise InputError(f"--watch {path}: no such folder")
    out.mkdir(parents=True, exist_ok=True)
    folder, records = Folder(path), dict[str, dict[str, Any]]()
    say(f"watching {path}; Ctrl-C ends it")
    try:
        while True:
            for file in folder.landed():
                records[file.name] = _attempt(file, out / file.name, model, calibration, options, say)
                write_summary(out, _summary(records), Found((), ()), model)
            time.sleep(seconds)
    except KeyboardInterrupt:
        summary = _summary(records)
        say(f"ended: {len(records) - summary.failed} of {len(records)} scored; see {out}")
        return summary


def _attempt(
    file: Path, folder: Path, model: Model, calibration: Calibration, options: Options, say: Callable[[str], None]
) -> dict[str, Any]:
    choices = _fingerprint(file, model, calibration, options)
    kept = _kept(folder, choices)
    if kept is not None:
        say(f"{file.name}: scored before")
        return kept
    try:
        record = score_file(file, folder, model, calibration, options)
    except (InputError, OSError) as error:
        say(f"{file.name}: {error}")
        return {"file": str(file), "folder": "", "status": "failed", "message": str(error)}
    (folder / "watched.json").write_text(json.dumps({"choices": choices, "record": record}, indent=2) + "\n")
    said = "".join(f"; {line}" for line in [record["aggregated"]] if line)
    say(f"{file.name}: {record['columns']} columns, {record['mean_total']:.1f} atoms each{said}")
    return record


def _kept(folder: Path, choices: str) -> dict[str, Any] | None:
    """The record of an earlier run under the same choices; it is written last, so the rest is whole."""
    try:
        earlier = json.loads((folder / "watched.json").read_text())
        record: dict[str, Any] = earlier["record"]
        return record if earlier["choices"] == choices else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fingerprint(file: Path, model: Model, calibration: Calibration, options: Options) -> str:
    """A hash of all that the result depends on."""
    region = options.region
    mask = b"" if region.mask is None else region.mask.tobytes()
    parts = (model.sha256, model.provider, calibration, region.roi, hashlib.sha256(mask).hexdigest(), options.elements)
    try:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        content = "unreadable"
    return hashlib.sha256(repr((content, *parts)).encode()).hexdigest()


def _summary(records: dict[str, dict[str, Any]]) -> Summary:
    ordered = tuple(records[name] for name in sorted(records))
    return Summary(ordered, sum(record["status"] == "failed" for record in ordered))
