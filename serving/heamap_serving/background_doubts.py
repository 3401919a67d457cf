"""What there is to doubt about a background, in plain words, one line each."""

import math

import numpy as np
from scipy import ndimage

from heamap.contract import BackgroundLevel, Contract
from heamap.domain.vacuum import Squares
from heamap.domain.vacuum_level import Level
from heamap.errors import InputError

IMPOSSIBLE = 10.0
"""Times the training's brightest background. 100 Angstrom of amorphous carbon scatter .006 of the beam to 60 to 95 mrad
(2 g a cubic centimetre, Z^1.7): .05 would be a support of 900."""

BRIGHT = 1.4
"""Times the training's brightest background. Its support's thickness scatters by a fifth, so that vacuum that shows
little of it may be so much brighter; all of it is taken off in any case."""

BELOW_BLACK_SHARE = 0.2
"""Of the training's brightest background, by which vacuum may be darker than black: noise, and a black level known so
well."""

UNEVEN_SHARE = 0.6
"""Of the training's brightest background, from the darkest squares of the vacuum to its mean. In training its texture
adds .3 at most, and the noise of 1e3 electrons per square Angstrom as much again."""

MOST_RISE, MOST_UNKNOWN_RISE = 0.5, 1.0
"""Of the training's brightest background, across the image: of a slope that is known and taken off, and of one that the
vacuum shows on a short stretch, where texture has slopes, too."""

MOST_OUTLYING = 0.25
"""Of the vacuum, brighter than the rest."""

GAP_RATIO = 8.0
"""Of mean brightness over modulation, in the twentieth of the squares where it is least. Of fields without vacuum 49 in
50 are below 7.3; a background adds to the brightness alone."""

GAP_SHARE = 0.75
"""Of the mean brightness of a column as thick as any in training, at which the darkest squares are too bright."""


def doubts_beside_vacuum(level: Level, wanted: BackgroundLevel, *, beam: float) -> tuple[str, ...]:
    """What is unlike training in the vacuum that an image shows.

    Parameters
    ----------
    beam : the whole incident beam in the image's unit

    Raises
    ------
    InputError : the vacuum is as bright as no support
    """
    mean, rise = level.mean / beam, level.rise / beam
    lowest, highest = mean, mean + level.most / beam
    if mean > IMPOSSIBLE * wanted.most:
        raise InputError(
            f"the vacuum in view is at {mean:.2g} of the beam, brighter than any support: check the black level "
            "(--black-level) and the gain"
        )
    found = []
    if mean > BRIGHT * wanted.most:
        found.append(
            f"the vacuum in view is at {mean:.2g} of the beam, in training at most {wanted.most:g}: a wrong black "
            "level, a thick support or contamination; all of it was taken off"
        )
    elif lowest < -BELOW_BLACK_SHARE * wanted.most:
        found.append(
            f"the vacuum in view is darker than black, by {-lowest:.2g} of the beam: check the black level "
            "(--black-level)"
        )
    if rise > MOST_RISE * wanted.most:
        found.append(
            f"the background rises by {rise:.2g} of the beam across the image, up to {highest:.2g}; a plane through "
            "the vacuum was taken off"
        )
    unknown = level.unknown_rise / beam
    if unknown > MOST_UNKNOWN_RISE * wanted.most:
        found.append(
            f"the background slopes where vacuum is in view, by {unknown:.2g} of the beam if it goes on across the "
            "image: what lies on the particle is not known"
        )
    if level.outlying > MOST_OUTLYING:
        found.append(
            f"{level.outlying:.0%} of the vacuum in view is brighter than the rest, as by contamination, which may lie "
            "on the particle, too"
        )
    uneven = (level.mean - level.darkest) / beam
    if uneven > UNEVEN_SHARE * wanted.most:
        found.append(
            f"the vacuum in view is uneven, its darkest parts {uneven:.2g} of the beam below its mean: what lies on "
            "the particle is not known so well"
        )
    return tuple(found)


def doubts_without_vacuum(
    darkest: float, means: Squares, contrast: Squares, contract: Contract, *, beam: float
) -> tuple[str, ...]:
    """What is unlike training in an image that shows no vacuum: darkest parts that are too bright.

    Parameters
    ----------
    darkest : brightness of the darkest squares
    means, contrast : of the image's squares
    beam : the whole incident beam in the image's unit
    """
    line = contract.counting
    if line is not None:
        thickest = (contract.ranges.column_total[1] - line.intercept) / line.slope
        mean = thickest / (math.pi * line.radius_angstrom**2)
        # The line is of images at the model's own energy, as this one is by now.
        if darkest > GAP_SHARE * mean:
            return (
                f"the darkest parts between the columns are at {darkest / beam:.2g} of the beam, brighter than beside "
                "the thickest columns of training: a wrong black level or gain, a background, or too thick a particle",
            )
    around = ndimage.uniform_filter(means, 3, mode="nearest")
    ratio = float(np.quantile(around / np.maximum(contrast, np.finfo(np.float64).tiny), 0.05))
    if ratio > GAP_RATIO:
        return (
            f"no vacuum is in view, and the image is {ratio:.1f} times as bright as its columns stand out, in training "
            f"at most {GAP_RATIO:g}: a background that is not known, or a blurred image",
        )
    return ()
