"""The five elements in the one order that every array, table and file uses, and what is known of each."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ELEMENTS = ("Pt", "Ni", "Pd", "Co", "Fe")
"""Element order of every per-element axis: maps, counts, compositions."""


@dataclass(frozen=True)
class Element:
    """One element of the alloy.

    Attributes
    ----------
    symbol : chemical symbol
    number : atomic number
    lattice_constant_angstrom : fcc lattice constant; of the fcc phase also for Co and Fe
    rms_displacement_angstrom : one-dimensional root-mean-square thermal displacement at 300 K
    colour : in every figure, from the colour-blind-safe palette of Okabe and Ito (2008)
    """

    symbol: str
    number: int
    lattice_constant_angstrom: float
    rms_displacement_angstrom: float
    colour: str


# Lattice constants: Pearson's Handbook (fcc phases); their mean is Vegard's 3.70 Angstrom of the equiatomic alloy.
# Displacements: start values that agree with the Debye model, u^2 = 3 hbar^2 T / (M k Theta^2): Pt at Theta = 240 K
# gives .062, Ni at 390 K .070.
TABLE = (
    Element("Pt", 78, 3.924, 0.064, "#0072B2"),
    Element("Ni", 28, 3.524, 0.068, "#009E73"),
    Element("Pd", 46, 3.891, 0.075, "#D55E00"),
    Element("Co", 27, 3.545, 0.068, "#CC79A7"),
    Element("Fe", 26, 3.591, 0.067, "#E69F00"),
)
ATOMIC_NUMBERS = tuple(element.number for element in TABLE)
COLOURS = {element.symbol: element.colour for element in TABLE}


def index_of_number(numbers: Iterable[int] | npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Positions in ``ELEMENTS`` of atomic numbers.

    Parameters
    ----------
    numbers : (n,) atomic numbers

    Returns
    -------
    (n,) int8

    Raises
    ------
    ValueError : a number that is none of the five
    """
    wanted = np.asarray(numbers, dtype=np.int64)
    matches = wanted[:, None] == np.asarray(ATOMIC_NUMBERS)[None, :]
    if not matches.any(axis=1).all():
        strangers = sorted(set(wanted[~matches.any(axis=1)].tolist()))
        raise ValueError(f"atomic numbers {strangers} are none of {dict(zip(ELEMENTS, ATOMIC_NUMBERS, strict=True))}")
    return matches.argmax(axis=1).astype(np.int8)
