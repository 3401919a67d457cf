"""A folder that micrographs land in: each is scored once it is whole."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heamap.errors import InputError
from heamap_serving.batch import Found, Job, Summary, failure, in_a_line, load, named, score_loaded, write_summary
from heamap_serving.calibration import Calibration
from heamap_serving.guarded import Reader, clear_pixels
from heamap_serving.io import READERS
from heamap_serving.io.folders import is_folder
from heamap_serving.names import shown
from heamap_serving.options import Options
from heamap_serving.positions.records import POSITIONS_ONLY
from heamap_serving.session import Model
from heamap_serving.threads import one_blas_thread

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
                    status = path.lstat() if path.is_symlink() and not path.exists() else path.stat()
                except OSError:
                    # Gone since the folder was listed.
                    continue
                # A link to nothing is named as one; an empty file is one that is about to be written.
                if status.st_size and not is_folder(path):
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
    InputError : no such folder, or results would lie among the micrographs, under their names
    """
    if not path.is_dir():
        raise InputError(f"--watch {path}: no such folder")
    if out.resolve() == path.resolve():
        raise InputError(f"--out {out}: is the folder that is watched; results need another one")
    out.mkdir(parents=True, exist_ok=True)
    folder, records = Folder(path), dict[str, dict[str, Any]]()
    say(f"watching {path}; Ctrl-C ends it")
    clear_pixels(out)
    try:
        with one_blas_thread(), Reader(out, selection=options.selection) as reader:
            while True:
                for file in folder.landed():
                    job = Job(file, out / file.name)
                    records[file.name] = _attempt(job, reader, model, calibration, options, say)
                    write_summary(out, _summary(records), Found((), ()), model)
                time.sleep(seconds)
    except KeyboardInterrupt:
        summary = _summary(records)
        done = len(records) - summary.failed - summary.positions_only
        found = f", {summary.positions_only} {POSITIONS_ONLY}" if summary.positions_only else ""
        say(f"ended: {done} of {len(records)} scored{found}; see {out}")
        return summary


def _attempt(
    job: Job, reader: Reader, model: Model, calibration: Calibration, options: Options, say: Callable[[str], None]
) -> dict[str, Any]:
    name = shown(job.path.name)
    try:
        loaded = load(job, reader, model, calibration, options)
        if loaded.record is not None:
            say(f"{name}: scored before")
            return named(job, loaded.record)
        record = score_loaded(job, loaded, model, calibration, options)()
    except Exception as error:  # noqa: BLE001  (told by ``in_a_line``)
        fault = in_a_line(error)
        say(f"{name}: {fault}")
        return failure(job, fault)
    if record["status"] == POSITIONS_ONLY:
        say(f"{name}: {POSITIONS_ONLY}, {record['columns']} columns: {record['message']}")
        return named(job, record)
    said = f"; {record['aggregated']}" if record["aggregated"] else ""
    said += f"; told outside of what the image alone says: {record['told_outside']}" if record["told_outside"] else ""
    say(f"{name}: {record['columns']} columns, {record['mean_total']:.1f} atoms each{said}")
    return named(job, record)


def _summary(records: dict[str, dict[str, Any]]) -> Summary:
    ordered = tuple(records[name] for name in sorted(records))
    return Summary(ordered, sum(record["status"] == "failed" for record in ordered))
