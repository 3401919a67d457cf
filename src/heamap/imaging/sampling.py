"""Integrals of waves with small functions that sit on atoms between the grid's points."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.imaging.arrays import Arrays

OFFSETS = 4
"""Places between two grid points at which the functions are tabulated; an atom takes the nearest."""


class Sampler:
    """Functions around atoms, sampled on a grid for every place of an atom between the grid's points.

    Parameters
    ----------
    lattice : (functions, side, side) values on the lattice of :func:`lattice`, its middle being the atom
    """

    def __init__(self, arrays: Arrays, lattice: npt.NDArray[Any], *, pixel_angstrom: float, reach: int) -> None:
        self._arrays = arrays
        self._reach = reach
        self._pixel = pixel_angstrom
        taken = OFFSETS * np.arange(1, 2 * reach + 2)
        # Offset o means that the atom lies o / OFFSETS of a pixel beyond its grid point: functions move with it.
        side = 2 * reach + 1
        tables = np.empty((OFFSETS, OFFSETS, len(lattice), side * side), dtype=np.complex64)
        for ox in range(OFFSETS):
            for oy in range(OFFSETS):
                moved = lattice[:, taken[:, None] - ox, taken - oy]
                tables[ox, oy] = moved.reshape(len(lattice), -1) * pixel_angstrom**2
        self._tables = arrays.xp.asarray(tables)

    @property
    def functions(self) -> int:
        """Number of functions."""
        return int(self._tables.shape[2])

    def __call__(self, waves: Any, positions: npt.NDArray[np.floating]) -> Any:
        """Integrals of each wave with each atom's functions.

        Parameters
        ----------
        waves : (n, points, points) complex64, periodic
        positions : (atoms, 2) x and y in Angstrom

        Returns
        -------
        (atoms, functions, n) complex64
        """
        xp = self._arrays.xp
        points = waves.shape[1]
        fine = np.rint(positions / self._pixel * OFFSETS).astype(np.intp)
        nearest, offset = np.divmod(fine, OFFSETS)
        around = np.arange(-self._reach, self._reach + 1)
        rows, cols = ((nearest[:, axis, None] + around) % points for axis in (0, 1))
        result = xp.empty((len(positions), self.functions, len(waves)), dtype=xp.complex64)
        flat = waves.reshape(len(waves), -1)
        for ox in range(OFFSETS):
            for oy in range(OFFSETS):
                members = np.flatnonzero((offset[:, 0] == ox) & (offset[:, 1] == oy))
                if not members.size:
                    continue
                index = (rows[members][:, :, None] * points + cols[members][:, None, :]).reshape(-1)
                patches = flat[:, xp.asarray(index)].reshape(len(waves) * len(members), -1)
                integrals = patches @ self._tables[ox, oy].T
                result[xp.asarray(members)] = integrals.reshape(len(waves), len(members), -1).transpose(1, 2, 0)
        return result


def factored(functions: npt.NDArray[Any], loss: float) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
    """Few functions whose combinations are many: ``mixing @ basis``.

    Smooth functions on a small patch have few degrees of freedom, and integrals with the few cost that much less.

    Parameters
    ----------
    functions : (n, ...)
    loss : share of the squares' sum that may be lost

    Returns
    -------
    mixing (n, few), basis (few, ...), orthonormal
    """
    flat = functions.reshape(len(functions), -1)
    power, vectors = np.linalg.eigh(flat @ flat.conj().T)
    few = int(np.count_nonzero(np.cumsum(power) > loss * power.sum()))
    mixing = vectors[:, -few:] * np.sqrt(power[-few:])
    basis = (vectors[:, -few:].conj().T @ flat) / np.sqrt(power[-few:, None])
    return mixing, basis.reshape(few, *functions.shape[1:])


def lattice(pixel_angstrom: float, radius_angstrom: float) -> tuple[npt.NDArray[np.float64], int]:
    """The fine axis around an atom on which functions for a :class:`Sampler` are given, and its reach in pixels.

    Returns
    -------
    axis (side,) in Angstrom, symmetric about 0; reach
    """
    reach = int(np.ceil(radius_angstrom / pixel_angstrom))
    half = OFFSETS * (reach + 1)
    return np.arange(-half, half + 1) * pixel_angstrom / OFFSETS, reach
