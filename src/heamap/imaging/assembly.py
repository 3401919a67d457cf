"""From what reaches an atom and what becomes of it to an image."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.imaging.arrays import Arrays
from heamap.imaging.microscope import Microscope
from heamap.imaging.optics import probe

NEGLIGIBLE = 1e-4
"""Eigenvalues of a form below this share of its largest are left out."""
BATCH = 512


def image(
    arrays: Arrays,
    coefficients: Any,
    forms: Any,
    waves: npt.NDArray[np.int64],
    positions: npt.NDArray[np.floating],
    microscope: Microscope,
    *,
    box_angstrom: float,
    interpolation: int,
    count: int,
) -> npt.NDArray[np.float64]:
    """Thermal scattering of all atoms onto the detector, over the whole periodic box.

    Parameters
    ----------
    coefficients : (atoms, orbitals, n) waves that reach each atom
    forms : (atoms, orbitals, orbitals) Hermitian
    waves : (n, 2) PRISM's plane waves
    positions : (atoms, 2) x and y in Angstrom
    count : scan positions along the box

    Returns
    -------
    (count, count) axes x and y, fractions of the beam. An atom contributes within half PRISM's window.
    """
    xp = arrays.xp
    step = box_angstrom / count
    edge = interpolation * microscope.wavelength_angstrom / box_angstrom
    amplitudes = probe(waves / box_angstrom, microscope, edge=edge) * interpolation / box_angstrom**2
    half = int(box_angstrom / interpolation / 2 / step)
    around = np.arange(-half, half + 1)
    numbers = np.unique(waves)
    turn = xp.asarray(np.exp(-2j * np.pi / count * np.outer(around, numbers)).astype(np.complex64))
    column_x, column_y = (xp.asarray(np.searchsorted(numbers, axis)) for axis in waves.T)
    nearest = np.rint(positions / step).astype(np.int64)
    result = xp.zeros((count, count), dtype=xp.float32)
    for start in range(0, len(positions), BATCH):
        some = slice(start, start + BATCH)
        power, vectors = xp.linalg.eigh(forms[some])
        relevant = power > NEGLIGIBLE * power[:, -1:]
        rank = int(relevant.sum(axis=1).max())
        roots = xp.sqrt(xp.where(relevant, power, 0)[:, -rank:])
        # conj(s)^T form s is the sum of the squares of these.
        parts = (vectors[:, :, -rank:] * roots[:, None, :]).conj().transpose(0, 2, 1) @ coefficients[some]
        shift = np.exp(-2j * np.pi / count * (nearest[some] @ waves.T)) * amplitudes
        parts = parts * xp.asarray(shift[:, None, :].astype(np.complex64))
        grid = xp.zeros((*parts.shape[:2], len(numbers), len(numbers)), dtype=xp.complex64)
        grid[:, :, column_x, column_y] = parts
        seen = turn @ (grid @ turn.T)
        seen = (seen.real**2 + seen.imag**2).sum(axis=1)
        rows, cols = ((nearest[some, axis, None] + around) % count for axis in (0, 1))
        place = rows[:, :, None] * count + cols[:, None, :]
        result += xp.bincount(xp.asarray(place.reshape(-1)), weights=seen.reshape(-1), minlength=count * count).reshape(
            count, count
        )
    return np.asarray(arrays.on_host(result), dtype=np.float64)
