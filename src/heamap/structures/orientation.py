"""Turning a structure until its atomic columns stand along the beam."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from heamap.errors import InputError
from heamap.structures.projection import MIN_SHARE, Projection, lean, project

Array = npt.NDArray[np.float64]

BOND_REACH = 1.2
"""Longest bond over the median distance of nearest neighbours; fcc's second neighbours are at 1.41."""

BUNDLE_DEGREE = 12.0
"""Half opening of a bundle of bonds that are taken for one direction; <110> directions are 60 degrees apart."""

MIN_BUNDLE = 0.1
"""Least bonds of a direction over the number of atoms; the six of a perfect fcc crystal have one each."""

UPRIGHT_ANGSTROM = 0.1
"""Columns that lean less than this over the whole thickness are left as they stand."""

SHARE_TOLERANCE = 0.05
"""Directions whose share of atoms in columns is this near to the best are as good. In a twinned particle the axis that
its grains have in common stands out: .99 against .81 in one of PdPt."""

_REFINEMENTS = 4


@dataclass(frozen=True)
class Oriented:
    """A structure turned towards the beam.

    Attributes
    ----------
    positions : (n, 3) Angstrom, z along the beam
    projection : its columns
    axis : unit vector of the structure as given that now lies along z
    angle_degree : by which it was turned
    matrix : (3, 3) rotation, ``positions = given @ matrix.T``
    """

    positions: Array
    projection: Projection
    axis: Array
    angle_degree: float
    matrix: Array


def orient(positions: Array, axis: Array | Literal["auto"]) -> Oriented:
    """Turn a structure so that a column direction lies along z.

    ``auto`` takes z where atoms line up along it, else the direction of nearest-neighbour bonds along which most of
    them do, of equals the nearest to z, and sets it upright by the lean of the columns. A direction that is given is
    taken as it is.

    Parameters
    ----------
    positions : (n, 3) Angstrom
    axis : ``auto``, or a vector in the coordinates of the structure

    Raises
    ------
    InputError : atoms do not line up
    """
    if not isinstance(axis, str):
        given = _turned(positions, axis / np.linalg.norm(axis))
        if not given.projection.has_columns:
            raise InputError(
                f"no atomic columns along {_vector(given.axis)}: {_figure(given.projection.share)}; "
                "give another --axis, or auto to have one looked for"
            )
        return given
    upright = _turned(positions, np.array([0.0, 0.0, 1.0]))
    if upright.projection.has_columns:
        return _set_upright(positions, upright)
    found = [_set_upright(positions, _turned(positions, each)) for each in close_packed_directions(positions)]
    best = max([upright, *found], key=lambda one: one.projection.share)
    if best.projection.has_columns:
        return next(one for one in found if one.projection.share >= best.projection.share - SHARE_TOLERANCE)
    searched = f"the best of z and {len(found)} bond directions" if found else "and no direction is common to its bonds"
    raise InputError(
        f"no column direction: along {_vector(best.axis)}, {searched}, {_figure(best.projection.share)}; "
        "heamap simulates crystals seen along a zone axis"
    )


def close_packed_directions(positions: Array) -> Array:
    """Directions that bonds of nearest neighbours share, nearest to z first.

    Bundles of bonds are taken off one after the other, the densest first; a direction is the mean of its bundle.

    Returns
    -------
    (k, 3) unit vectors, z 0 or more
    """
    if len(positions) < 2:
        return np.empty((0, 3))
    tree = KDTree(positions)
    nearest = np.asarray(tree.query(positions, k=2)[0])[:, 1]
    reach = BOND_REACH * float(np.median(nearest))
    pairs = tree.query_pairs(reach, output_type="ndarray")
    bonds = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    bonds /= np.linalg.norm(bonds, axis=1)[:, None]
    both_ways = KDTree(np.concatenate([bonds, -bonds]))
    opening = 2 * np.sin(np.radians(BUNDLE_DEGREE) / 2)
    crowd = both_ways.query_ball_point(bonds, opening, return_length=True)
    directions = []
    left = np.ones(len(bonds), dtype=bool)
    while left.any():
        direction = bonds[np.where(left, crowd, 0).argmax()]
        for _ in range(_REFINEMENTS):
            along = bonds @ direction
            bundle = np.abs(along) > np.cos(np.radians(BUNDLE_DEGREE))
            direction = (bonds[bundle] * np.sign(along[bundle])[:, None]).sum(axis=0)
            direction /= np.linalg.norm(direction)
        if bundle.sum() < MIN_BUNDLE * len(positions):
            break
        directions.append(direction if direction[2] >= 0 else -direction)
        left &= np.abs(bonds @ direction) < np.cos(np.radians(2 * BUNDLE_DEGREE))
    return np.array(sorted(directions, key=lambda one: -one[2])).reshape(-1, 3)


def rotation_onto_z(axis: Array) -> Array:
    """The smallest rotation (3, 3) that takes a unit vector onto z (Rodrigues' formula)."""
    x, y, z = axis
    if z < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)


def _turned(positions: Array, axis: Array) -> Oriented:
    matrix = rotation_onto_z(axis)
    turned = positions @ matrix.T
    angle = float(np.degrees(np.arctan2(np.hypot(axis[0], axis[1]), axis[2])))
    return Oriented(turned, project(turned), axis, angle, matrix)


def _set_upright(positions: Array, start: Oriented) -> Oriented:
    """Turn until the columns' mean lean is gone; as it was where it is too small to be seen."""
    oriented = start
    thickness = float(np.ptp(positions @ start.axis))
    for _ in range(_REFINEMENTS):
        slopes = lean(oriented.positions, oriented.projection.column)
        if np.hypot(*slopes) * thickness < UPRIGHT_ANGSTROM:
            break
        axis = oriented.matrix.T @ np.array([*slopes, 1.0])
        oriented = _turned(positions, axis / np.linalg.norm(axis))
    return max(oriented, start, key=lambda one: one.projection.share)


def _vector(axis: Array) -> str:
    return f"[{axis[0]:.3g}, {axis[1]:.3g}, {axis[2]:.3g}]"


def _figure(share: float) -> str:
    return f"{100 * share:.0f} % of the atoms stand in columns apart from others, {100 * MIN_SHARE:.0f} % are needed"
