"""Columns of maps of any size: found and read band by band, the same ones as at once."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from heamap.evaluation.counter import Counter
from heamap.evaluation.readout import candidates, strongest
from heamap.evaluation.surroundings import Read
from heamap_serving import scratch

Maps = npt.NDArray[np.float32]
Band = Callable[[int, int], npt.NDArray[np.floating]]

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


def count(
    maps: Maps,
    maxima: npt.NDArray[np.float64],
    *,
    counter: Counter,
    read: Read,
    threshold: float,
    band_pixels: int = BAND_PIXELS,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Which of the maxima (n, 2) are columns, and their counts (``Counter.columns_among``).

    Parameters
    ----------
    read : of the image as the network sees it
    threshold : least atoms of a column

    Returns
    -------
    positions (m, 2) and counts (m, elements)
    """
    readout, shape = counter.readout, (maps.shape[0], maps.shape[1])

    def of_maps(start: int, stop: int) -> Maps:
        return maps[start:stop]

    def of_image(start: int, stop: int) -> npt.NDArray[np.floating]:
        return read(slice(start, stop), slice(None))[..., None]

    def gather(band: Band, channels: int, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        gathered = np.empty((len(positions), channels))
        for start, stop in scratch.row_bands(shape, band_pixels):
            inside = (positions[:, 0] >= start) & (positions[:, 0] < stop)
            if inside.any():
                first, last = max(start - readout.reach, 0), min(stop + readout.reach, shape[0])
                rows, cols = positions[inside].T
                gathered[inside] = readout.gather(band(first, last), rows - first, cols)
                scratch.release(maps)
        return gathered

    return counter.columns_among(
        maxima,
        gather_maps=partial(gather, of_maps, maps.shape[-1]),
        gather_image=partial(gather, of_image, 1),
        read=read,
        shape=shape,
        threshold=threshold,
    )
