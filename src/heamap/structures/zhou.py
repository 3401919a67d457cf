"""The embedded-atom potential of Zhou, Johnson and Wadley for the five metals, as functions and as a table.

Fitted to the pure metals, unlike pairs by a mixing rule: good for relaxations and trends, not for heats of mixing.
"""

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from ase.data import atomic_masses

from heamap.elements import ELEMENTS, TABLE

Array = npt.NDArray[np.float64]
_POINTS = 2000
_SMALLEST_DISTANCE = 0.5


@dataclass(frozen=True)
class ZhouElement:
    """Parameters of one metal: X. W. Zhou, R. A. Johnson, H. N. G. Wadley, Phys. Rev. B 69, 144113 (2004), Table III.

    Lengths in Angstrom, energies in eV, densities in the paper's arbitrary unit. ``onset`` is the share of ``rho_e``
    below which the inner branch of the embedding energy holds; above 1.15 ``rho_e`` the outer one does. The paper
    prints .85 for all; the embedding energy of Pt is continuous only at .25, as in the authors' table generator.
    """

    r_e: float
    f_e: float
    rho_e: float
    rho_s: float
    alpha: float
    beta: float
    A: float
    B: float
    kappa: float
    lam: float
    inner: tuple[float, float, float, float]
    middle: tuple[float, float, float, float]
    eta: float
    F_e: float
    onset: float = 0.85

    def density(self, distance: npt.ArrayLike) -> Array:
        """Electron density that an atom gives at a distance, eq. 3 of the paper."""
        ratio = np.asarray(distance, dtype=np.float64) / self.r_e
        return self.f_e * np.exp(-self.beta * (ratio - 1)) / (1 + (ratio - self.lam) ** 20)

    def pair(self, distance: npt.ArrayLike) -> Array:
        """Pair energy of two atoms of this metal, eq. 2."""
        ratio = np.asarray(distance, dtype=np.float64) / self.r_e
        repulsion = self.A * np.exp(-self.alpha * (ratio - 1)) / (1 + (ratio - self.kappa) ** 20)
        attraction = self.B * np.exp(-self.beta * (ratio - 1)) / (1 + (ratio - self.lam) ** 20)
        return repulsion - attraction

    def embedding(self, density: npt.ArrayLike) -> Array:
        """Energy to embed an atom in an electron density, eqs. 6-8."""
        rho = np.asarray(density, dtype=np.float64)
        inner = np.polynomial.polynomial.polyval(rho / (self.onset * self.rho_e) - 1, self.inner)
        middle = np.polynomial.polynomial.polyval(rho / self.rho_e - 1, self.middle)
        relative = np.maximum(rho, 1e-12) / self.rho_s
        outer = self.F_e * (1 - self.eta * np.log(relative)) * relative**self.eta
        return np.where(rho < self.onset * self.rho_e, inner, np.where(rho < 1.15 * self.rho_e, middle, outer))


ZHOU = {
    "Pt": ZhouElement(
        *(2.771916, 2.336509, 33.367564, 35.205357, 7.105782, 3.789750, 0.556398, 0.696037, 0.385255, 0.770510),
        inner=(-1.455568, -2.149952, 0.528491, 1.222875),
        middle=(-4.17, 0.0, 3.010561, -2.420128),
        eta=1.450000,
        F_e=-4.145597,
        onset=0.25,
    ),
    "Ni": ZhouElement(
        *(2.488746, 2.007018, 27.562015, 27.562031, 8.383453, 4.471175, 0.429046, 0.633531, 0.443599, 0.820658),
        inner=(-2.693513, -0.076445, 0.241442, -2.375626),
        middle=(-2.70, 0.0, 0.265390, -0.152856),
        eta=0.445470,
        F_e=-2.7,
    ),
    "Pd": ZhouElement(
        *(2.750897, 1.595417, 21.335246, 21.940073, 8.697397, 4.638612, 0.406763, 0.598880, 0.397263, 0.754799),
        inner=(-2.321006, -0.473983, 1.615343, -0.231681),
        middle=(-2.36, 0.0, 1.481742, -1.675615),
        eta=1.130000,
        F_e=-2.352753,
    ),
    "Co": ZhouElement(
        *(2.505979, 1.975299, 27.206789, 27.206789, 8.679625, 4.629134, 0.421378, 0.640107, 0.5, 1.0),
        inner=(-2.541799, -0.219415, 0.733381, -1.589003),
        middle=(-2.56, 0.0, 0.705845, -0.687140),
        eta=0.694608,
        F_e=-2.559307,
    ),
    "Fe": ZhouElement(
        *(2.481987, 1.885957, 20.041463, 20.041463, 9.818270, 5.236411, 0.392811, 0.646243, 0.170306, 0.340613),
        inner=(-2.534992, -0.059605, 0.193065, -2.282322),
        middle=(-2.54, 0.0, 0.200269, -0.148770),
        eta=0.391750,
        F_e=-2.539945,
    ),
}


def pair_energy(first: str, second: str, distance: npt.ArrayLike) -> Array:
    """Pair energy of two metals: (f_b/f_a phi_aa + f_a/f_b phi_bb) / 2, eq. 5 of the paper.

    Parameters
    ----------
    first, second : symbols in ``ZHOU``
    distance : in Angstrom, any shape

    Returns
    -------
    energy in eV, of the shape of ``distance``
    """
    a, b = ZHOU[first], ZHOU[second]
    ratio = b.density(distance) / a.density(distance)
    return 0.5 * (ratio * a.pair(distance) + b.pair(distance) / ratio)


@cache
def setfl() -> str:
    """The potential of the five metals as the text of a DYNAMO ``setfl`` (eam.alloy) table.

    The cutoff, sqrt(10)/2 of the largest fcc lattice constant, is that of the authors' own table generator.
    """
    cutoff = np.sqrt(10) / 2 * np.sqrt(2) * max(element.r_e for element in ZHOU.values())
    distances, step = np.linspace(0, cutoff, _POINTS, retstep=True)
    sampled = np.maximum(distances, _SMALLEST_DISTANCE)
    largest = max(element.density(_SMALLEST_DISTANCE).item() for element in ZHOU.values())
    densities, density_step = np.linspace(0, largest, 4 * _POINTS, retstep=True)
    text = io.StringIO()
    text.write("Zhou, Johnson, Wadley, Phys. Rev. B 69, 144113 (2004)\nPt Ni Pd Co Fe\neV, Angstrom\n")
    text.write(f"{len(ELEMENTS)} {' '.join(ELEMENTS)}\n")
    text.write(f"{len(densities)} {density_step:.17e} {_POINTS} {step:.17e} {cutoff:.17e}\n")
    for element in TABLE:
        zhou = ZHOU[element.symbol]
        text.write(f"{element.number} {atomic_masses[element.number]:.6f} {np.sqrt(2) * zhou.r_e:.6f} fcc\n")
        np.savetxt(text, zhou.embedding(densities), fmt="%.17e")
        np.savetxt(text, zhou.density(sampled), fmt="%.17e")
    for row, first in enumerate(ELEMENTS):
        for second in ELEMENTS[: row + 1]:
            np.savetxt(text, distances * pair_energy(first, second, sampled), fmt="%.17e")
    return text.getvalue()
