"""Counts of a calibrated detector as fractions of the incident beam."""

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap_serving.micrograph import BeamScale


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
