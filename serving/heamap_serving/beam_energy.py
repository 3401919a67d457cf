"""The energy of the beam that a micrograph was taken with, on which its brightness depends."""

from heamap.contract import Contract
from heamap.errors import InputError
from heamap.imaging.normalize import energy_factor

ROUNDING = 1e-6
"""By which an energy may leave a range: files hold single precision."""


def check_energy(energy_ev: float | None, contract: Contract) -> None:
    """Refuse a micrograph whose brightness at its beam energy the model cannot read.

    Raises
    ------
    InputError : a model of calibrated images, and the energy lies outside of its training, or the model uses energies
        and none is known
    """
    if contract.normalization != "absolute":
        return
    if energy_ev is None:
        if contract.energy is not None:
            raise InputError(
                "the model allows for the beam's energy, and the file does not state it; give it with --energy-kev"
            )
        return
    low, high = contract.ranges.energy_ev
    if not low * (1 - ROUNDING) <= energy_ev <= high * (1 + ROUNDING):
        raise InputError(
            f"beam energy {energy_ev / 1e3:g} keV: the model was trained at {low / 1e3:g} to {high / 1e3:g} keV, and "
            "brightness depends on it; if that is not the energy, give the right one with --energy-kev"
        )


def energy_scale(energy_ev: float | None, contract: Contract) -> float:
    """The whole incident beam in the model's unit of brightness: that at its standard energy, if it has one."""
    if energy_ev is None or contract.energy is None:
        return 1.0
    return energy_factor(energy_ev, contract.energy.exponent, standard_ev=contract.energy.standard_ev)
