"""Samples: one particle in one field of view each, decided by a seed and an index."""

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from heamap import params
from heamap.elements import ATOMIC_NUMBERS, ELEMENTS
from heamap.errors import InputError
from heamap.params import RESERVE
from heamap.seeds import Stream, generator
from heamap.structures.chemistry import CHEMISTRIES, assign_species, displace, draw_composition, lattice_constant
from heamap.structures.columns import column_table
from heamap.structures.motif import Motif
from heamap.structures.particle import SMALLEST_DIAMETER_ANGSTROM, Particle, make_particle

Split = Literal["train", "reserve", "validation", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", RESERVE, "validation", "calibration", "test")
"""In the order in which they cut the samples: the reserve beside the training split, which can grow into it."""


@dataclass(frozen=True)
class Sample:
    """One drawn structure.

    Attributes
    ----------
    particle : its ideal sites
    positions : (n, 3) in Angstrom, field coordinates, static displacements included, z from 0
    species : (n,) indices into ``ELEMENTS``
    columns : as from ``column_table``
    """

    index: int
    chemistry: str
    particle: Particle
    positions: npt.NDArray[np.float64]
    species: npt.NDArray[np.int8]
    columns: pd.DataFrame

    @property
    def structure_hash(self) -> str:
        """SHA-256 of the atomic numbers (int64) and positions (float64)."""
        numbers = np.asarray(ATOMIC_NUMBERS, dtype="<i8")[self.species]
        positions = np.ascontiguousarray(self.positions, dtype="<f8")
        return hashlib.sha256(numbers.tobytes() + positions.tobytes()).hexdigest()


class Tables(NamedTuple):
    """Every sample, atom and column of a set of structures."""

    samples: pd.DataFrame
    atoms: pd.DataFrame
    columns: pd.DataFrame


def draw_sample(index: int, base: params.Base, settings: params.Structures, motif: Motif) -> Sample:
    """Draw sample ``index``, the same whichever others are drawn."""
    rng = generator(base.seed, Stream.STRUCTURE, index)
    weights = np.asarray(settings.chemistry.weights)
    chemistry = str(rng.choice(CHEMISTRIES, p=weights / weights.sum()))
    composition = draw_composition(settings, rng)
    particle = make_particle(
        rng.uniform(*settings.diameter_angstrom), lattice_constant(motif, composition), base.field_angstrom, rng
    )
    species = assign_species(chemistry, composition, particle, settings, motif, rng)
    positions = displace(particle.positions, species, motif, rng)
    positions[:, 2] -= positions[:, 2].min()
    table = column_table(
        positions, species, particle.column, pixels=base.pixels, sampling_angstrom=base.sampling_angstrom
    )
    return Sample(index, chemistry, particle, positions, species, table)


def split_samples(samples: int, fractions: dict[Split, float], rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Split of each sample: a random permutation cut by the exact fractions, remainders to the largest of them.

    Returns
    -------
    (samples,) of ``SPLITS``

    Raises
    ------
    InputError : a split of a positive fraction would be empty
    """
    quotas = np.array([fractions.get(name, 0.0) * samples for name in SPLITS])
    # Products such as 60 * 0.7 fall just short of the whole number they stand for.
    sizes = np.floor(quotas + 1e-9).astype(int)
    for place in np.argsort(sizes - quotas, kind="stable")[: samples - sizes.sum()]:
        sizes[place] += 1
    for name, size in zip(SPLITS, sizes, strict=True):
        if size == 0 and fractions.get(name, 0.0) > 0:
            raise InputError(
                f"structures.samples {samples} leaves the {name} split ({fractions[name]}) empty; draw more samples"
            )
    split = np.empty(samples, dtype=f"<U{max(map(len, SPLITS))}")
    split[rng.permutation(samples)] = np.repeat(SPLITS, sizes)
    return split


def _record(sample: Sample, split: str) -> dict[str, object]:
    shares = np.bincount(sample.species, minlength=len(ELEMENTS)) / len(sample.species)
    return {
        "sample": np.int32(sample.index),
        "name": f"s{sample.index:06d}",
        "split": split,
        "chemistry": sample.chemistry,
        "diameter_angstrom": sample.particle.diameter_angstrom,
        "thickness_angstrom": float(np.ptp(sample.positions[:, 2])),
        "field_kind": sample.particle.field_kind,
        "rotation_radian": sample.particle.rotation_radian,
        "n_atoms": len(sample.species),
        "n_columns": int(sample.columns["in_field"].sum()),
        **{f"fraction_{symbol}": float(share) for symbol, share in zip(ELEMENTS, shares, strict=True)},
        "structure_hash": sample.structure_hash,
    }


def _atoms(sample: Sample) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": np.full(len(sample.species), sample.index, dtype=np.int32),
            "element": sample.species,
            "x": sample.positions[:, 0],
            "y": sample.positions[:, 1],
            "z": sample.positions[:, 2],
            "column": sample.particle.column,
        }
    )


def draw_structures(base: params.Base, settings: params.Structures, motif: Motif) -> Tables:
    """Draw every sample of the parameters.

    Raises
    ------
    InputError : particles too small to be crystals, or a split that would be empty
    """
    if settings.diameter_angstrom[0] < SMALLEST_DIAMETER_ANGSTROM:
        raise InputError(
            f"structures.diameter_angstrom {list(settings.diameter_angstrom)}: "
            f"a particle needs {SMALLEST_DIAMETER_ANGSTROM:g} Angstrom or more"
        )
    split = split_samples(settings.samples, settings.split, generator(base.seed, Stream.SPLIT))
    records, atoms, columns = [], [], []
    for index in tqdm(range(settings.samples), desc="structures", unit="particle", disable=None):
        sample = draw_sample(index, base, settings, motif)
        records.append(_record(sample, str(split[index])))
        atoms.append(_atoms(sample))
        columns.append(sample.columns.assign(sample=np.int32(index)))
    table = pd.concat(columns, ignore_index=True)
    return Tables(
        samples=pd.DataFrame(records),
        atoms=pd.concat(atoms, ignore_index=True),
        columns=table[["sample", *table.columns.drop("sample")]],
    )
