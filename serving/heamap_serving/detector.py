"""Counts of a calibrated detector as fractions of the incident beam."""

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap_serving.micrograph import BeamScale, Micrograph


def detector_scale(
    micrograph: Micrograph, *, needed: bool, per_count: float | None, black_level: float | None
) -> BeamScale | None:
    """How counts become fractions of the incident beam: each number by its option, else by the file.

    A black level that nobody states is 0; a gain that nobody states is unknown, and nothing becomes a fraction.

    Raises
    ------
    InputError : needed, and neither the options nor the file say it
    """
    known = micrograph.beam
    gain = per_count if per_count is not None or known is None else known.per_count
    black = black_level if black_level is not None or known is None else known.black_level
    scale = None if gain is None else BeamScale(gain, 0.0 if black is None else black)
    if scale is None and needed:
        raise InputError(
            "the model reads fractions of the incident beam, and the file does not say how to get them; give "
            "--beam-fraction-per-count (detector gain) and --black-level"
        )
    return scale


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
