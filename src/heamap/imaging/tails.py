"""The tails of a probe with a sharp aperture, which PRISM's window cuts off."""

import numpy as np
import numpy.typing as npt

from heamap.imaging.microscope import Microscope
from heamap.imaging.optics import aperture, beams, probe

FINENESS = 4
"""Steps between frequencies of the sharp aperture, to one of the box."""


def restore(
    scan: npt.NDArray[np.floating], microscope: Microscope, *, box_angstrom: float, interpolation: int, alone: bool
) -> npt.NDArray[np.float64]:
    """What a probe with a sharp aperture sees, from a scan of the whole periodic box by PRISM's probe.

    PRISM's beams lie so far apart that its window holds no more than the middle of the probe; that is, the aperture's
    edge is as wide as their step. Of a sharp aperture's beam a few per cent more lie beyond the window. PRISM's probe
    holds them in its middle: columns are too bright by that share, and what lies between them too dark. The middle is
    scaled back, and the tails light what they fall on as brightly, on average, as the middle does.

    Parameters
    ----------
    scan : (count, count) axes x and y, from 0 in equal steps over the box, Nyquist or finer
    interpolation : PRISM's
    alone : tails that reach beyond the box fall into vacuum; else on more of what the box holds, and the image's sum
        stays

    Returns
    -------
    (count, count)
    """
    count = len(scan)
    window = box_angstrom / interpolation
    numbers = beams(microscope, box_angstrom=box_angstrom, interpolation=interpolation)
    edge = microscope.wavelength_angstrom / window
    passed = aperture(np.hypot(*numbers.T) * microscope.wavelength_angstrom / box_angstrom, microscope, edge)
    # A sharp aperture of the same area passes sum(passed) beams at full amplitude.
    kept = (passed**2).sum() / passed.sum()
    middle = _intensity(numbers, probe(numbers / box_angstrom, microscope, edge=edge), count)
    offset = np.abs(np.fft.fftfreq(count, 1 / count)) * box_angstrom / count
    middle *= np.outer(offset <= window / 2, offset <= window / 2)
    middle *= kept / middle.sum()

    large = FINENESS * box_angstrom
    numbers = beams(microscope, box_angstrom=large, interpolation=1)
    sharp = probe(numbers / large, microscope, edge=microscope.wavelength_angstrom / large)
    whole = _intensity(numbers, sharp, FINENESS * count)
    whole /= whole.sum()
    around = np.rint(np.fft.fftfreq(count, 1 / count)).astype(int)
    whole[np.ix_(around, around)] -= middle

    lit = np.pad(scan, (0, (FINENESS - 1) * count), mode="constant" if alone else "wrap")
    tails = np.fft.irfft2(np.fft.rfft2(lit) * np.fft.rfft2(whole), s=whole.shape)[:count, :count]
    return np.asarray(kept * scan + tails)


def _intensity(
    numbers: npt.NDArray[np.int64], amplitudes: npt.NDArray[np.complex128], count: int
) -> npt.NDArray[np.float64]:
    """(count, count) of the sum of plane waves, over the box that their numbers belong to."""
    spectrum = np.zeros((count, count), dtype=np.complex128)
    spectrum[tuple(numbers.T % count)] = amplitudes
    return np.abs(np.fft.ifft2(spectrum)) ** 2
