"""Counterfactual images: test particles with edited chemistry, under the microscope and the draws of the original."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr

from heamap import params
from heamap.dataset.images import ImageFolder
from heamap.dataset.simulation import cluster, progress, results
from heamap.dataset.store import COLUMN_FIELDS, Structures, open_structures
from heamap.dataset.task import Task
from heamap.errors import InputError
from heamap.seeds import Stream, generator
from heamap.structures.columns import column_table
from heamap.structures.edits import EDITS

ORIGINAL = "original"
VARIANTS = (ORIGINAL, *EDITS)
"""Of each particle, in the order of the stored images."""
FIELDS = ("image", "edit", *COLUMN_FIELDS)

ORDER_DRAWS, NOISE_DRAWS = 0, 1
"""What the random stream of the counterfactuals decides of a sample."""


@dataclass(frozen=True)
class Counterfactuals:
    """Stored images of test particles, original and edited.

    Attributes
    ----------
    table : columns of every image: ``FIELDS``, ``image`` its number among the stored ones
    """

    table: pd.DataFrame
    _images: zarr.Array

    @property
    def samples(self) -> list[int]:
        """Samples that were edited, in order."""
        return sorted(set(self.table["sample"].tolist()))

    def columns(self, sample: int, variant: str) -> pd.DataFrame:
        """Columns in the field: ``FIELDS``; of all variants of a sample the same ones, at the same places."""
        rows = self._rows(sample, variant)
        return rows[rows["in_field"]].reset_index(drop=True)

    def image(self, sample: int, variant: str) -> npt.NDArray[np.float32]:
        """The clean image (rows, cols) in fractions of the incident beam."""
        return np.asarray(self._images[int(self._rows(sample, variant)["image"].iloc[0])], dtype=np.float32)

    def _rows(self, sample: int, variant: str) -> pd.DataFrame:
        rows = self.table[(self.table["sample"] == sample) & (self.table["edit"] == variant)]
        if rows.empty:
            raise InputError(f"no {variant!r} of sample {sample}; there are {VARIANTS} of samples {self.samples}")
        return rows


def simulate_counterfactuals(
    structures_folder: Path, folder: Path, parameters: params.Params, scheduler: str | None = None
) -> int:
    """Simulate the first test particles anew, as they are and edited; resumable.

    By the thermal engine, or by the reference where atoms do not vibrate. The original is simulated too, as the test
    split's own image may come from another engine. An edit keeps its sample's number, so that microscope, directions
    and displacements are those of the original.

    Parameters
    ----------
    folder : gets the images and ``columns.parquet``
    scheduler : address of a Dask scheduler; None starts a local cluster of ``simulate.workers`` processes

    Returns
    -------
    number of images that were simulated now

    Raises
    ------
    InputError : structures are missing, the scheduler does not answer, or a sample cannot be simulated
    """
    structures = open_structures(structures_folder)
    samples = structures.split("test")[: parameters.counterfactuals.particles].tolist()
    images = ImageFolder(folder, samples=len(samples) * len(VARIANTS), pixels=parameters.base.pixels)
    # What opens after an interruption must not pair new images with old columns.
    (folder / "columns.parquet").unlink(missing_ok=True)
    waiting: dict[str, tuple[Task, list[int]]] = {}
    tables: list[pd.DataFrame] = []
    for sample in samples:
        atoms = structures.atoms(sample)
        for variant in VARIANTS:
            image, task = len(tables), _task(atoms, sample, variant, parameters)
            tables.append(_columns(atoms, task, parameters.base).assign(image=image, edit=variant))
            if not images.is_finished(image, task.key):
                # Where an edit changes nothing, as in a particle without its elements, one image serves both.
                waiting.setdefault(task.key, (task, []))[1].append(image)
    if waiting:
        _simulate(waiting, images, structures, parameters.simulate.workers, scheduler)
    images.finish()
    pd.concat(tables)[list(FIELDS)].to_parquet(folder / "columns.parquet", index=False)
    return len(waiting)


def open_counterfactuals(folder: Path) -> Counterfactuals:
    """Open what :func:`simulate_counterfactuals` wrote.

    Raises
    ------
    InputError : a file is missing
    """
    try:
        table = pd.read_parquet(folder / "columns.parquet")
        images = zarr.open_array(folder / "images.zarr", mode="r")
    except FileNotFoundError:
        raise InputError(f"{folder} is not complete; run the counterfactuals stage") from None
    return Counterfactuals(table, images)


def _simulate(
    waiting: dict[str, tuple[Task, list[int]]],
    images: ImageFolder,
    structures: Structures,
    workers: int,
    scheduler: str | None,
) -> None:
    tasks = (task for task, _ in waiting.values())
    with cluster(scheduler, workers, len(waiting)) as client, progress(len(waiting), 0) as bar:
        for task, image, record in results(client, tasks, structures.samples["name"]):
            for place in waiting[task.key][1]:
                images.write(place, image, key=task.key, record=record)
            bar.update()


def _task(atoms: pd.DataFrame, sample: int, variant: str, parameters: params.Params) -> Task:
    species = atoms["element"].to_numpy(dtype=np.int8)
    if variant != ORIGINAL:
        rng = generator(parameters.base.seed, Stream.COUNTERFACTUALS, sample, ORDER_DRAWS)
        species = EDITS[variant](species, atoms["column"].to_numpy(np.int32), rng)
    return Task(
        sample=sample,
        engine=_engine(parameters.simulate),
        elements=species,
        positions=atoms[["x", "y", "z"]].to_numpy(dtype=np.float64),
        base=parameters.base,
        settings=parameters.simulate,
    )


def _engine(settings: params.Simulate) -> params.EngineName:
    """Frozen phonons err by more than swapping Fe and Ni moves a column; a static lattice is exact."""
    return "thermal" if settings.reference.vibrations else "reference"


def _columns(atoms: pd.DataFrame, task: Task, base: params.Base) -> pd.DataFrame:
    table = column_table(
        task.positions,
        task.elements,
        atoms["column"].to_numpy(np.int32),
        pixels=base.pixels,
        sampling_angstrom=base.sampling_angstrom,
    )
    return table.assign(sample=np.int32(task.sample))
