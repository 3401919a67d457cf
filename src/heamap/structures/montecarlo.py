"""Swap Monte Carlo: arrangements of the species at a temperature."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import kB
from tqdm import tqdm

from heamap import params
from heamap.elements import index_of_number
from heamap.structures.order import Indices, warren_cowley
from heamap.structures.relaxation import relax, squared_displacements

FORCE_EV_PER_ANGSTROM = 0.05


@dataclass(frozen=True)
class Ensemble:
    """Averages over the sweeps after equilibration.

    Attributes
    ----------
    warren_cowley : (shells, 5, 5)
    squared_displacements : (5,) in Angstrom^2, one component
    energy_ev : per atom
    acceptance : share of the swaps tried that were taken
    """

    warren_cowley: npt.NDArray[np.float64]
    squared_displacements: npt.NDArray[np.float64]
    energy_ev: float
    acceptance: float


def sample_ensemble(
    sites: Atoms,
    shells: tuple[tuple[Indices, Indices], ...],
    calc: Calculator,
    settings: params.MonteCarlo,
    rng: np.random.Generator,
) -> Ensemble:
    """Metropolis sampling of swaps of unlike atoms, each judged by the energy after relaxation.

    Judging a swap on rigid sites would charge the whole misfit of atoms of different size (Pt and Ni differ by 11 %),
    most of which relaxes away. Energies are of relaxed structures, vibrations left out.

    Parameters
    ----------
    sites : the starting arrangement on ideal sites of the fixed cell
    shells : neighbours per shell, as from ``shell_pairs``

    Raises
    ------
    ValueError : one species only, so that nothing can be swapped
    """
    if len(set(sites.numbers)) < 2:
        raise ValueError("swaps need at least two species")
    thermal = kB * settings.temperature_kelvin
    current = sites.copy()
    energy = relax(current, calc, FORCE_EV_PER_ANGSTROM)
    skipped = min(int(settings.equilibration * settings.sweeps), settings.sweeps - 1)
    orders, squares, energies, taken = [], [], [], 0
    for sweep in tqdm(range(settings.sweeps), desc="swap Monte Carlo", unit="sweep", disable=None):
        for _ in range(len(sites)):
            first = rng.integers(len(sites))
            second = rng.choice(np.flatnonzero(current.numbers != current.numbers[first]))
            trial = current.copy()
            trial.numbers[[first, second]] = current.numbers[[second, first]]
            trial_energy = relax(trial, calc, FORCE_EV_PER_ANGSTROM)
            if rng.random() < np.exp(min(0.0, (energy - trial_energy) / thermal)):
                current, energy, taken = trial, trial_energy, taken + 1
        if sweep >= skipped:
            species = index_of_number(current.numbers)
            orders.append([warren_cowley(species, pairs) for pairs in shells])
            squares.append(squared_displacements(current, sites))
            energies.append(energy / len(sites))
    return Ensemble(
        warren_cowley=np.mean(orders, axis=0),
        squared_displacements=np.mean(squares, axis=0),
        energy_ev=float(np.mean(energies)),
        acceptance=taken / (settings.sweeps * len(sites)),
    )
