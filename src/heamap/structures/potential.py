"""The calculator that a name stands for, and its check against the pure metals."""

import importlib
import io
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT, parameters
from scipy.optimize import minimize_scalar

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.structures.eam import ArrayEAM
from heamap.structures.zhou import setfl


def _zhou(elements: Sequence[str]) -> Calculator:
    missing = [symbol for symbol in elements if symbol not in ELEMENTS]
    if missing:
        raise InputError(f"calculator 'zhou-eam' is tabulated for {list(ELEMENTS)}, not for {missing}")
    return ArrayEAM(potential=io.StringIO(setfl()), form="alloy")


def _emt(elements: Sequence[str]) -> Calculator:
    missing = [symbol for symbol in elements if symbol not in parameters]
    if missing:
        raise InputError(f"calculator 'emt' has no parameters for {missing}; use 'zhou-eam'")
    return EMT()


def _gpaw(_elements: Sequence[str]) -> Calculator:
    try:
        module = importlib.import_module("gpaw")
    except ImportError:
        raise InputError("calculator 'gpaw': GPAW is not installed; install it or use 'zhou-eam'") from None
    return module.GPAW(mode={"name": "pw", "ecut": 400.0}, xc="PBE", kpts={"density": 2.0}, txt=None)


def _vasp(_elements: Sequence[str]) -> Calculator:
    if not any(os.environ.get(name) for name in ("ASE_VASP_COMMAND", "VASP_COMMAND", "VASP_SCRIPT")):
        raise InputError("calculator 'vasp': ASE_VASP_COMMAND is not set; set it to the command of your VASP")
    module = importlib.import_module("ase.calculators.vasp")
    folder = tempfile.mkdtemp(prefix="heamap-vasp-")
    return module.Vasp(directory=folder, xc="PBE", encut=400.0, kspacing=0.4, ismear=1, sigma=0.2, ispin=2)


_NAMED: dict[str, Callable[[Sequence[str]], Calculator]] = {
    "zhou-eam": _zhou,
    "emt": _emt,
    "gpaw": _gpaw,
    "vasp": _vasp,
}


def _class(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"calculator {name!r}: {error}") from None


def calculator(name: str, elements: Sequence[str] = ELEMENTS) -> Calculator:
    """The ASE calculator of a name.

    Parameters
    ----------
    name : ``zhou-eam``, ``emt``, ``gpaw``, ``vasp``, or ``module:Class`` of a calculator built without arguments
    elements : symbols that it must cover

    Raises
    ------
    InputError : an unknown name, a calculator that is not installed, or an element that it does not cover
    """
    if name in _NAMED:
        return _NAMED[name](elements)
    if ":" not in name:
        raise InputError(f"calculator {name!r} is unknown; use one of {list(_NAMED)} or 'module:Class'")
    return _class(name)()


@dataclass(frozen=True)
class PureMetal:
    """A metal's ground state as published: C. Kittel, Introduction to Solid State Physics, 8th ed., chapters 1 and 3.

    The hcp lattice of Co is taken with the ideal ratio of its axes, as the potential was fitted.
    """

    symbol: str
    structure: str
    lattice_constant_angstrom: float
    cohesive_energy_ev: float

    def cell(self, lattice_constant_angstrom: float) -> Atoms:
        """The primitive cell, in Angstrom."""
        ratio = math.sqrt(8 / 3) if self.structure == "hcp" else None
        return bulk(self.symbol, self.structure, a=lattice_constant_angstrom, covera=ratio)


PURE_METALS = (
    PureMetal("Pt", "fcc", 3.92, 5.84),
    PureMetal("Ni", "fcc", 3.52, 4.44),
    PureMetal("Pd", "fcc", 3.89, 3.89),
    PureMetal("Co", "hcp", 2.507, 4.39),
    PureMetal("Fe", "bcc", 2.866, 4.28),
)


def check_pure_metals(calc: Calculator) -> list[dict[str, str | float]]:
    """Lattice constant and cohesive energy of each pure metal beside the published ones.

    Returns
    -------
    one record a metal: element, structure, lattice_constant_angstrom, published_lattice_constant_angstrom,
    cohesive_energy_ev, published_cohesive_energy_ev
    """
    records: list[dict[str, str | float]] = []
    for metal in PURE_METALS:

        def energy(lattice_constant: float, metal: PureMetal = metal) -> float:
            cell = metal.cell(lattice_constant)
            cell.calc = calc
            return float(cell.get_potential_energy()) / len(cell)

        published = metal.lattice_constant_angstrom
        best = minimize_scalar(
            energy, bounds=(0.95 * published, 1.05 * published), method="bounded", options={"xatol": 1e-4}
        )
        atom = Atoms(metal.symbol, cell=[12.0, 12.0, 12.0])
        atom.calc = calc
        records.append(
            {
                "element": metal.symbol,
                "structure": metal.structure,
                "lattice_constant_angstrom": float(best.x),
                "published_lattice_constant_angstrom": published,
                "cohesive_energy_ev": float(atom.get_potential_energy()) - float(best.fun),
                "published_cohesive_energy_ev": metal.cohesive_energy_ev,
            }
        )
    return records
