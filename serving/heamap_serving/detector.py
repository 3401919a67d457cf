"""Counts of a calibrated detector as fractions of the incident beam."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap_serving.micrograph import BeamScale, Micrograph

_BEAM_UNITS = (
    "fraction of incident beam",
    "fraction of the incident beam",
    "fraction of beam",
    "beam fraction",
    "i/i0",
)
"""Units of an intensity that is calibrated to the beam; any other (counts, electrons, none) says nothing of it."""


def beam_scale(metadata: Mapping[str, Any]) -> BeamScale | None:
    """Gain and black level that a file's metadata state for fractions of the incident beam.

    DigitalMicrograph stores origin, scale and units of the intensity; RosettaSciIO hands them on, and HyperSpy stores
    them, as ``Signal.quantity`` (``Intensity (units)``) and ``Signal.Noise_properties.Variance_linear_model``.

    Parameters
    ----------
    metadata : of a signal, in HyperSpy's layout

    Returns
    -------
    None where the units are not the beam's, or gain or black level are no numbers
    """
    signal = metadata.get("Signal", {})
    units = re.search(r"\(([^()]*)\)\s*$", str(signal.get("quantity", "")))
    if units is None or " ".join(units[1].lower().split()) not in _BEAM_UNITS:
        return None
    model = signal.get("Noise_properties", {}).get("Variance_linear_model", {})
    try:
        per_count, black_level = float(model.get("gain_factor", 1.0)), float(model.get("gain_offset", 0.0))
    except (TypeError, ValueError):
        return None
    usable = math.isfinite(per_count) and per_count > 0 and math.isfinite(black_level)
    return BeamScale(per_count, black_level) if usable else None


def detector_scale(
    micrograph: Micrograph, *, needed: bool, per_count: float | None, black_level: float
) -> BeamScale | None:
    """How counts become fractions of the incident beam: by the options, else by the file, else not at all.

    Raises
    ------
    InputError : needed, and neither the options nor the file say it
    """
    scale = micrograph.beam if per_count is None else BeamScale(per_count, black_level)
    if scale is None and needed:
        raise InputError(
            "the model reads fractions of the incident beam, and the file does not say how to get them; give "
            "--beam-fraction-per-count (detector gain) and --black-level"
        )
    return scale


def in_beam_fractions(counts: npt.NDArray[np.float32], scale: BeamScale | None) -> npt.NDArray[np.float32]:
    """Pixels of any shape in fractions of the incident beam; in their counts without a scale."""
    return counts if scale is None else (counts - np.float32(scale.black_level)) * np.float32(scale.per_count)
