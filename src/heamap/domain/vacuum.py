"""Vacuum in view: connected parts of an image that show no columns, found by their structure, however bright they are.

A lattice modulates an image from column to gap; vacuum, and an even support in front of it, do not. How strongly an
image is modulated is measured in squares that are wider than the distance of two columns, so that it does not matter
where a square lies on the lattice.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.floating]
Squares = npt.NDArray[np.float64]
"""(rows, cols) of squares, from the image's first row and column on (``heamap.imaging.normalize.square_means``)."""
Mask = npt.NDArray[np.bool_]

PEAK_ANGSTROM, GAP_ANGSTROM = 0.4, 0.8
"""Standard deviations of two Gaussian blurs: their difference passes what is as wide as a column, and neither the noise
of pixels nor a slope."""

REACH_ANGSTROM = 4 * GAP_ANGSTROM
"""From a pixel to the farthest that its modulation depends on (SciPy cuts a Gaussian off at four deviations)."""

CLEAREST_SQUARES = 25
"""The lattice is as clear as this many squares are at least: 100 square Angstrom, some 20 columns."""

FAINT_SHARE = 0.3
"""Of the lattice's modulation. A particle that fills the field has more of it everywhere, and only thin edges beside
vacuum have less (30 particles of 16 to 73 Angstrom; docs/decisions.md)."""

CALM_SPREAD = 2.0
"""Vacuum scatters by noise and texture: its modulation stays below this factor on the tenth part of what is faint."""

LEAST_SHARE = 0.05
"""Of the lattice's modulation, that vacuum may always have: an image free of noise has a tenth of next to nothing."""

LEAST_SQUARES, NOISY_SQUARES = 2, 12
"""Of a connected part. Its modulation is that of three squares by three, so that one of two is 8 Angstrom wide. A part
that is nowhere clearly calm (``CLEAR_SHARE``), by noise or texture, must be wider: thin corners are as faint."""

CLEAR_SHARE = 0.15
"""Of the lattice's modulation, below which no particle is."""

_AROUND = 7
"""Squares along each side of the surroundings that vacuum must be darker than."""


def modulation(image: Floats, *, sampling_angstrom: float) -> npt.NDArray[np.float32]:
    """Square of what columns add to the gaps between them (rows, cols), pixel by pixel."""
    values = np.asarray(image, np.float32)
    found = ndimage.gaussian_filter(values, PEAK_ANGSTROM / sampling_angstrom, mode="nearest")
    found -= ndimage.gaussian_filter(values, GAP_ANGSTROM / sampling_angstrom, mode="nearest")
    np.square(found, out=found)
    return np.asarray(found)


def contrast(power: Squares) -> Squares:
    """Modulation around each square, in the image's unit.

    Parameters
    ----------
    power : means of :func:`modulation` over the squares
    """
    return np.sqrt(np.maximum(ndimage.uniform_filter(power, 3, mode="nearest"), 0.0))


@dataclass(frozen=True)
class Vacuum:
    """Squares (rows, cols) of an image that show vacuum.

    Attributes
    ----------
    core : with nothing but vacuum for a square around
    whole : with the squares that show no column themselves, beside the core, or anywhere where no particle is as calm
    """

    core: Mask
    whole: Mask

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.core.any())


def find_vacuum(means: Squares, power: Squares) -> Vacuum:
    """Where an image shows vacuum: faintly modulated, connected, and darker than the lattice beside it.

    Parameters
    ----------
    means : of the image over its squares
    power : of :func:`modulation` over them

    Returns
    -------
    no square at all where the particle fills the field
    """
    seen = contrast(power)
    clear = _clear(seen)
    faint = seen < FAINT_SHARE * clear
    if np.count_nonzero(faint) < LEAST_SQUARES:
        return Vacuum(np.zeros(means.shape, np.bool_), np.zeros(means.shape, np.bool_))
    calmest = CALM_SPREAD * float(np.quantile(seen[faint], 0.1))
    limit = float(np.clip(calmest, LEAST_SHARE * clear, FAINT_SHARE * clear))
    core = _large_and_dark(seen <= limit, seen <= CLEAR_SHARE * clear, means)
    beside = ndimage.binary_dilation(core, np.ones((3, 3), np.bool_))
    # A square that is calm by itself is a corner or a strip of vacuum, where there is vacuum at all.
    alone = power <= min(limit, CLEAR_SHARE * clear) ** 2
    return Vacuum(core, core | (beside & (power <= limit**2)) | (alone & core.any()))


def _clear(seen: Squares) -> float:
    """Modulation of the clearest part of the lattice."""
    number = max(min(CLEAREST_SQUARES, seen.size // 4), 1)
    return float(np.partition(seen, seen.size - number, axis=None)[seen.size - number])


def _large_and_dark(calm: Mask, surely: Mask, means: Squares) -> Mask:
    """The connected parts of ``calm`` that are large enough, and darker along their rim than what lies beyond it."""
    labels, number = ndimage.label(calm, structure=np.ones((3, 3)))
    if not number:
        return calm
    beyond = ndimage.uniform_filter((~calm).astype(np.float64), _AROUND, mode="constant")
    bright = ndimage.uniform_filter(np.where(calm, 0.0, means), _AROUND, mode="constant")
    rim = calm & (beyond > 0.5 / _AROUND**2)
    above = np.divide(bright, beyond, out=np.zeros_like(bright), where=rim) - means

    def sums(values: npt.NDArray[np.generic]) -> Squares:
        return np.bincount(labels.ravel(), weights=values.ravel(), minlength=number + 1).astype(np.float64)

    sizes, sure = sums(calm), sums(surely)
    large = (sizes >= LEAST_SQUARES) & ((sure > 0) | (sizes >= NOISY_SQUARES))
    kept = large & (sums(np.where(rim, above, 0.0)) > 0)
    kept[0] = False
    return np.asarray(kept[labels])
