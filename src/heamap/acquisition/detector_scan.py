"""Gain and black level of a detector, from an image of the detector itself."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError

LEAST_SHARE = 0.02
"""Of the pixels that must see the detector, and as many its surroundings, for their means to say anything."""

LEAST_CONTRAST = 3.0
"""By how many of their own standard deviations, taken together, the two means must lie apart at least."""

CUT = 3.0
"""Pixels further from the median than so many robust standard deviations are left out: the rim of the detector, which
the probe sees half, and the hole's."""


@dataclass(frozen=True)
class DetectorScan:
    """What a scan of the detector shows.

    Attributes
    ----------
    full : mean counts with the whole beam on the detector
    dark : mean counts with the beam beside it
    """

    full: float
    dark: float


def measure_scan(image: npt.NDArray[np.floating]) -> DetectorScan:
    """Find the detector in an image (rows, cols) that the beam scanned over it, and both levels.

    An annular detector shows as a bright ring. As in ``atomap.quantification.detector_normalisation`` an image I
    becomes (I - dark) / (full - dark); detector and surroundings are told apart by Otsu's threshold (IEEE Trans. Syst.
    Man Cybern. 9 (1979) 62), and pixels of the rim are left out.

    Raises
    ------
    InputError : it does not show a bright detector on dark ground
    """
    from skimage.filters import threshold_otsu

    values = np.asarray(image, np.float64)
    values = values[np.isfinite(values)]
    if not values.size or np.ptp(values) == 0:
        raise InputError("a scan of the detector shows a bright detector on dark ground; this image is constant")
    bright = values > threshold_otsu(values)
    share = float(bright.mean())
    if not LEAST_SHARE <= share <= 1 - LEAST_SHARE:
        raise InputError(f"{share:.1%} of the pixels are bright: a scan of the detector shows it and its surroundings")
    full, dark = values[bright], values[~bright]
    found = DetectorScan(_level(full), _level(dark))
    spread = np.hypot(_spread(full), _spread(dark))
    if found.full - found.dark < LEAST_CONTRAST * spread:
        raise InputError(
            f"no detector stands out: bright pixels have {found.full:.4g} counts, dark ones {found.dark:.4g}, and they "
            f"scatter by {spread:.3g}"
        )
    return found


def measure_vacuum_beam(image: npt.NDArray[np.floating], *, black_level: float) -> DetectorScan:
    """Both levels from an image (rows, cols) of vacuum with the whole beam on the detector.

    Raises
    ------
    InputError : it is not brighter than the black level, or shows more than one level
    """
    values = np.asarray(image, np.float64)
    values = values[np.isfinite(values)]
    full = _level(values) if values.size else black_level
    if full <= black_level:
        raise InputError(f"the beam in vacuum has {full:.4g} counts, no more than the black level of {black_level:g}")
    if _spread(values) > 0.2 * (full - black_level):
        raise InputError("an image of the beam in vacuum is even; this one shows something, or noise alone")
    return DetectorScan(full, black_level)


def _level(values: npt.NDArray[np.float64]) -> float:
    middle, spread = float(np.median(values)), _spread(values)
    near = values[np.abs(values - middle) <= CUT * spread] if spread else values[values == middle]
    return float(near.mean())


def _spread(values: npt.NDArray[np.float64]) -> float:
    """Standard deviation of a normal distribution with the same median absolute deviation."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
