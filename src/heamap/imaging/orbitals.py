"""A small basis for waves near an atom: Gaussians of several widths, as atomic orbitals are built."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

S_WIDTHS = (0.08, 0.16, 0.35, 9.0)
P_WIDTHS = (0.1, 0.2, 0.45)
D_WIDTHS = (0.15, 0.3)
"""Widths in Angstrom of the orbitals without, with one and with two nodes through the atom. A focused wave behind two
Pt atoms is a tenth of an Angstrom wide; polynomials up to fourth order lose a fifth of the third atom's scattering,
these sixteen functions less than 1 % (docs/decisions.md)."""
RADIUS_ANGSTROM = 0.8
"""Half the side of the square around an atom in which a thermal displacement changes the wave."""
_WEIGHT_WIDTH = 0.3
_WEIGHT_FLOOR = 1e-3
_RIDGE = 1e-8
_LATTICE = 0.02


@dataclass(frozen=True)
class Orbital:
    """(x/w)^a (y/w)^b exp(-(x^2 + y^2) / 2 w^2)."""

    a: int
    b: int
    width_angstrom: float

    def __call__(self, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        scaled_x, scaled_y = x / self.width_angstrom, y / self.width_angstrom
        return scaled_x**self.a * scaled_y**self.b * np.exp(-(scaled_x**2 + scaled_y**2) / 2)


BASIS = (
    *(Orbital(0, 0, width) for width in S_WIDTHS),
    *(Orbital(a, 1 - a, width) for width in P_WIDTHS for a in (1, 0)),
    *(Orbital(a, 2 - a, width) for width in D_WIDTHS for a in (2, 1, 0)),
)


def values(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The orbitals at points relative to the atom, in Angstrom: (orbitals, *shape of x and y)."""
    return np.stack([orbital(x, y) for orbital in BASIS])


def projections(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Functions whose integral with a wave gives its coefficients in the basis.

    Weighted least squares over the square around the atom: a Gaussian weight, for that is where thermal displacements
    scatter, with a low floor. The functions end at the square's edge.

    Parameters
    ----------
    x, y : points relative to the atom, in Angstrom

    Returns
    -------
    (orbitals, *shape) per square Angstrom
    """
    axis = np.arange(-RADIUS_ANGSTROM + _LATTICE / 2, RADIUS_ANGSTROM, _LATTICE)
    nodes = np.meshgrid(axis, axis, indexing="ij")
    on_nodes = values(*nodes).reshape(len(BASIS), -1)
    overlap = (on_nodes * _weight(*nodes).ravel()) @ on_nodes.T * _LATTICE**2
    overlap += _RIDGE * np.diag(np.diag(overlap))
    weighted = values(x, y) * _weight(x, y)
    solved = np.linalg.solve(overlap, weighted.reshape(len(BASIS), -1))
    return np.asarray(solved.reshape(weighted.shape), dtype=np.float64)


def _weight(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    inside = (np.abs(x) < RADIUS_ANGSTROM) & (np.abs(y) < RADIUS_ANGSTROM)
    return inside * (np.exp(-(x**2 + y**2) / (2 * _WEIGHT_WIDTH**2)) + _WEIGHT_FLOOR)
