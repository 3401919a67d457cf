"""The probe as a sum of plane waves."""

import numpy as np
import numpy.typing as npt

from heamap.imaging.microscope import Microscope


def beams(microscope: Microscope, *, box_angstrom: float, interpolation: int) -> npt.NDArray[np.int64]:
    """PRISM's plane waves: every ``interpolation``-th frequency of the box within the aperture and its soft edge.

    Returns
    -------
    (n, 2) frequencies along x and y in units of one over the box
    """
    step = interpolation * microscope.wavelength_angstrom / box_angstrom
    limit = int(microscope.semiangle_mrad * 1e-3 / step + 0.5) + 1
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.arange(-limit, limit + 1)] * 2, indexing="ij"))
    passed = aperture(np.hypot(x, y) * step, microscope, step) > 0
    return interpolation * np.stack([x[passed], y[passed]], axis=1)


def aperture(angle: npt.NDArray[np.floating], microscope: Microscope, edge: float) -> npt.NDArray[np.float64]:
    """Transmission of the probe-forming aperture with an edge as wide as the step between beams.

    Parameters
    ----------
    angle, edge : radian
    """
    return np.clip((microscope.semiangle_mrad * 1e-3 - angle) / edge + 0.5, 0, 1)


def probe(frequencies: npt.NDArray[np.floating], microscope: Microscope, *, edge: float) -> npt.NDArray[np.complex128]:
    """Amplitudes of a probe's plane waves, aperture times exp(-i chi), summing to 1 in square.

    chi = 2 pi / lambda (alpha^2 / 2 (C10 + C12 cos 2(phi - phi12)) + alpha^4 / 4 C30), Kirkland, Advanced Computing in
    Electron Microscopy (2020), eq. 3.24 in abTEM's signs.

    Parameters
    ----------
    frequencies : (n, 2) along x and y, per Angstrom
    edge : width of the aperture's edge in radian
    """
    x, y = frequencies.T * microscope.wavelength_angstrom
    angle, azimuth = np.hypot(x, y), np.arctan2(y, x)
    astigmatism = microscope.astigmatism_angstrom * np.cos(2 * (azimuth - microscope.astigmatism_angle_radian))
    chi = angle**2 / 2 * (astigmatism - microscope.defocus_angstrom)
    chi += angle**4 / 4 * microscope.spherical_aberration_angstrom
    amplitude = aperture(angle, microscope, edge) * np.exp(-2j * np.pi / microscope.wavelength_angstrom * chi)
    return amplitude / np.sqrt((np.abs(amplitude) ** 2).sum())
