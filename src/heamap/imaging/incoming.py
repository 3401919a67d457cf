"""The mean wave that reaches each atom: PRISM's plane waves through thermally averaged slices."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.imaging import orbitals
from heamap.imaging.sampling import Sampler, lattice
from heamap.imaging.slicing import Slab
from heamap.imaging.wavefield import Atoms, Wavefield

BATCH = 32
"""Waves that are sampled together."""


def sample(slab: Slab, field: Wavefield, waves: npt.NDArray[np.int64]) -> Any:
    """Each plane wave's mean wave just before every atom's slice, in the orbitals of that atom.

    Parameters
    ----------
    waves : (n, 2) from :func:`heamap.imaging.optics.beams`

    Returns
    -------
    (atoms, orbitals, n) complex64
    """
    arrays = field.arrays
    atoms = Atoms(field, average=True)
    axis, reach = lattice(field.pixel_angstrom, orbitals.RADIUS_ANGSTROM)
    nodes = np.meshgrid(axis, axis, indexing="ij")
    sampler = Sampler(arrays, orbitals.projections(*nodes), pixel_angstrom=field.pixel_angstrom, reach=reach)
    coefficients = arrays.xp.empty((len(slab.elements), sampler.functions, len(waves)), dtype=arrays.xp.complex64)
    matrix = field.plane_waves(waves)
    first = field.propagator(slab.depths_angstrom[0])
    field.pass_through(matrix, arrays.xp.ones((field.points, field.points), dtype=arrays.xp.complex64), first)
    steps = [*np.diff(slab.depths_angstrom), None]
    for index, step in enumerate(steps):
        members = slab.members(index)
        place = arrays.xp.asarray(members)
        for start in range(0, len(waves), BATCH):
            some = slice(start, start + BATCH)
            coefficients[place, :, some] = sampler(matrix[some], slab.positions[members])
        if step is not None:
            transmission = atoms.transmission(slab.elements[members], slab.positions[members])
            field.pass_through(matrix, transmission, field.propagator(step))
    return coefficients
