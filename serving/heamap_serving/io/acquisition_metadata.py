"""Facts of the acquisition from the metadata of a signal, and what becomes of them when frames are added."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from heamap.acquisition import Acquisition, Fact
from heamap_serving.io.metadata import at, entries, first_number, number, stated
from heamap_serving.micrograph import BeamScale

INSTRUMENT = "Acquisition_instrument.TEM"
"""In HyperSpy's metadata."""

_BEAM_UNITS = (
    "fraction of incident beam",
    "fraction of the incident beam",
    "fraction of beam",
    "beam fraction",
    "i/i0",
)
"""Units of an intensity that is calibrated to the beam; any other (counts, electrons, none) says nothing of it."""

_MODEL = "Signal.Noise_properties.Variance_linear_model"

_DETECTOR = re.compile(r"(?<![A-Za-z])(HAADF|MAADF|LAADF|ADF|ABF|BF|DF\d?)(?![A-Za-z])", re.IGNORECASE)

_OTHER_DETECTORS = ("EELS", "EDS", "Camera")
"""Nodes of HyperSpy's metadata that are no detector of an image."""


def is_beam_unit(unit: object) -> bool:
    """Whether an intensity in this unit is a fraction of the incident beam."""
    return " ".join(str(unit).lower().split()) in _BEAM_UNITS


def detector_in(words: str) -> str:
    """Name of a detector of scanned images in a title; empty where there is none."""
    found = _DETECTOR.search(words)
    return found[1].upper() if found else ""


def beam_scale(signal: Mapping[str, Any]) -> BeamScale | None:
    """Gain and black level that a file states for fractions of the incident beam.

    DigitalMicrograph stores origin, scale and units of the intensity; HyperSpy stores them as ``Signal.quantity``
    (``Intensity (units)``) and ``Signal.Noise_properties.Variance_linear_model``.

    Parameters
    ----------
    signal : as RosettaSciIO reads it

    Returns
    -------
    None where the units are not the beam's, or gain or black level are no numbers
    """
    quantity = str(next(stated(signal, "Signal.quantity"), ""))
    units = re.search(r"\(([^()]*)\)\s*$", quantity)
    if not is_beam_unit(quantity if units is None else units[1]):
        return None
    try:
        per_count = float(next(stated(signal, f"{_MODEL}.gain_factor"), 1.0))
        black_level = float(next(stated(signal, f"{_MODEL}.gain_offset"), 0.0))
    except (TypeError, ValueError):
        return None
    usable = math.isfinite(per_count) and per_count > 0 and math.isfinite(black_level)
    return BeamScale(per_count, black_level) if usable else None


def beam_energy_ev(signal: Mapping[str, Any]) -> float | None:
    """Beam energy that a file states, in eV; HyperSpy stores it in keV. None where it is no positive number."""
    return _positive(first_number(signal, f"{INSTRUMENT}.beam_energy", 1e3))


def facts(signal: Mapping[str, Any], title: str = "") -> Acquisition:
    """What a signal's metadata state at the places of HyperSpy's metadata.

    Parameters
    ----------
    signal : as RosettaSciIO reads it
    title : of the image, which may name its detector
    """
    beam = beam_scale(signal)
    name = detector_in(title)
    return Acquisition.stated(
        "file",
        beam_fraction_per_count=None if beam is None else beam.per_count,
        black_level=None if beam is None else beam.black_level,
        energy_ev=beam_energy_ev(signal),
        semiangle_mrad=first_number(signal, f"{INSTRUMENT}.convergence_angle"),
        detector_mrad=_collection_angles(at(signal.get("metadata"), f"{INSTRUMENT}.Detector"), name),
        detector=name,
        beam_current_pa=first_number(signal, f"{INSTRUMENT}.beam_current", 1e3),
        dwell_time_s=first_number(signal, f"{INSTRUMENT}.dwell_time"),
        tilt_degree=tilt(
            first_number(signal, f"{INSTRUMENT}.Stage.tilt_alpha"),
            first_number(signal, f"{INSTRUMENT}.Stage.tilt_beta"),
        ),
    )


def tilt(alpha: float | None, beta: float | None) -> tuple[float, float] | None:
    """Both angles of the stage; one that a single-tilt holder lacks is 0."""
    return None if alpha is None else (alpha, beta or 0.0)


def _collection_angles(detectors: Any, name: str) -> tuple[float, float] | None:
    """Inner and outer angle in mrad of the image's own detector, by name, or of the only one."""
    if not isinstance(detectors, Mapping):
        return None
    nodes = {
        str(key): node for key, node in detectors.items() if isinstance(node, Mapping) and key not in _OTHER_DETECTORS
    }
    own = [node for key, node in nodes.items() if detector_in(key) == name and name]
    if not own and len(nodes) == 1 and not detector_in(next(iter(nodes))):
        own = list(nodes.values())
    if len(own) != 1:
        return None
    angles = {key.lower(): value for key, value in entries(own[0])}
    inner, outer = (
        next((found for key, value in angles.items() if word in key and (found := number(value)) is not None), None)
        for word in ("inner", "outer")
    )
    return None if inner is None or outer is None else (inner, outer)


def of_sum(known: Acquisition, frames: int) -> Acquisition:
    """Facts of an image that frames were added to, from those of one frame."""
    if frames == 1:
        return known
    factors = {
        "beam_fraction_per_count": 1 / frames,
        "black_level": frames,
        "dwell_time_s": frames,
        "dose_per_square_angstrom": frames,
    }
    changed: dict[str, Any] = {}
    for name, factor in factors.items():
        fact: Fact[float] | None = getattr(known, name)
        if fact is not None:
            words = f"that of one frame {'/' if factor < 1 else 'x'} {frames} added frames"
            changed[name] = replace(
                fact, value=fact.value * factor, derived="; ".join(filter(None, (fact.derived, words)))
            )
    return replace(known, **changed)


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None
