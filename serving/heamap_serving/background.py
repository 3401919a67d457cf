"""What a support, contamination and the black level add to an image, taken off as in training, and beyond it."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from heamap.contract import BackgroundLevel, Contract
from heamap.domain.vacuum import REACH_ANGSTROM, Mask, Squares, contrast, find_vacuum, modulation
from heamap.domain.vacuum_level import Level, level_of
from heamap.errors import InputError
from heamap.imaging.normalize import background_level, square_means, square_pixels
from heamap_serving import scratch
from heamap_serving.background_doubts import doubts_beside_vacuum, doubts_without_vacuum

BAND_PIXELS = 2**21
"""Pixels that are looked at at a time."""

SEEN_SPAN = 0.5
"""Of a side of the image, along which vacuum tells how the background goes."""


@dataclass(frozen=True)
class Background:
    """What was taken off an image.

    Attributes
    ----------
    level : fraction of the incident beam, the image's mean; None of a model that has nothing taken off
    vacuum : (rows, cols) of squares that show vacuum; without any where none is in view, or it was not looked for
    square_pixels : side of a square
    doubts : one line each, of what training's backgrounds were not
    remark : what else there is to know; None where all of the background was seen
    """

    level: float | None = None
    vacuum: Mask = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    square_pixels: int = 1
    doubts: tuple[str, ...] = ()
    remark: str | None = None

    def in_vacuum(self, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Which positions (n, 2), row and column in pixels, lie in vacuum; beyond the last square its own counts."""
        if not self.vacuum.any():
            return np.zeros(len(positions), np.bool_)
        # A pixel's place is its centre: the first square ends half a pixel beyond its last.
        squares = np.floor((positions + 0.5) / self.square_pixels).astype(np.int64)
        rows, cols = np.clip(squares, 0, np.array(self.vacuum.shape) - 1).T
        return np.asarray(self.vacuum[rows, cols])


def take_off(image: npt.NDArray[np.float32], contract: Contract, *, beam: float) -> Background:
    """Subtract the background, in place.

    Where vacuum is in view (``heamap.domain.vacuum``), all of its brightness goes, whatever it is, and a slope with it;
    an even one of training's brightness by the level of the image's darkest squares, as in training. Where none is,
    what is taken off is what training takes off (``heamap.imaging.normalize.background_level``).

    Parameters
    ----------
    image : (rows, cols) at the model's sampling, in its unit of brightness
    beam : the whole incident beam in that unit

    Raises
    ------
    InputError : the darkest squares lie so far below black that it cannot be noise, or the vacuum so far above that no
        support scatters as much
    """
    wanted = contract.background
    if wanted is None:
        return Background()
    side = square_pixels(contract.sampling_angstrom, wanted.square_angstrom)
    means, power = _measure(image, contract.sampling_angstrom, wanted, side)
    darkest = background_level(means.ravel(), most=math.inf, darkest=wanted.darkest)
    if darkest < -wanted.most * beam:
        raise InputError(
            f"the darkest parts of the image are at {darkest / beam:.2g} of the beam, far below black: check the black "
            "level, or crop a black border"
        )
    vacuum = find_vacuum(means, power)
    if not vacuum:
        level = background_level(means.ravel(), most=wanted.most * beam, darkest=wanted.darkest)
        _subtract(image, level)
        doubts = doubts_without_vacuum(darkest, means, contrast(power), contract, beam=beam)
        unseen = (
            f"no vacuum is in view, so that the background is not known; {level / beam:.2g} of the beam was taken off, "
            f"and up to {wanted.most:g} may be on the particle"
        )
        return Background(level / beam, vacuum.core, side, doubts, None if doubts else unseen)
    found = level_of(means, vacuum.whole, most=wanted.most * beam, darkest=wanted.darkest)
    doubts = doubts_beside_vacuum(found, wanted, beam=beam)
    remark = None
    if found.span < SEEN_SPAN and not doubts:
        remark = (
            f"vacuum is in view along {found.span:.0%} of one side of the image alone: how the background goes on from "
            "there is not known"
        )
    if found.rise == 0:
        _subtract(image, found.constant)
        return Background(found.constant / beam, vacuum.core, side, doubts, remark)
    return Background(_subtract_plane(image, found, side) / beam, vacuum.core, side, doubts, remark)


def _measure(
    image: npt.NDArray[np.float32], sampling: float, wanted: BackgroundLevel, side: int
) -> tuple[Squares, Squares]:
    """Means of the image and of its modulation over its squares, band by band."""
    means: list[Squares] = []
    powers: list[Squares] = []
    whole = image.shape[0] // side * side or image.shape[0]
    height = max(BAND_PIXELS // image.shape[1] // side, 1) * side
    reach = int(np.ceil(REACH_ANGSTROM / sampling)) + 1
    for start in range(0, whole, height):
        stop = min(start + height, whole)
        first = max(start - reach, 0)
        around = modulation(image[first : min(stop + reach, image.shape[0])], sampling_angstrom=sampling)
        for values, kept in ((image[start:stop], means), (around[start - first : stop - first], powers)):
            kept.append(square_means(values, sampling_angstrom=sampling, square_angstrom=wanted.square_angstrom))
        scratch.release(image)
    return np.concatenate(means), np.concatenate(powers)


def _subtract(image: npt.NDArray[np.float32], level: float) -> None:
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        image[start:stop] -= np.float32(level)
        scratch.release(image)


def _subtract_plane(image: npt.NDArray[np.float32], level: Level, side: int) -> float:
    """Subtract a plane; returns its mean."""
    total = 0.0
    # Square number k has its centre between its first and its last pixel.
    cols = (np.arange(image.shape[1]) + 0.5) / side - 0.5
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        plane = level.rows((np.arange(start, stop) + 0.5) / side - 0.5, cols)
        image[start:stop] -= plane.astype(np.float32)
        total += float(plane.sum())
        scratch.release(image)
    return total / image.size
