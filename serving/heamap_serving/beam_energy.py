"""The energy of the beam that a micrograph was taken with, on which its brightness depends."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from heamap.contract import Contract
from heamap.errors import InputError
from heamap.imaging.normalize import energy_factor
from heamap_serving.micrograph import BeamScale

ROUNDING = 1e-6
"""By which an energy may leave a range: files hold single precision."""


def beam_energy_ev(metadata: Mapping[str, Any]) -> float | None:
    """Beam energy that a file's metadata state, in eV.

    RosettaSciIO hands on what the microscope wrote, and HyperSpy stores it, as
    ``Acquisition_instrument.TEM.beam_energy`` in keV.

    Parameters
    ----------
    metadata : of a signal, in HyperSpy's layout

    Returns
    -------
    None where it is not stated, or no positive number
    """
    instrument = metadata.get("Acquisition_instrument", {})
    stated: Any = instrument.get("TEM", {}).get("beam_energy") if isinstance(instrument, Mapping) else None
    try:
        energy = 1e3 * float(stated)
    except (TypeError, ValueError):
        return None
    return energy if math.isfinite(energy) and energy > 0 else None


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
            "brightness depends on it; if the file is wrong, give it with --energy-kev"
        )


def at_standard_energy(scale: BeamScale | None, energy_ev: float | None, contract: Contract) -> BeamScale | None:
    """The scale that gives fractions of the beam at the model's energy; the same scale where it uses none."""
    if scale is None or energy_ev is None or contract.energy is None:
        return scale
    factor = energy_factor(energy_ev, contract.energy.exponent, standard_ev=contract.energy.standard_ev)
    return replace(scale, per_count=scale.per_count * factor)
