"""Atoms seen along z: which of them stand above one another."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

Array = npt.NDArray[np.float64]

REACH_ANGSTROM = 0.8
"""Atoms link laterally to the nearest denser place within this distance."""

DENSITY_SIGMA_ANGSTROM = 0.3
NEAR_ANGSTROM = 0.6
"""An atom this far from the line of its column still stands in it."""

APART_ANGSTROM = 0.9
"""Atoms of two columns nearer than this overlap; <112> columns of the alloy are 1.3 Angstrom apart."""

MIN_SHARE = 0.75
"""Share of the atoms that must stand in columns. Measured: .99 for a reconstructed 5 nm PdPt particle, .79 after
shaking it by .2 Angstrom along each axis, .6 or less for it turned at random, .7 for 5 Angstrom of amorphous metal
and .1 for 50 Angstrom of it."""

_LAYERS_ANGSTROM = np.geomspace(0.6, 3.4, 1200)
_MIN_LAYERED = 0.3


@dataclass(frozen=True)
class Projection:
    """Atoms sorted into columns along z.

    Attributes
    ----------
    column : (n,) number of each atom's column, from 0
    share : of the atoms that stand in a column: near its line, crowded together rather than spread out, and apart from
        the atoms of others
    scatter_angstrom : root-mean-square lateral distance of the atoms from the lines of their columns
    """

    column: npt.NDArray[np.int32]
    share: float
    scatter_angstrom: float

    @property
    def has_columns(self) -> bool:
        """Whether atoms line up."""
        return self.share >= MIN_SHARE


def project(positions: Array) -> Projection:
    """Sort atoms into columns along z and say how well they fit.

    Parameters
    ----------
    positions : (n, 3) Angstrom, n > 0
    """
    lateral = positions[:, :2]
    column = _group(lateral)
    distance = np.linalg.norm(lateral - _means(lateral, column)[column], axis=1)
    pairs = KDTree(lateral).query_pairs(APART_ANGSTROM, output_type="ndarray")
    apart = np.linalg.norm(lateral[pairs[:, 0]] - lateral[pairs[:, 1]], axis=1)
    overlapping = np.zeros(len(lateral), dtype=bool)
    overlapping[pairs[column[pairs[:, 0]] != column[pairs[:, 1]]]] = True
    close = apart < APART_ANGSTROM / 2
    # Atoms strewn at random have three times as many others in the outer ring as in the inner disc.
    crowded = np.bincount(pairs[close].ravel(), minlength=len(lateral)) >= np.bincount(
        pairs[~close].ravel(), minlength=len(lateral)
    )
    standing = (distance < NEAR_ANGSTROM) & ~overlapping & crowded
    return Projection(column, float(standing.mean()), float(np.sqrt((distance**2).mean())))


def lean(positions: Array, column: npt.NDArray[np.int32]) -> Array:
    """Slopes dx/dz and dy/dz of the columns, one least-squares fit to all of them; zeros where none has two atoms."""
    offset = positions - _means(positions, column)[column]
    squared = float((offset[:, 2] ** 2).sum())
    return offset[:, :2].T @ offset[:, 2] / squared if squared > 0 else np.zeros(2)


def layer_spacing(z_angstrom: Array) -> float | None:
    """Distance of the atomic layers across z, or None where there are none.

    The longest period d at which ``|sum_j exp(2 pi i z_j / d)|`` comes within 5 % of its maximum: its harmonics d / 2,
    d / 3 fit layers just as well.

    Parameters
    ----------
    z_angstrom : (n,)
    """
    if np.ptp(z_angstrom) < _LAYERS_ANGSTROM[0]:
        return None
    order = np.array([abs(np.exp(2j * np.pi / period * z_angstrom).mean()) for period in _LAYERS_ANGSTROM])
    if order.max() < _MIN_LAYERED:
        return None
    last = np.flatnonzero(order >= 0.95 * order.max())[-1]
    # The 5 % may lie on the flank of the last peak.
    while last > 0 and order[last - 1] > order[last]:
        last -= 1
    return float(_LAYERS_ANGSTROM[last])


def _means(values: Array, column: npt.NDArray[np.int32]) -> Array:
    number = np.bincount(column)
    return np.column_stack([np.bincount(column, axis) / number for axis in values.T])


def _group(lateral: Array) -> npt.NDArray[np.int32]:
    """Quick shift (Vedaldi and Soatto, ECCV 2008): each atom follows its nearest denser neighbour up to a summit.

    Unlike single linkage it does not join two columns over a stray atom between them.
    """
    number = len(lateral)
    pairs = KDTree(lateral).query_pairs(REACH_ANGSTROM, output_type="ndarray")
    source, target = np.concatenate([pairs, pairs[:, ::-1]]).T
    distance = np.linalg.norm(lateral[source] - lateral[target], axis=1)
    density = np.bincount(source, np.exp(-0.5 * (distance / DENSITY_SIGMA_ANGSTROM) ** 2), number)
    rank = np.empty(number, dtype=np.intp)
    rank[np.argsort(-density, kind="stable")] = np.arange(number)
    denser = rank[target] < rank[source]
    source, target, distance = source[denser], target[denser], distance[denser]
    nearest = np.lexsort((rank[target], distance, source))
    climbing, first = np.unique(source[nearest], return_index=True)
    summit = np.arange(number)
    summit[climbing] = target[nearest][first]
    while not np.array_equal(summit, summit[summit]):
        summit = summit[summit]
    return np.unique(summit, return_inverse=True)[1].astype(np.int32)
