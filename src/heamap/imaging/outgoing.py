"""What becomes of an electron that an atom's vibration has scattered: its share on the detector, by reciprocity.

The detector's plane waves are sent backwards through the atoms below, displaced at random, and meet the vibrating
atom: the same amplitude as the other way round (Pogany and Turner, Acta Cryst. A 24 (1968) 103). Their average holds
all later scattering, blocking by the atoms below included.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import TABLE
from heamap.imaging import events, orbitals
from heamap.imaging.directions import Directions
from heamap.imaging.sampling import OFFSETS, Sampler, factored, lattice
from heamap.imaging.slicing import Slab
from heamap.imaging.wavefield import Atoms, Wavefield

REALIZATIONS = 6
"""Most random displacements of each slice that waves share; every wave draws one anew in every slice."""
SHARING = 4
"""Waves that share a displacement, while there are fewer."""
BATCH = 16
LOSS = 1e-6
"""Share of the functions' squares that is lost as they are made of fewer."""
FEW = 271
"""The most functions that are then left of an element's up to 200 mrad, for the estimate of memory."""


def realizations(waves: int) -> int:
    """Random displacements of a slice for so many waves at a time."""
    return min(-(-waves // SHARING), REALIZATIONS)


def needed_bytes(field: Wavefield, waves: int, sorts: int) -> int:
    """Memory of so many waves at a time, of the slices they share with the elements' factors and two sums behind them,
    and of the functions around the atoms of each sort of element."""
    reach = lattice(field.pixel_angstrom, orbitals.RADIUS_ANGSTROM)[1]
    tables = sorts * FEW * (OFFSETS * (2 * reach + 1)) ** 2
    grids = waves + realizations(waves) + len(TABLE) + 2
    return int((grids * field.points**2 + tables) * np.dtype(np.complex64).itemsize)


def detected(
    slab: Slab, field: Wavefield, chosen: Directions, *, rng: np.random.Generator, at_once: int | None = None
) -> Any:
    """Each atom's thermal scattering onto the detector, as a Hermitian form of the wave that reaches it.

    Parameters
    ----------
    chosen : from :func:`heamap.imaging.directions.sample`
    rng : draws the displacements of the atoms below
    at_once : waves that are held in memory together, all by default; each such group has displacements of its own

    Returns
    -------
    (2, atoms, orbitals, orbitals) complex64: from every other direction, and from the rest; each an estimate of the
    whole
    """
    arrays = field.arrays
    xp = arrays.xp
    still = Atoms(field, average=False)
    samplers = _samplers(field, np.unique(slab.elements))
    size = len(orbitals.BASIS)
    forms = xp.zeros((2, len(slab.elements), size, size), dtype=xp.complex64)
    for start in range(0, len(chosen.waves), at_once or len(chosen.waves)):
        group = slice(start, start + (at_once or len(chosen.waves)))
        _follow(
            slab,
            field,
            field.plane_waves(-chosen.waves[group]),
            xp.asarray(np.sqrt(2 * chosen.weights[group]).astype(np.float32)),
            first=start,
            still=still,
            samplers=samplers,
            forms=forms,
            rng=rng,
        )
    return forms


def _follow(
    slab: Slab,
    field: Wavefield,
    waves: Any,
    roots: Any,
    *,
    first: int,
    still: Atoms,
    samplers: "dict[int, _Vibrations]",
    forms: Any,
    rng: np.random.Generator,
) -> None:
    """Send a group of waves up through the slab and add what they find to the forms.

    Parameters
    ----------
    first : number of the group's first wave: the halves are every other wave of all
    """
    xp = field.arrays.xp
    displacement = np.array([element.rms_displacement_angstrom for element in TABLE])[slab.elements]
    size = len(orbitals.BASIS)
    steps = [None, *np.diff(slab.depths_angstrom)]
    for index in range(len(steps) - 1, -1, -1):
        members = slab.members(index)
        for element, sampler in samplers.items():
            some = members[slab.elements[members] == element]
            if some.size:
                for half in range(2):
                    mine = slice((half - first) % 2, None, 2)
                    forms[half, xp.asarray(some)] += _form(
                        sampler, waves[mine], roots[mine], slab.positions[some], size
                    )
        if steps[index] is None:
            break
        moved = slab.positions[members] + displacement[members, None] * rng.standard_normal(
            (realizations(len(waves)), len(members), 2)
        )
        transmissions = [still.transmission(slab.elements[members], positions) for positions in moved]
        turn = rng.permutation(len(waves)) % len(transmissions)
        propagator = field.propagator(steps[index])
        for number in range(len(waves)):
            field.pass_through(waves[number : number + 1], transmissions[turn[number]], propagator)


@dataclass(frozen=True)
class _Vibrations:
    """Integrals with every product of a mode and an orbital of an element: few integrals, mixed.

    Attributes
    ----------
    mixing : (modes x orbitals, few)
    """

    sampler: Sampler
    mixing: Any

    def __call__(self, waves: Any, positions: npt.NDArray[np.floating]) -> Any:
        """(atoms, modes x orbitals, n), as :class:`Sampler` gives them."""
        few = self.sampler(waves, positions)
        mixed = self.mixing @ few.transpose(1, 0, 2).reshape(len(self.mixing.T), -1)
        return mixed.reshape(-1, len(positions), len(waves)).transpose(1, 0, 2)


def _samplers(field: Wavefield, elements: npt.NDArray[np.integer]) -> dict[int, _Vibrations]:
    """Of each of the elements."""
    axis, reach = lattice(field.pixel_angstrom, orbitals.RADIUS_ANGSTROM)
    nodes = np.meshgrid(axis, axis, indexing="ij")
    basis = orbitals.values(*nodes)
    every = events.modes(field.energy_ev, axis, band=1 / (2 * field.pixel_angstrom))
    result = {}
    for element in elements.tolist():
        mixing, few = factored((every[element][:, None] * basis).reshape(-1, len(axis), len(axis)), LOSS)
        sampler = Sampler(field.arrays, few, pixel_angstrom=field.pixel_angstrom, reach=reach)
        result[element] = _Vibrations(sampler, field.arrays.xp.asarray(mixing.astype(np.complex64)))
    return result


def _form(sampler: _Vibrations, waves: Any, roots: Any, positions: npt.NDArray[np.floating], size: int) -> Any:
    """Sum over modes and directions of v* v^T, so that conj(s)^T form s is the detected share."""
    total: Any = 0
    for start in range(0, len(waves), BATCH):
        some = slice(start, start + BATCH)
        integrals = sampler(waves[some], positions) * roots[some]
        vectors = integrals.reshape(len(positions), -1, size, integrals.shape[-1])
        vectors = vectors.transpose(0, 2, 1, 3).reshape(len(positions), size, -1)
        total = total + vectors.conj() @ vectors.transpose(0, 2, 1)
    return total
