"""Faceted fcc nanoparticles seen along [110], placed in a field of view."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FIELD_KINDS = ("centre", "between", "edge")
SMALLEST_DIAMETER_ANGSTROM = 10.0

# Distance of the field's centre from the particle's axis, as a share of the particle's radius.
_FIELD_OFFSET = {"centre": (0.0, 0.2), "between": (0.3, 0.6), "edge": (0.7, 0.95)}
# Distances of the facets from the centre relative to {111}: from cuboctahedra to nearly octahedra; {110} facets show
# below sqrt(3/2) = 1.22 only.
_RELATIVE_DISTANCE = {(1, 1, 1): (1.0, 1.0), (1, 0, 0): (0.85, 1.4), (1, 1, 0): (0.95, 1.4)}
_ASYMMETRY = 0.06


@dataclass(frozen=True)
class Particle:
    """Ideal sites of a particle in field coordinates.

    Attributes
    ----------
    positions : (n, 3) in Angstrom: x along image columns, y along image rows, z along the beam from 0
    column : (n,) number of the atomic column of each site, from 0
    lattice_constant_angstrom, diameter_angstrom : the diameter is that of a sphere of the particle's intended volume
    field_kind : which part the field sees, one of ``FIELD_KINDS``
    rotation_radian : in-plane angle from the x axis to [001]
    """

    positions: Array
    column: npt.NDArray[np.int32]
    lattice_constant_angstrom: float
    diameter_angstrom: float
    field_kind: str
    rotation_radian: float


def _facets(rng: np.random.Generator) -> tuple[Array, Array]:
    """Unit normals (planes, 3) of {111}, {100} and {110} and their random relative distances from the centre."""
    normals, distances = [], []
    for family, limits in _RELATIVE_DISTANCE.items():
        members = {
            tuple(int(v) for v in np.array(signs) * np.roll(family, shift))
            for signs in product((1, -1), repeat=3)
            for shift in range(3)
        }
        relative = rng.uniform(*limits)
        for member in sorted(members):
            normals.append(np.array(member) / np.linalg.norm(member))
            distances.append(relative * (1 + rng.uniform(-_ASYMMETRY, _ASYMMETRY)))
    return np.array(normals), np.array(distances)


def wulff_sites(
    diameter_angstrom: float, lattice_constant_angstrom: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Sites of an fcc crystal cut by facets at random distances from a random centre.

    Whole lattice planes are taken, so that the volume comes closest to that of a sphere of the diameter.

    Returns
    -------
    (n, 3) integers in half lattice constants, of even sum
    """
    half = lattice_constant_angstrom / 2
    normals, distances = _facets(rng)
    # The farthest corner of an octahedron is at .73 of the diameter of the sphere of the same volume, a little more
    # where the facets' distances differ.
    reach = int(np.ceil(0.85 * diameter_angstrom / half)) + 2
    axis = np.arange(-reach, reach + 1)
    lattice = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = lattice[lattice.sum(axis=1) % 2 == 0]
    centre = rng.uniform(-1, 1, 3)
    size = np.full(len(lattice), -np.inf)
    for normal, distance in zip(normals, distances, strict=True):
        np.maximum(size, (lattice - centre) @ normal * (half / distance), out=size)
    wanted = np.pi / 6 * diameter_angstrom**3 / (lattice_constant_angstrom**3 / 4)
    sizes, numbers = np.unique(np.round(size, 9), return_counts=True)
    last = np.abs(np.cumsum(numbers) - wanted).argmin()
    return lattice[size <= sizes[last] + 1e-8]


def make_particle(
    diameter_angstrom: float, lattice_constant_angstrom: float, field_angstrom: float, rng: np.random.Generator
) -> Particle:
    """A random particle with [110] along the beam, turned at random in the image plane, in a random field of view.

    Parameters
    ----------
    field_angstrom : side of the square field of view; the particle may be larger or smaller

    Returns
    -------
    particle in the coordinates of the field, whole, whatever part of it the field sees
    """
    sites = wulff_sites(diameter_angstrom, lattice_constant_angstrom, rng)
    # Sites that project onto each other along [110] share h - k and l; integers make the grouping exact.
    keys = np.stack([sites[:, 0] - sites[:, 1], sites[:, 2]], axis=1)
    _, column = np.unique(keys, axis=0, return_inverse=True)
    half = lattice_constant_angstrom / 2
    upright = np.stack(
        [sites[:, 2], (sites[:, 0] - sites[:, 1]) / np.sqrt(2), (sites[:, 0] + sites[:, 1]) / np.sqrt(2)], axis=1
    )
    rotation = rng.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(rotation), np.sin(rotation)
    turned = half * upright @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])

    field_kind = str(rng.choice(FIELD_KINDS))
    offset = rng.uniform(*_FIELD_OFFSET[field_kind]) * diameter_angstrom / 2
    direction = rng.uniform(0, 2 * np.pi)
    seen = turned[:, :2].mean(axis=0) + offset * np.array([np.cos(direction), np.sin(direction)])
    origin = np.array([*(seen - field_angstrom / 2), turned[:, 2].min()])
    return Particle(
        positions=turned - origin,
        column=column.reshape(-1).astype(np.int32),
        lattice_constant_angstrom=lattice_constant_angstrom,
        diameter_angstrom=diameter_angstrom,
        field_kind=field_kind,
        rotation_radian=float(rotation),
    )
