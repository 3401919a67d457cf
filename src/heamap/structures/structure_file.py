"""Structures from the files of other programs, whatever ASE reads."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from heamap.elements import ATOMIC_NUMBERS, ELEMENTS, index_of_number
from heamap.errors import InputError

SHORTEST_DISTANCE_ANGSTROM = 1.0
"""Atoms closer than this are one atom listed twice, or a wrong unit."""


@dataclass(frozen=True)
class Structure:
    """The atoms of a file.

    Attributes
    ----------
    elements : (n,) indices into ``ELEMENTS``
    positions : (n, 3) Angstrom, as in the file
    cell_angstrom : lengths of the cell where the file declares it periodic, else None
    sha256 : of the file
    """

    elements: npt.NDArray[np.int8]
    positions: npt.NDArray[np.float64]
    cell_angstrom: tuple[float, float, float] | None
    sha256: str


def read_structure(path: Path) -> Structure:
    """Read the one structure that a file holds.

    Raises
    ------
    InputError : a missing or unreadable file, several structures or none, no atoms, partly occupied sites, an element
        outside ``ELEMENTS``, positions that are no numbers, two atoms in one place
    """
    content = _content(path)
    atoms = _parse(path)
    numbers = atoms.get_atomic_numbers()
    positions = np.asarray(atoms.get_positions(), dtype=np.float64)
    _check_occupancy(path, atoms.info.get("occupancy"))
    if not np.isin(numbers, ATOMIC_NUMBERS).all():
        symbols = np.asarray(atoms.get_chemical_symbols())
        strangers = sorted(set(symbols[~np.isin(numbers, ATOMIC_NUMBERS)].tolist()))
        raise InputError(f"{path}: no data for {', '.join(strangers)}; heamap simulates {', '.join(ELEMENTS)} only")
    strange = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(strange):
        raise InputError(
            f"{path}: positions of {len(strange)} of {len(numbers)} atoms are NaN or infinite, "
            f"the first that of atom {strange[0]}; correct the file"
        )
    _check_distances(path, positions)
    cell = tuple(atoms.cell.lengths().tolist()) if atoms.pbc.any() else None
    return Structure(index_of_number(numbers), positions, cell, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a structure file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _parse(path: Path) -> ase.Atoms:
    try:
        # Else x@3.xyz would be ASE's way to ask for a frame of a file called x.
        frames = ase.io.read(path, index=":", do_not_split_by_at_sign=True)
    # The parsers behind ASE raise anything on a file that is not theirs, from OSError to StopIteration: one boundary
    # turns it into one line.
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        raise InputError(
            f"{path}: not a structure that ASE reads ({type(error).__name__}: {reason[:160]}); "
            "save it as xyz, cif or another of its formats"
        ) from error
    if len(frames) > 1:
        raise InputError(f"{path}: holds {len(frames)} structures; save the one to simulate in a file of its own")
    if not frames or not len(frames[0]):
        raise InputError(f"{path}: holds no atoms")
    return frames[0]


def _check_occupancy(path: Path, occupancy: dict[str, dict[str, float]] | Any) -> None:
    """Refuse sites shared by elements, as crystallographers write alloys: an image needs an atom on each."""
    if not isinstance(occupancy, dict):
        return
    for site in occupancy.values():
        if len(site) > 1 or any(share < 1 for share in site.values()):
            shown = ", ".join(f"{symbol} {share:g}" for symbol, share in site.items())
            raise InputError(f"{path}: a partly occupied site ({shown}); put one whole atom on each site")


def _check_distances(path: Path, positions: npt.NDArray[np.float64]) -> None:
    pairs = KDTree(positions).query_pairs(SHORTEST_DISTANCE_ANGSTROM, output_type="ndarray")
    if not len(pairs):
        return
    distances = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    first, second = pairs[distances.argmin()]
    raise InputError(
        f"{path}: atoms {first} and {second} are {distances.min():.2f} Angstrom apart ({len(pairs)} such "
        f"pair{'s' if len(pairs) > 1 else ''}); atoms stand {SHORTEST_DISTANCE_ANGSTROM:g} Angstrom apart or more: "
        "remove double ones and check the unit"
    )
