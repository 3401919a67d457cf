"""Particles and microscopes that the thermal engine is judged by; none was used to tune it."""

from dataclasses import dataclass

from particles import Particle, ellipsoid

from heamap import params
from heamap.imaging.microscope import Microscope

FIELD_ANGSTROM, MARGIN_ANGSTROM = 14.4, 6.0
EDGE_ANGSTROM = 1.2
BASE = params.Base(seed=20110905, pixels=72, sampling_angstrom=0.2)
DETECTORS = ((60.0, 100.0), (70.0, 200.0))
WAVES = (12, 24, 48)


@dataclass(frozen=True)
class Case:
    """A particle under a microscope.

    Attributes
    ----------
    configurations : of the reference on either detector, so that its columns are known to 2 % or better
    """

    name: str
    seed: int
    width_angstrom: float
    height_angstrom: float
    energy_ev: float
    semiangle_mrad: float
    configurations: tuple[int, int]

    @property
    def particle(self) -> Particle:
        """The particle in the field."""
        return ellipsoid(
            self.seed,
            width_angstrom=self.width_angstrom,
            height_angstrom=self.height_angstrom,
            field_angstrom=FIELD_ANGSTROM,
        )

    def microscope(self, detector: tuple[float, float]) -> Microscope:
        """Without aberrations."""
        return Microscope(self.energy_ev, self.semiangle_mrad, 0.0, 0.0, 0.0, 0.0, *detector)


# Both ends of the voltage and of the convergence range of params.yaml; columns of 1 to 18 atoms.
CASES = (
    Case("A", 11, 24.0, 46.0, 180e3, 15.0, (42, 18)),
    Case("B", 12, 24.0, 46.0, 220e3, 20.0, (36, 15)),
    Case("C", 13, 22.0, 26.0, 180e3, 20.0, (45, 27)),
    Case("D", 14, 22.0, 26.0, 220e3, 15.0, (45, 43)),
)
