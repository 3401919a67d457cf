"""Edits of a particle's chemistry that leave every atom where it is."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS

Species = npt.NDArray[np.int8]
Columns = npt.NDArray[np.integer]

SWAP_FE_NI, SWAP_PT_NI, ORDER = "swap_Fe_Ni", "swap_Pt_Ni", "order"


def swap_elements(species: Species, first: str, second: str) -> Species:
    """Make every atom of one element the other, and the reverse.

    Parameters
    ----------
    species : (n,) indices into ``ELEMENTS``
    first, second : symbols

    Returns
    -------
    (n,) a copy

    Raises
    ------
    ValueError : a symbol that is none of ``ELEMENTS``
    """
    strangers = [symbol for symbol in (first, second) if symbol not in ELEMENTS]
    if strangers:
        raise ValueError(f"{strangers} are none of {ELEMENTS}")
    one, other = ELEMENTS.index(first), ELEMENTS.index(second)
    becomes = np.arange(len(ELEMENTS), dtype=np.int8)
    becomes[[one, other]] = other, one
    return becomes[species]


def permute_order(species: Species, column: Columns, rng: np.random.Generator) -> Species:
    """Shuffle the species within each column: its counts stay, their order along the beam changes.

    Parameters
    ----------
    species : (n,) indices into ``ELEMENTS``
    column : (n,) column number of each atom

    Returns
    -------
    (n,) a copy

    Raises
    ------
    ValueError : shapes differ
    """
    if species.shape != column.shape:
        raise ValueError(f"species and column must be (n,), got {species.shape} and {column.shape}")
    shuffled = np.empty_like(species)
    places = np.argsort(column, kind="stable")
    shuffled[places] = species[np.lexsort((rng.random(len(species)), column))]
    return shuffled


EDITS: dict[str, Callable[[Species, Columns, np.random.Generator], Species]] = {
    SWAP_FE_NI: lambda species, _column, _rng: swap_elements(species, "Fe", "Ni"),
    SWAP_PT_NI: lambda species, _column, _rng: swap_elements(species, "Pt", "Ni"),
    ORDER: permute_order,
}
"""The edits that a prediction is tested with, by name."""
