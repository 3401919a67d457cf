"""Stored structures (Parquet) and, read only, their images (Zarr)."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.params import RESERVE

SAMPLE_FIELDS = (
    *("sample", "name", "split", "chemistry", "diameter_angstrom", "thickness_angstrom", "field_kind"),
    *("rotation_radian", "n_atoms", "n_columns", *(f"fraction_{symbol}" for symbol in ELEMENTS), "structure_hash"),
)
ATOM_FIELDS = ("sample", "element", "x", "y", "z", "column")
COLUMN_FIELDS = ("sample", "column", "row", "col", *ELEMENTS, "total", "order", "in_field")
RECORD_FIELDS = (
    *("energy_ev", "semiangle_mrad", "defocus_angstrom", "spherical_aberration_angstrom", "astigmatism_angstrom"),
    *("astigmatism_angle_radian", "detector_inner_mrad", "detector_outer_mrad", "engine", "configurations"),
    *("interpolation", "potential_sampling_angstrom", "relative_error"),
)
"""What a record holds of how the image was made, and ``microscope.parquet`` of every image."""


def array_hash(*arrays: npt.NDArray[Any]) -> str:
    """SHA-256 of the arrays' bytes, types and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class _RowGroups:
    """A Parquet file with one row group a sample, for any number of threads: its reader serves one at a time."""

    def __init__(self, file: pq.ParquetFile) -> None:
        self._file = file
        self._lock = Lock()

    def read(self, sample: int) -> pd.DataFrame:
        with self._lock:
            group = self._file.read_row_group(sample)
        return group.to_pandas()


@dataclass(frozen=True)
class Structures:
    """The tables of a structures folder.

    Attributes
    ----------
    samples : one row a sample, indexed by sample
    """

    samples: pd.DataFrame
    _atoms: _RowGroups
    _columns: _RowGroups

    @property
    def used(self) -> pd.DataFrame:
        """Rows of ``samples`` without the reserve: those that are simulated."""
        return self.samples[self.samples["split"] != RESERVE]

    def atoms(self, sample: int) -> pd.DataFrame:
        """The whole particle: element (index into ``ELEMENTS``), x, y, z (Angstrom, field coordinates), column."""
        return self._rows(self._atoms, sample)

    def columns(self, sample: int, in_field: bool = True) -> pd.DataFrame:
        """Columns of a sample: row, col (pixels), counts per element, total, order; all, or those in the field."""
        rows = self._rows(self._columns, sample)
        return rows[rows["in_field"]].reset_index(drop=True) if in_field else rows

    def split(self, name: str) -> npt.NDArray[np.int64]:
        """Samples of a split, in order.

        Raises
        ------
        InputError : no sample has that split
        """
        members = self.samples.index[self.samples["split"] == name].to_numpy(dtype=np.int64)
        if not members.size:
            raise InputError(f"no sample in split {name!r}; there are {sorted(set(self.samples['split']))}")
        return members

    def _rows(self, table: _RowGroups, sample: int) -> pd.DataFrame:
        if sample not in self.samples.index:
            raise InputError(f"no sample {sample} among the {len(self.samples)} here")
        return table.read(sample)


@dataclass(frozen=True)
class Dataset(Structures):
    """Structures with their images; ``samples`` also holds each image's microscope, and lacks the reserve.

    Attributes
    ----------
    pixels : side of the square images
    """

    pixels: int
    _images: zarr.Array

    def image(self, sample: int) -> npt.NDArray[np.float32]:
        """The clean image (rows, cols) of a sample in fractions of the incident beam."""
        if sample not in self.samples.index:
            raise InputError(f"no sample {sample} among the {len(self.samples)} here")
        return np.asarray(self._images[sample], dtype=np.float32)

    def energy_ev(self, sample: int) -> float:
        """Energy of the beam that a sample's image was taken with."""
        return float(self.samples["energy_ev"].loc[sample])


