"""The scattering of one atom's thermal vibration: what differs from one displacement to the next."""

import numpy as np
import numpy.typing as npt
from scipy.special import j0

from heamap.elements import TABLE
from heamap.imaging import atomic

KEPT = 0.99
"""Share of a mode expansion's trace that is kept; the modes are then scaled to the whole."""
_NODES = 11
_RADII = 600


def modes(
    energy_ev: float, axis_angstrom: npt.NDArray[np.floating], *, band: float
) -> list[npt.NDArray[np.complex128]]:
    """Modes e_m of the covariance of each element's transmission function over its thermal displacements u.

    <t(x) t*(x')> - <t(x)><t*(x')> = sum_m e_m(x) e_m*(x'), with t(x) = exp(i sigma v(x - u)) cut at ``band`` and u
    Gaussian in two dimensions, by Gauss-Hermite quadrature. Each scatters the mean wave incoherently to the others.

    Parameters
    ----------
    axis_angstrom : (side,) points along x and y relative to the atom's mean position
    band : highest frequency that the grid of the waves holds, per Angstrom

    Returns
    -------
    for each element (modes, side, side)
    """
    frequencies = np.linspace(0, band, _RADII)
    rings = 2 * np.pi * np.gradient(frequencies) * frequencies
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    share = np.sqrt(np.outer(weights, weights).ravel() / weights.sum() ** 2)
    reach = np.abs(axis_angstrom).max() + nodes.max() * max(element.rms_displacement_angstrom for element in TABLE)
    radius = np.linspace(0, np.sqrt(2) * reach, _RADII)
    profiles = (atomic.amplitudes(energy_ev, frequencies) * rings) @ j0(2 * np.pi * frequencies[:, None] * radius)
    result = []
    for element, profile in zip(TABLE, profiles, strict=True):
        moved = axis_angstrom - element.rms_displacement_angstrom * nodes[:, None]
        distance = np.hypot(moved[:, None, :, None], moved[None, :, None, :]).reshape(len(share), -1)
        displaced = np.interp(distance, radius, profile.real) + 1j * np.interp(distance, radius, profile.imag)
        displaced *= share[:, None]
        displaced -= share[:, None] * (share @ displaced)
        power, vectors = np.linalg.eigh(displaced @ displaced.conj().T)
        power, vectors = power[::-1], vectors[:, ::-1]
        count = 1 + int(np.searchsorted(np.cumsum(power), KEPT * power.sum()))
        scale = np.sqrt(power.sum() / power[:count].sum())
        kept = scale * (vectors[:, :count].conj().T @ displaced)
        result.append(kept.reshape(count, len(axis_angstrom), -1))
    return result
