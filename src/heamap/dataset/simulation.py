"""Simulation of all samples on a Dask cluster, resumable sample by sample."""

import io
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import numpy as np
import numpy.typing as npt
import pandas as pd
from dask.distributed import Client, Future, LocalCluster, as_completed
from dask.system import CPU_COUNT
from tqdm import tqdm

from heamap import params
from heamap.dataset.images import ImageFolder
from heamap.dataset.store import Structures, open_structures
from heamap.dataset.task import Task, engine_of, run
from heamap.errors import InputError
from heamap.imaging import engines

CONNECT_TIMEOUT_SECONDS = 10
SECONDS_BETWEEN_LINES = 30
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(2**31), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""Of the workers' environment. Dask has freed memory given back at once, and a worker then spends a third of its time
on fetching the same pages again. What a worker keeps instead is no more than it needed at its peak."""
TASKS_PER_WORKER = 2
"""Tasks in flight: one running, one waiting; atoms of the rest are still on disk."""


def simulate_all(
    structures_folder: Path, images_folder: Path, parameters: params.Params, scheduler: str | None = None
) -> int:
    """Simulate every sample that is not of the reserve and has no finished image under its key; gather the records.

    A sample's key is a hash of its atoms, its engine and the parameters that decide its image, so that samples are
    redone when one of these changes and only then. The long ones come first, so that all workers end together: those
    of the reference engine before the rest, thick particles before thin ones.

    Parameters
    ----------
    scheduler : address of a Dask scheduler; None starts a local cluster of ``simulate.workers`` processes

    Returns
    -------
    number of images that were simulated now

    Raises
    ------
    InputError : structures are missing, the scheduler does not answer, or a sample cannot be simulated
    """
    structures = open_structures(structures_folder)
    samples = structures.used.index.tolist()
    total = len(samples)
    images = ImageFolder(images_folder, samples=len(structures.samples), pixels=parameters.base.pixels)
    images.keep(samples)
    waiting = []
    for sample in samples:
        task = _task(structures, sample, parameters)
        if not images.is_finished(sample, task.key):
            waiting.append((task.engine != "reference", -np.ptp(task.positions[:, 2]), sample))
    if waiting:
        tasks = (_task(structures, sample, parameters) for *_, sample in sorted(waiting))
        with (
            cluster(scheduler, parameters.simulate.workers, len(waiting)) as client,
            progress(total, total - len(waiting)) as bar,
        ):
            for task, image, record in results(client, tasks, structures.samples["name"]):
                images.write(task.sample, image, key=task.key, record=record)
                bar.update()
    images.finish()
    return len(waiting)


def _task(structures: Structures, sample: int, parameters: params.Params) -> Task:
    base, settings = parameters.base, parameters.simulate
    atoms = structures.atoms(sample)
    return Task(
        sample=sample,
        engine=engine_of(str(structures.samples.at[sample, "split"]), sample, base=base, settings=settings),
        elements=atoms["element"].to_numpy(dtype=np.int8),
        positions=atoms[["x", "y", "z"]].to_numpy(dtype=np.float64),
        base=base,
        settings=settings,
    )


def results(
    client: Client, tasks: Iterator[Task], names: pd.Series
) -> Iterator[tuple[Task, npt.NDArray[np.float32], dict[str, Any]]]:
    """Each task with its image and record, as they are finished; tasks are taken no faster than workers need them.

    Parameters
    ----------
    names : by sample, for messages

    Raises
    ------
    InputError : a sample cannot be simulated, or a worker runs another engine
    """
    task_of: dict[str, Task] = {}

    def submit(task: Task) -> Future:
        future = client.submit(run, task, pure=False)
        task_of[future.key] = task
        return future

    futures = map(submit, tasks)
    room = TASKS_PER_WORKER * max(sum(client.nthreads().values()), 1)
    running = as_completed(itertools.islice(futures, room))
    for future in running:
        task = task_of.pop(future.key)
        failure = future.exception()
        if failure is not None:
            reason = " ".join(str(failure).split()) or "no message"
            raise InputError(
                f"sample {names[task.sample]} was not simulated: {type(failure).__name__}: {reason}; "
                "what is finished is kept, run the stage again to go on"
            )
        image, record = future.result()
        expected = engines.version(task.engine)
        if record["engine"] != expected:
            raise InputError(
                f"a worker runs engine {record['engine']}, this process {expected}; "
                "install the same abTEM and heamap on both"
            )
        yield task, image, record
        for following in itertools.islice(futures, 1):
            running.add(following)


@contextmanager
def cluster(scheduler: str | None, workers: int, tasks: int) -> Iterator[Client]:
    """A client of the scheduler at that address, or of a local cluster of ``workers`` processes (0: one per core).

    Raises
    ------
    InputError : the scheduler does not answer
    """
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_TIMEOUT_SECONDS)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {scheduler!r}: {error}; start one or check it") from None
        with client:
            yield client
        return
    count = min(workers or CPU_COUNT, tasks)
    environment = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in ALLOCATOR.items()}
    with (
        dask.config.set(environment),
        LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        yield client


@contextmanager
def progress(total: int, finished: int) -> Iterator[tqdm]:
    """A bar of images on standard error; lines where that is a log file."""
    terminal = sys.stderr.isatty()
    with tqdm(
        total=total,
        initial=finished,
        unit="image",
        desc="simulate",
        file=sys.stderr if terminal else _Lines(),
        mininterval=0.5 if terminal else SECONDS_BETWEEN_LINES,
        dynamic_ncols=terminal,
    ) as bar:
        yield bar


class _Lines(io.TextIOBase):
    """Standard error where a bar's returns to the start of the line are new lines: for log files."""

    def write(self, text: str) -> int:
        line = text.strip()
        if line:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        return len(text)
