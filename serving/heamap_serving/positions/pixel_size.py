"""What the lattice of an image says of its pixel size, in plain words."""

import math
from dataclasses import dataclass

from heamap.contract import DomainLimits
from heamap.domain.column_pairs import Grain

LEAST_COLUMNS = 20
"""Of a grain whose axes say something of the pixels."""

FCC_RATIO, FCC_ANGLE_DEGREE = 0.1, 5.0
"""By which the axes of fcc down [110] may be off: more than drift and unequal pixels of a usable scan do."""

_LEAST_RATIO, _LEAST_ANGLE_DEGREE = 0.01, 0.5
_ERRORS = 3.0


@dataclass(frozen=True)
class PixelSizeCheck:
    """The lattice found, beside that of training.

    Attributes
    ----------
    lattice_constant_angstrom, error_angstrom : mean over the fcc grains, by their columns; None where there are none
    expected_angstrom : smallest and largest in domain; None where the model does not say
    agrees : the constant lies in it, and the axes are those of a cubic crystal; None where nothing could be compared
    lines : one sentence each
    """

    lattice_constant_angstrom: float | None
    error_angstrom: float | None
    expected_angstrom: tuple[float, float] | None
    agrees: bool | None
    lines: tuple[str, ...]


def is_fcc(grain: Grain) -> bool:
    """Whether a lattice can be that of fcc down [110]."""
    return abs(grain.axis_ratio - 1) <= FCC_RATIO and abs(grain.axis_angle_degree - 90) <= FCC_ANGLE_DEGREE


def check_pixel_size(grains: tuple[Grain, ...], limits: DomainLimits | None) -> PixelSizeCheck:
    """Compare the lattices of an image with that of training.

    Parameters
    ----------
    grains : the largest first
    limits : of the model's domain
    """
    expected = _expected(limits)
    cubic = [grain for grain in grains if is_fcc(grain)]
    if not grains:
        return PixelSizeCheck(None, None, expected, None, ("No lattice was found: the pixel size cannot be checked.",))
    if not is_fcc(grains[0]):
        return PixelSizeCheck(None, None, expected, None, (_another(grains[0]),))
    columns = sum(grain.columns for grain in cubic)
    constant = sum(grain.columns * grain.lattice_constant_angstrom for grain in cubic) / columns
    error = math.sqrt(sum((grain.columns * grain.lattice_constant_error) ** 2 for grain in cubic)) / columns
    lines = [f"The lattice constant is {constant:.3f} ± {error:.3f} Å at the pixel size given."]
    agrees: bool | None = None
    if expected is not None:
        low, high = expected
        agrees = low <= constant <= high
        off = 2 * constant / (low + high) - 1
        lines.append(
            f"The alloys of training have {low:.2f} to {high:.2f} Å: the pixel size can be right."
            if agrees
            else f"The alloys of training have {low:.2f} to {high:.2f} Å: the pixel size is wrong by about {off:+.0%}, "
            "or this is another crystal."
        )
    distortion = _distortion(grains[0])
    lines.extend(distortion or ("Both axes of the lattice agree with a cubic crystal seen with square pixels.",))
    return PixelSizeCheck(
        constant, error, expected, None if agrees is None else agrees and not distortion, tuple(lines)
    )


def _expected(limits: DomainLimits | None) -> tuple[float, float] | None:
    bounds = None if limits is None else limits.checks.get("lattice_constant_angstrom")
    if bounds is None or bounds.doubtful_below is None or bounds.doubtful_above is None:
        return None
    return bounds.doubtful_below, bounds.doubtful_above


def _another(grain: Grain) -> str:
    (first, second), angle = axes(grain), grain.axis_angle_degree
    return (
        f"The columns form a centred cell of about {first:.2f} by {second:.2f} Å at {angle:.0f} degrees, not the one "
        "of fcc down [110], whose sides are as 1.41 to 1: another crystal or direction. The pixel size cannot be "
        "checked."
    )


def axes(grain: Grain) -> tuple[float, float]:
    """Lengths of [001] and [1-10] in Angstrom."""
    one, other = grain.vectors
    return math.hypot(*(one + other)), math.hypot(*(one - other))


def _distortion(grain: Grain) -> tuple[str, ...]:
    if grain.columns < LEAST_COLUMNS:
        return ()
    found = []
    off = grain.axis_ratio - 1
    if abs(off) > max(_LEAST_RATIO, _ERRORS * grain.axis_ratio_error):
        found.append(
            f"[001] is {abs(off):.1%} too {'long' if off > 0 else 'short'} beside [1-10] for a cubic crystal: unequal "
            "pixels, drift during the scan, or strain."
        )
    turn = grain.axis_angle_degree - 90
    if abs(turn) > max(_LEAST_ANGLE_DEGREE, _ERRORS * grain.axis_angle_error):
        found.append(
            f"The axes stand at {grain.axis_angle_degree:.1f} degrees instead of 90: the scan is sheared, as by drift."
        )
    return tuple(found)
