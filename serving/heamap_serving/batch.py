"""Many micrographs: found, read, scored and written side by side, summed up; a bad one does not stop the rest."""

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from heamap.errors import InputError
from heamap_serving import finished
from heamap_serving.calibration import Calibration
from heamap_serving.domain import Refused
from heamap_serving.guarded import Reader, clear_pixels
from heamap_serving.index_page import write_index
from heamap_serving.io import READERS
from heamap_serving.io.folders import is_folder, micrographs_in
from heamap_serving.io.readers import BROKEN_LINK
from heamap_serving.micrograph import Micrograph
from heamap_serving.names import shown
from heamap_serving.options import DEFAULTS, Options
from heamap_serving.pipeline import Behind, ahead
from heamap_serving.positions.records import POSITIONS_ONLY
from heamap_serving.results import work_out
from heamap_serving.session import Model
from heamap_serving.threads import one_blas_thread

READS_AHEAD = 1
"""Micrographs that wait for the network."""

WRITES_WAITING = 1
"""Results that are being written while the network goes on."""


@dataclass(frozen=True)
class Found:
    """Micrographs to score, and files of the folders that are none."""

    micrographs: tuple[Path, ...]
    skipped: tuple[Path, ...]


@dataclass(frozen=True)
class Summary:
    """Outcome of a batch: one record a file, and how many failed."""

    records: tuple[dict[str, Any], ...]
    failed: int

    @property
    def positions_only(self) -> int:
        """Images in which columns were found and none was counted."""
        return sum(record["status"] == POSITIONS_ONLY for record in self.records)


def find_micrographs(paths: Sequence[Path]) -> Found:
    """Files named, and the micrographs directly inside folders named.

    Raises
    ------
    InputError : a path that does not exist, a file named whose suffix is unknown, or no micrograph at all
    """
    known: list[Path] = []
    skipped: list[Path] = []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise InputError(f"{shown(path)}: no such file or folder")
        if is_folder(path):
            images, others = micrographs_in(path)
            known += images
            skipped += others
        elif path.suffix.lower() not in READERS:
            raise InputError(f"{shown(path)}: suffix {path.suffix!r} is none of {', '.join(READERS)}")
        else:
            known.append(path)
    # A link and what it points to are two images with names of their own; the same path twice is one.
    unique = {path.absolute(): path for path in known}
    if not unique:
        raise InputError(f"{', '.join(map(shown, paths))}: no micrograph ({', '.join(READERS)}) to score")
    return Found(tuple(unique.values()), tuple(skipped))


@dataclass(frozen=True)
class Job:
    """One micrograph and the folder of its results."""

    path: Path
    folder: Path


@dataclass(frozen=True)
class Loaded:
    """A micrograph that is ready to be scored, or the record of one that was scored before."""

    micrograph: Micrograph | None
    sha256: str
    record: dict[str, Any] | None


def score_batch(
    found: Found, out: Path, model: Model, calibration: Calibration, options: Options = DEFAULTS
) -> Summary:
    """Score every micrograph into a folder of its own below ``out``; write the summary and ``index.html``.

    While one image is in the network the next is read and the last is written. A result that is there already, of the
    same file, model and options, is kept; one that is not finished is not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    clear_pixels(out)
    jobs = batch_jobs(found, out)
    with (
        one_blas_thread(),
        Reader(out, selection=options.selection) as reader,
        Behind[dict[str, Any]](WRITES_WAITING) as writer,
        progress(len(jobs)) as bar,
    ):
        outcomes: list[Future[dict[str, Any]]] = []
        for job, loading in ahead(lambda job: load(job, reader, model, calibration, options), jobs, READS_AHEAD):
            outcome = _scored(job, loading, writer, model, calibration, options)
            outcome.add_done_callback(lambda _: bar.update())
            outcomes.append(outcome)
        records = [_record(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
    return finish(records, out, found, model)


def batch_jobs(found: Found, out: Path) -> list[Job]:
    """Every micrograph and the folder of its results."""
    names = _folder_names(found.micrographs)
    return [Job(path, out / name) for path, name in zip(found.micrographs, names, strict=True)]


def progress(images: int) -> "tqdm[Any]":
    return tqdm(total=images, unit="image", desc="score")


def load(job: Job, reader: Reader, model: Model, calibration: Calibration, options: Options = DEFAULTS) -> Loaded:
    """Read a micrograph, unless it was scored before.

    Raises
    ------
    InputError : it cannot be read, or something else lies in the place of its results; the line leaves the path to the
        caller
    """
    finished.check_place(job.folder)
    if job.path.is_symlink() and not job.path.exists():
        raise InputError(BROKEN_LINK.format(shown(job.path.readlink())))
    try:
        sha256 = finished.file_sha256(job.path)
    except OSError as error:
        raise InputError(error.strerror or "cannot be read") from None
    record = finished.known(job.folder, finished.made_of(sha256, model, calibration, options))
    if record is not None:
        return Loaded(None, sha256, record)
    if finished.replaces_another(job.folder, sha256):
        tqdm.write(
            f"heamap: {shown(job.path)}: replaces the result of another file in {shown(job.folder)}", file=sys.stderr
        )
    with finished.answering_for(job.folder):
        return Loaded(reader.read(job.path), sha256, None)


def score_loaded(
    job: Job, loaded: Loaded, model: Model, calibration: Calibration, options: Options = DEFAULTS
) -> Callable[[], dict[str, Any]]:
    """Score a micrograph.

    Returns
    -------
    call it to write the results; it gives the line of the summary

    Raises
    ------
    InputError : the micrograph cannot be scored; the line leaves the path to the caller
    """
    assert loaded.micrograph is not None
    name = shown(job.path.name)
    with finished.answering_for(job.folder):
        record, write = work_out(
            loaded.micrograph,
            model,
            calibration,
            options,
            title=name,
            source={"file": name, "sha256": loaded.sha256},
            folder=job.folder.parent,
        )

    def put_away() -> dict[str, Any]:
        try:
            with finished.appearing(job.folder) as folder:
                write(folder)
                finished.mark(folder, finished.made_of(loaded.sha256, model, calibration, options), record)
        except OSError as error:
            raise InputError(f"its results cannot be written: {error.strerror or error}") from None
        return record

    return put_away


def _scored(
    job: Job,
    loading: Future[Loaded],
    writer: Behind[dict[str, Any]],
    model: Model,
    calibration: Calibration,
    options: Options,
) -> Future[dict[str, Any]]:
    """The record of one job, sooner or later."""
    done: Future[dict[str, Any]] = Future()
    try:
        loaded = loading.result()
        if loaded.record is None:
            return writer.put(score_loaded(job, loaded, model, calibration, options))
        done.set_result(loaded.record)
    # One image that brings out a mistake of the program must not cost the others of a night.
    except Exception as error:  # noqa: BLE001  (told by ``in_a_line``)
        done.set_exception(error)
    return done


def _record(job: Job, outcome: Future[dict[str, Any]]) -> dict[str, Any]:
    """A job's line of the summary; what went wrong is told on standard error."""
    try:
        return announced(job, outcome.result())
    except Exception as error:  # noqa: BLE001  (as above)
        return failed(job, in_a_line(error))


