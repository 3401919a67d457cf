"""Counts of a calibrated detector as fractions of the incident beam."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap_serving.metadata import stated
from heamap_serving.micrograph import BeamScale

_BEAM_UNITS = (
    "fraction of incident beam",
    "fraction of the incident beam",
    "fraction of beam",
    "beam fraction",
    "i/i0",
)
"""Units of an intensity that is calibrated to the beam; any other (counts, electrons, none) says nothing of it."""


_MODEL = "Signal.Noise_properties.Variance_linear_model"


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
    units = re.search(r"\(([^()]*)\)\s*$", str(next(stated(signal, "Signal.quantity"), "")))
    if units is None or " ".join(units[1].lower().split()) not in _BEAM_UNITS:
        return None
    try:
        per_count = float(next(stated(signal, f"{_MODEL}.gain_factor"), 1.0))
        black_level = float(next(stated(signal, f"{_MODEL}.gain_offset"), 0.0))
    except (TypeError, ValueError):
        return None
    usable = math.isfinite(per_count) and per_count > 0 and math.isfinite(black_level)
    return BeamScale(per_count, black_level) if usable else None


def check_fractions(brightest: float, scale: BeamScale) -> None:
    """Refuse an image brighter than its beam.

    Parameters
    ----------
    brightest : pixel, in fractions of the incident beam

    Raises
    ------
    InputError : no detector catches more than the whole beam: gain or black level is wrong
    """
    if brightest > 1:
        raise InputError(
            f"the brightest pixel would be {brightest:.4g} times the incident beam by a gain of {scale.per_count:g} "
            f"and a black level of {scale.black_level:g}; give the right --beam-fraction-per-count (detector gain) "
            "and --black-level"
        )


def in_beam_fractions(counts: npt.NDArray[np.float32], scale: BeamScale | None) -> npt.NDArray[np.float32]:
    """Pixels of any shape in fractions of the incident beam; in their counts without a scale."""
    return counts if scale is None else (counts - np.float32(scale.black_level)) * np.float32(scale.per_count)
