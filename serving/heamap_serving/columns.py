"""Columns of maps of any size: found and read band by band, the same ones as at once."""

import numpy as np
import numpy.typing as npt

from heamap.evaluation.reading import Readout
from heamap.evaluation.readout import candidates, strongest
from heamap_serving import scratch

Maps = npt.NDArray[np.float32]

BAND_PIXELS = 2**21
"""Pixels that are worked on at a time."""


def locate(maps: Maps, *, radius: float, threshold: float, band_pixels: int = BAND_PIXELS) -> npt.NDArray[np.float64]:
    """Positions of the columns, as ``heamap.evaluation.readout.find_columns`` finds them.

    Maxima are local; which of two near ones stays is decided among those of the whole image.

    Parameters
    ----------
    maps : (rows, cols, elements) in atoms
    radius : of two maxima closer than this many pixels only the higher one stays
    threshold : smallest height of the summed map, in atoms

    Returns
    -------
    (n, 2) row and column in pixels, ordered by row, then column
    """
    found = []
    for start, stop in scratch.row_bands(maps.shape, band_pixels):
        first = max(start - 1, 0)
        total = maps[first : stop + 1].sum(axis=-1, dtype=np.float64)
        pixels, heights, offsets = candidates(total, threshold)
        found.append((pixels + np.array([first, 0]), heights, offsets))
        scratch.release(maps)
    pixels, heights, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = strongest(pixels, heights, radius)
    return pixels[kept] + offsets[kept]


def standing(
    maps: Maps,
    positions: npt.NDArray[np.float64],
    *,
    readout: Readout,
    threshold: float,
    band_pixels: int = BAND_PIXELS,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Which of the maxima at positions (n, 2) are columns (``Readout.standing``), read off the whole maps.

    Returns
    -------
    positions (m, 2) and counts (m, elements) of those that are
    """
    gathered = np.empty((len(positions), maps.shape[-1]))
    for start, stop in scratch.row_bands(maps.shape, band_pixels):
        inside = (positions[:, 0] >= start) & (positions[:, 0] < stop)
        if inside.any():
            first = max(start - readout.reach, 0)
            rows, cols = positions[inside].T
            gathered[inside] = readout.gather(maps[first : stop + readout.reach], rows - first, cols)
            scratch.release(maps)
    stays, counts = readout.standing(gathered, positions, (maps.shape[0], maps.shape[1]), threshold)
    return positions[stays], counts