def write_structures(folder: Path, samples: pd.DataFrame, atoms: pd.DataFrame, columns: pd.DataFrame) -> None:
    """Write the three tables, atoms and columns with one row group a sample so that one sample is read alone.

    Parameters
    ----------
    folder : made if missing
    samples : ``SAMPLE_FIELDS``; samples are numbered 0, 1, 2 ... in order
    atoms : ``ATOM_FIELDS``
    columns : ``COLUMN_FIELDS``

    Raises
    ------
    ValueError : a field is missing, samples are not numbered in order, or a row belongs to no sample
    """
    for name, table, fields in (
        ("samples", samples, SAMPLE_FIELDS),
        ("atoms", atoms, ATOM_FIELDS),
        ("columns", columns, COLUMN_FIELDS),
    ):
        missing = [field for field in fields if field not in table.columns]
        if missing:
            raise ValueError(f"table of {name} lacks {missing}")
    if not np.array_equal(samples["sample"], np.arange(len(samples))):
        raise ValueError("samples must be numbered 0, 1, 2 ... in order")
    folder.mkdir(parents=True, exist_ok=True)
    samples.to_parquet(folder / "samples.parquet", index=False)
    _write_groups(folder / "atoms.parquet", atoms, len(samples))
    _write_groups(folder / "columns.parquet", columns, len(samples))


def _write_groups(path: Path, table: pd.DataFrame, groups: int) -> None:
    sorted_table = table.sort_values("sample", kind="stable")
    owners = sorted_table["sample"].to_numpy()
    if owners.size and (owners[0] < 0 or owners[-1] >= groups):
        raise ValueError(f"{path.name}: rows of samples {owners[0]} to {owners[-1]}, but there are {groups} samples")
    bounds = np.searchsorted(owners, np.arange(groups + 1))
    whole = pa.Table.from_pandas(sorted_table, preserve_index=False)
    with pq.ParquetWriter(path, whole.schema) as writer:
        for start, stop in itertools.pairwise(bounds):
            writer.write_table(whole.slice(start, stop - start), row_group_size=max(int(stop - start), 1))


def open_structures(folder: Path) -> Structures:
    """Open a structures folder.

    Raises
    ------
    InputError : a table is missing, unreadable, or lacks a field
    """
    samples = _open_table(folder / "samples.parquet", SAMPLE_FIELDS).read().to_pandas().set_index("sample")
    atoms = _open_table(folder / "atoms.parquet", ATOM_FIELDS)
    columns = _open_table(folder / "columns.parquet", COLUMN_FIELDS)
    for file, name in ((atoms, "atoms"), (columns, "columns")):
        if file.num_row_groups != len(samples):
            raise InputError(
                f"{folder / name}.parquet holds {file.num_row_groups} samples of {len(samples)}; "
                "run the structures stage again"
            )
    return Structures(samples, _RowGroups(atoms), _RowGroups(columns))


def open_dataset(structures: Path, images: Path) -> Dataset:
    """Open structures with their images.

    Raises
    ------
    InputError : a file is missing or unreadable, or samples are not simulated yet
    """
    tables = open_structures(structures)
    microscope = _open_table(images / "microscope.parquet", ("sample", *RECORD_FIELDS, "image_hash"))
    optics = microscope.read().to_pandas().set_index("sample")
    used = tables.used
    if not used.index.equals(optics.index):
        raise InputError(
            f"{images} holds images of {len(optics)} samples, {structures} has {len(used)}; "
            "run the simulate stage again"
        )
    try:
        array = zarr.open_array(images / "images.zarr", mode="r")
    except FileNotFoundError:
        raise InputError(f"{images / 'images.zarr'} is missing; run the simulate stage") from None
    return Dataset(used.join(optics), tables._atoms, tables._columns, int(array.shape[1]), array)


def _open_table(path: Path, fields: Sequence[str]) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that writes it") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {' '.join(str(error).split())}") from None
    missing = [field for field in fields if field not in file.schema_arrow.names]
    if missing:
        raise InputError(f"{path} lacks the columns {missing}; run the stage that writes it again")
    return file
