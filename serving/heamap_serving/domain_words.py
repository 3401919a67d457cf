"""The domain's reasons in plain words, one line each."""

import math

import numpy as np

from heamap.contract import DomainLimits
from heamap.domain.limits import image_bounds
from heamap.domain.measures import FOUND_CONTRAST, Measures


def no_lattice_line(contrast: float) -> str:
    return (
        "no lattice of columns was found (spots stand out by a factor of "
        f"{math.exp(contrast):.0f} at best, {math.exp(FOUND_CONTRAST):.0f} is needed): an empty or amorphous field, "
        "a drawing, or no zone axis"
    )


def refused_share_line(share: float) -> str:
    return f"{share:.0%} of the field that shows anything is not the alloy's lattice as trained"


def check_line(name: str, checks: dict[str, float], measures: Measures, limits: DomainLimits) -> str:
    """What a check found, beside what it allows."""
    value, bounds = checks[name], image_bounds(limits, name)
    low, high = _number(bounds.doubtful_below), _number(bounds.doubtful_above)
    if name == "lattice_constant_angstrom":
        off = value / ((low + high) / 2) - 1
        return (
            f"the lattice found has a constant of {value:.2f} Angstrom, training had {low:.2f} to {high:.2f}: "
            f"the pixel size is wrong by about {off:+.0%}, or it is another crystal"
        )
    if name == "misfit":
        return (
            f"the Fourier spots lie {value:.1%} off those of fcc along [110], training had at most {high:.1%}: "
            "another crystal or zone axis, or a distorted scan"
        )
    if name == "superlattice":
        return (
            f"Fourier spots that fcc along [110] forbids stand out by a factor of {math.exp(value):.0f}, those of like "
            f"columns by {math.exp(high):.0f} at most: an ordered crystal, as a perovskite down [110]"
        )
    if name == "foreign":
        return (
            f"Fourier spots that fcc along [110] has not reach {math.exp(value):.0%} of the power of its own, training "
            f"had at most {math.exp(high):.0%}: another crystal, or two on top of each other"
        )
    if name == "spacing_angstrom":
        if math.isnan(value):
            return "no columns stand out, although there is a lattice"
        return f"columns are {value:.2f} Angstrom apart, training had {low:.2f} to {high:.2f}"
    if name == "columns_per_cell":
        return f"{value:.2f} maxima for each column of the lattice, at most {high:.2f} are plausible"
    if name == "saturated_share":
        return f"{value:.1%} of the pixels have the highest value: clipped, or a display copy with a burnt-in bar"
    return _distance_line(value, high, measures, limits)


def _distance_line(value: float, usual: float, measures: Measures, limits: DomainLimits) -> str:
    """The distance, and the feature that has the largest part in it."""
    away = measures.mean(measures.features) - np.array(limits.feature_mean)
    spread = np.sqrt(np.diag(np.linalg.inv(np.array(limits.feature_precision))))
    worst = int(np.argmax(np.abs(away / spread)))
    return (
        f"image statistics lie {value:.1f} standard deviations from the training images, {usual:.1f} at most are usual "
        f"({limits.features[worst]}: {away[worst] / spread[worst]:+.1f})"
    )


def _number(bound: float | None) -> float:
    return math.nan if bound is None else bound
