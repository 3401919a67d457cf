"""A batch spread over the workers of a Dask cluster."""

import itertools
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heamap.errors import InputError
from heamap_serving import batch, finished
from heamap_serving.calibration import Calibration
from heamap_serving.guarded import Reader
from heamap_serving.io.folders import files_of
from heamap_serving.names import shown
from heamap_serving.options import DEFAULTS, Options
from heamap_serving.session import Model, load_model

if TYPE_CHECKING:
    from distributed import Client

CONNECT_TIMEOUT_SECONDS = 10
TASKS_PER_WORKER = 2
"""In flight: one that is scored, one that waits; the files of the rest are still on disk."""

Results = tuple[dict[str, Any], dict[str, bytes]]
"""Line of the summary, and content of every file by its name."""


def score_spread(
    found: batch.Found,
    out: Path,
    model: Model,
    model_file: Path,
    calibration: Calibration,
    scheduler: str,
    options: Options = DEFAULTS,
) -> batch.Summary:
    """Score a batch as ``batch.score_batch`` does, on the workers of a Dask scheduler.

    The content of files goes out and results come back: workers need heamap installed and no shared file system.
    What is finished already is kept, and results appear as they come in.

    Parameters
    ----------
    scheduler : its address

    Raises
    ------
    InputError : ``distributed`` is not installed, or no scheduler answers
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs = batch.batch_jobs(found, out)
    records: dict[int, dict[str, Any]] = {}
    with _client(scheduler) as client, batch.progress(len(jobs)) as bar:
        waiting = []
        for index, job in enumerate(jobs):
            try:
                finished.check_place(job.folder)
                origin = finished.made_of(finished.file_sha256(job.path), model, calibration, options)
            except OSError as error:
                records[index] = batch.failed(job, InputError(error.strerror or "cannot be read"))
            except InputError as error:
                records[index] = batch.failed(job, error)
            else:
                record = finished.known(job.folder, origin)
                if record is None:
                    waiting.append((index, job))
                else:
                    records[index] = batch.named(job, record)
        bar.update(len(records))
        content = client.scatter(model_file.read_bytes(), broadcast=True) if waiting else None
        for index, job, task in _completed(
            client, waiting, (model.name, content, model.version, model.origin, calibration, options)
        ):
            try:
                with finished.answering_for(job.folder):
                    record, files = task.result()
                _unpack(files, job.folder)
                records[index] = batch.announced(job, record)
            # A worker that is killed, a disk that is full: the rest goes on.
            except Exception as error:  # noqa: BLE001  (told by ``in_a_line``)
                records[index] = batch.failed(job, batch.in_a_line(error))
            bar.update()
    return batch.finish([records[index] for index in range(len(jobs))], out, found, model)


def score_content(
    name: str,
    content: dict[str, bytes],
    model_name: str,
    model_content: bytes,
    version: str | None,
    origin: str,
    calibration: Calibration,
    options: Options,
) -> Results:
    """What a worker does: score the content of one image's files, by their names, in a temporary folder.

    Raises
    ------
    InputError : the file cannot be scored
    """
    model = _model(model_name, model_content, version, origin)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in" / name
        for own, part in content.items():
            place = path.parent / own
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(part)
        job = batch.Job(path, Path(folder) / "out" / "result")
        job.folder.parent.mkdir()
        with Reader(Path(folder), selection=options.selection) as reader:
            loaded = batch.load(job, reader, model, calibration, options)
        record = batch.score_loaded(job, loaded, model, calibration, options)()
        return record, {file.name: file.read_bytes() for file in sorted(job.folder.iterdir())}


@lru_cache(maxsize=1)
def _model(name: str, content: bytes, version: str | None, origin: str) -> Model:
    """A worker keeps its session; it shares its machine, so that its network runs on its own threads alone."""
    from distributed import get_worker

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return load_model(path, threads=get_worker().state.nthreads, version=version, origin=origin)


def _client(scheduler: str) -> "Client":
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--scheduler needs distributed; pip install 'dask[distributed]'") from None
    try:
        return Client(scheduler, timeout=CONNECT_TIMEOUT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {scheduler!r}: {error}; start one or check it") from None


def _completed(
    client: "Client", jobs: list[tuple[int, batch.Job]], shared: tuple[Any, ...]
) -> Iterator[tuple[int, batch.Job, Any]]:
    """Jobs with their futures as they are done; files are read no faster than workers need them."""
    from distributed import as_completed

    owner: dict[str, tuple[int, batch.Job]] = {}

    def submit(entry: tuple[int, batch.Job]) -> Any:
        path = entry[1].path
        content = {shown(name): file.read_bytes() for name, file in files_of(path).items()}
        future = client.submit(score_content, shown(path.name), content, *shared, pure=False)
        owner[future.key] = entry
        return future

    futures = map(submit, jobs)
    room = TASKS_PER_WORKER * max(len(client.nthreads()), 1)
    running = as_completed(itertools.islice(futures, room))
    for future in running:
        yield (*owner.pop(future.key), future)
        for following in itertools.islice(futures, 1):
            running.add(following)


def _unpack(files: dict[str, bytes], folder: Path) -> None:
    with finished.appearing(folder) as partial:
        for name, content in files.items():
            (partial / name).write_bytes(content)