def in_a_line(error: Exception) -> InputError:
    """What ends the work on one image; of what should not happen, where it happened."""
    if isinstance(error, InputError):
        return error
    steps = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(steps[-1].filename).name}:{steps[-1].lineno}" if steps else ""
    reason = " ".join(str(error).split())[:160]
    return InputError(f"failed unexpectedly ({type(error).__name__}{place}: {reason}); please report it with the file")


def announced(job: Job, record: dict[str, Any]) -> dict[str, Any]:
    """The line of the summary; why an image was not counted is told on standard error."""
    if record["status"] == POSITIONS_ONLY:
        tqdm.write(f"heamap: {shown(job.path)}: {POSITIONS_ONLY}: {record['message']}", file=sys.stderr)
    return named(job, record)


def named(job: Job, record: dict[str, Any]) -> dict[str, Any]:
    """The line of the summary of a job that was scored."""
    return {"file": str(job.path), "folder": job.folder.name, **record}


def failed(job: Job, error: InputError) -> dict[str, Any]:
    """The line of the summary of a job that failed; what went wrong is told on standard error."""
    tqdm.write(f"heamap: {shown(job.path)}: {error}", file=sys.stderr)
    return failure(job, error)


def failure(job: Job, error: InputError) -> dict[str, Any]:
    """The line of the summary of a job that failed."""
    domain = {"domain": error.domain.verdict} if isinstance(error, Refused) else {}
    return {"file": str(job.path), "folder": "", "status": "failed", "message": str(error), **domain}


def finish(records: list[dict[str, Any]], out: Path, found: Found, model: Model) -> Summary:
    """Write the summary and ``index.html``."""
    summary = Summary(tuple(records), sum(record["status"] == "failed" for record in records))
    write_summary(out, summary, found, model)
    return summary


def _folder_names(paths: Sequence[Path]) -> list[str]:
    """The file's stem; its whole name where stems clash; a number besides where names clash."""
    stems = [path.stem for path in paths]
    names: list[str] = []
    for path in paths:
        name = path.stem if stems.count(path.stem) == 1 else path.name
        number = 1
        while name in names:
            number += 1
            name = f"{path.name}-{number}"
        names.append(name)
    return names


def write_summary(out: Path, summary: Summary, found: Found, model: Model) -> None:
    """Write ``summary.csv``, ``summary.json`` and ``index.html``."""
    records = [record | {name: shown(record[name]) for name in ("file", "folder")} for record in summary.records]
    pd.DataFrame(records).to_csv(out / "summary.csv", index=False, float_format="%.5f")
    record = {
        "model": {"file": model.name, "sha256": model.sha256, "provider": model.provider},
        "scored": len(summary.records) - summary.failed,
        "failed": summary.failed,
        "skipped": [shown(path) for path in found.skipped],
        "images": records,
    }
    (out / "summary.json").write_text(json.dumps(record, indent=2) + "\n")
    write_index(out, summary.records, found.skipped, model)
