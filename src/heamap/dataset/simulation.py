"""Simulation of all samples on a Dask cluster, resumable sample by sample."""

import hashlib
import io
import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dask.distributed import Client, Future, LocalCluster, as_completed
from dask.system import CPU_COUNT
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from heamap import params
from heamap.dataset.images import ImageFolder
from heamap.dataset.store import Structures, array_hash, open_structures
from heamap.errors import InputError
from heamap.imaging import microscope, reference

CONNECT_TIMEOUT_SECONDS = 10
SECONDS_BETWEEN_LINES = 30
TASKS_PER_WORKER = 2
"""Tasks in flight: one running, one waiting; atoms of the rest are still on disk."""


def simulate_all(
    structures_folder: Path, images_folder: Path, parameters: params.Params, scheduler: str | None = None
) -> int:
    """Simulate every sample that has no finished image under its key, and gather the records.

    A sample's key is a hash of its atoms, the engine and the parameters that decide its image, so that samples are
    redone when one of these changes and only then.

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
    base, settings = parameters.base, parameters.simulate
    total = len(structures.samples)
    images = ImageFolder(images_folder, samples=total, pixels=base.pixels)
    keys = {sample: sample_key(*_atoms(structures, sample), base, settings, sample) for sample in range(total)}
    waiting = [sample for sample, key in keys.items() if not images.is_finished(sample, key)]
    if waiting:
        with _client(scheduler, settings.workers, len(waiting)) as client, _bar(total, total - len(waiting)) as bar:
            for sample, (image, record) in _results(client, structures, waiting, base, settings):
                images.write(sample, image, key=keys[sample], record=record)
                bar.update()
    images.finish()
    return len(waiting)


def sample_key(
    elements: npt.NDArray[np.int8],
    positions: npt.NDArray[np.float64],
    base: params.Base,
    settings: params.Simulate,
    sample: int,
) -> str:
    """SHA-256 of everything that decides a sample's image.

    Parameters
    ----------
    elements, positions : (n,) and (n, 3) in field coordinates
    """
    decided = {
        "atoms": array_hash(elements, positions),
        "base": base.model_dump(),
        "simulate": settings.model_dump(exclude={"workers"}),
        "engine": reference.ENGINE,
        "sample": sample,
    }
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def simulate_sample(
    elements: npt.NDArray[np.int8],
    positions: npt.NDArray[np.float64],
    base: params.Base,
    settings: params.Simulate,
    sample: int,
) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """The image (rows, cols) of one sample and its record; the task that a worker runs."""
    optics = microscope.draw(settings.microscope, settings.detector_mrad, seed=base.seed, sample=sample)
    # The order of sums in BLAS depends on its number of threads.
    with threadpool_limits(limits=1):
        simulated = reference.simulate(elements, positions, optics, base=base, settings=settings, sample=sample)
    record = asdict(optics) | {
        "engine": reference.ENGINE,
        "configurations": settings.configurations,
        "interpolation": settings.interpolation,
        "potential_sampling_angstrom": simulated.potential_sampling_angstrom,
        "relative_error": simulated.relative_error,
    }
    return simulated.image, record


def _atoms(structures: Structures, sample: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    atoms = structures.atoms(sample)
    return atoms["element"].to_numpy(dtype=np.int8), atoms[["x", "y", "z"]].to_numpy(dtype=np.float64)


def _results(
    client: Client, structures: Structures, samples: list[int], base: params.Base, settings: params.Simulate
) -> Iterator[tuple[int, tuple[npt.NDArray[np.float32], dict[str, Any]]]]:
    names = structures.samples["name"]
    sample_of: dict[str, int] = {}

    def submit(sample: int) -> Future:
        future = client.submit(simulate_sample, *_atoms(structures, sample), base, settings, sample, pure=False)
        sample_of[future.key] = sample
        return future

    futures = map(submit, samples)
    room = TASKS_PER_WORKER * max(sum(client.nthreads().values()), 1)
    running = as_completed(itertools.islice(futures, room))
    for future in running:
        sample = sample_of.pop(future.key)
        failure = future.exception()
        if failure is not None:
            reason = " ".join(str(failure).split()) or "no message"
            raise InputError(
                f"sample {names[sample]} was not simulated: {type(failure).__name__}: {reason}; "
                "what is finished is kept, run the simulate stage again to go on"
            )
        image, record = future.result()
        if record["engine"] != reference.ENGINE:
            raise InputError(
                f"a worker runs engine {record['engine']}, this process {reference.ENGINE}; "
                "install the same abTEM and heamap on both"
            )
        yield sample, (image, record)
        for following in itertools.islice(futures, 1):
            running.add(following)


@contextmanager
def _client(scheduler: str | None, workers: int, tasks: int) -> Iterator[Client]:
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_TIMEOUT_SECONDS)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {scheduler!r}: {error}; start one or check it") from None
        with client:
            yield client
        return
    count = min(workers or CPU_COUNT, tasks)
    with (
        LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _bar(total: int, finished: int) -> Iterator[tqdm]:
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
