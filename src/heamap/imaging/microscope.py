"""The microscope of one image."""

from dataclasses import dataclass

import numpy as np
from scipy import constants

from heamap import params
from heamap.seeds import Stream, generator


def wavelength_angstrom(energy_ev: float) -> float:
    """Relativistic de Broglie wavelength, h c / sqrt(E (2 m c^2 + E))."""
    rest_ev = constants.m_e * constants.c**2 / constants.e
    return float(constants.h * constants.c / constants.e / np.sqrt(energy_ev * (2 * rest_ev + energy_ev)) * 1e10)


@dataclass(frozen=True)
class Microscope:
    """Probe and detector of one image.

    Attributes
    ----------
    semiangle_mrad : convergence semiangle
    defocus_angstrom : -C10; positive (underfocus) puts the crossover inside the particle, below its entrance
    spherical_aberration_angstrom : C30
    astigmatism_angstrom, astigmatism_angle_radian : two-fold, C12 and phi12; angles run from x to y
    detector_inner_mrad, detector_outer_mrad : collection angles of the annular detector
    """

    energy_ev: float
    semiangle_mrad: float
    defocus_angstrom: float
    spherical_aberration_angstrom: float
    astigmatism_angstrom: float
    astigmatism_angle_radian: float
    detector_inner_mrad: float
    detector_outer_mrad: float

    def __post_init__(self) -> None:
        if not 0 < self.semiangle_mrad < self.detector_outer_mrad:
            raise ValueError(
                f"semiangle {self.semiangle_mrad} mrad must lie between 0 and the detector's outer "
                f"angle {self.detector_outer_mrad} mrad"
            )
        if not 0 <= self.detector_inner_mrad < self.detector_outer_mrad:
            raise ValueError(
                f"detector needs 0 <= inner < outer, got {self.detector_inner_mrad} and {self.detector_outer_mrad} mrad"
            )

    @property
    def wavelength_angstrom(self) -> float:
        """Wavelength of the electrons."""
        return wavelength_angstrom(self.energy_ev)

    @property
    def nyquist_angstrom(self) -> float:
        """Scan step that loses nothing: the image ends at 2 alpha / wavelength, so wavelength / (4 alpha)."""
        return self.wavelength_angstrom / (4e-3 * self.semiangle_mrad)


def draw(ranges: params.Microscope, detector_mrad: tuple[float, float], *, seed: int, sample: int) -> Microscope:
    """The microscope of a sample, uniform in the given ranges."""
    rng = generator(seed, Stream.MICROSCOPE, sample)
    return Microscope(
        energy_ev=rng.uniform(*ranges.energy_ev),
        semiangle_mrad=rng.uniform(*ranges.semiangle_mrad),
        defocus_angstrom=rng.uniform(*ranges.defocus_angstrom),
        spherical_aberration_angstrom=rng.uniform(*ranges.spherical_aberration_angstrom),
        astigmatism_angstrom=rng.uniform(*ranges.astigmatism_angstrom),
        astigmatism_angle_radian=rng.uniform(*ranges.astigmatism_angle_radian),
        detector_inner_mrad=detector_mrad[0],
        detector_outer_mrad=detector_mrad[1],
    )
