"""Rows and columns of a micrograph that hold no image: a stopped scan, or the border of aligned frames."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap_serving import scratch
from heamap_serving.micrograph import Micrograph
from heamap_serving.region import Region

BAND_PIXELS = 2**22
"""Pixels looked at at a time."""

CONTINUOUS_SHARE = 0.02
"""Of the brightness range of what stays, by which the middle one of the pixels beside blank ones differs from them:
less is vacuum free of noise."""

FILLED_SHARE = 1e-3
"""Of the pixels that stay, with the value of the blank ones: more is vacuum free of noise, cut off at that value, not a
scan that stopped."""

BROKEN_SHARE = 0.05
"""Of the row or column beside blank ones, with their value: the scan stopped inside it."""


def without_blank(micrograph: Micrograph, region: Region) -> tuple[Region, str | None]:
    """The part of a region that holds an image.

    A row or column is blank whose pixels all have one value, or none. Of what blank ones part, the longest stretch
    stays. An even frame on all four sides is no blank one, but vacuum, or judged with the background.

    Parameters
    ----------
    region : of the micrograph

    Returns
    -------
    the region itself, or the rectangle in it that stays
    a line that says so; None of the region itself

    Raises
    ------
    InputError : the blank ones are no numbers: what they were is for the user to say
    """
    rows, cols = micrograph.image.shape
    x, y, width, height = (0, 0, cols, rows) if region.roi is None else region.roi
    if x + width > cols or y + height > rows:
        return region, None
    image = micrograph.image[y : y + height, x : x + width]
    top, bottom, left, right = _kept(image)
    if (top, bottom, left, right) == (0, height, 0, width):
        return region, None
    roi = (x + left, y + top, right - left, bottom - top)
    strange = _strange(image)
    if strange:
        if _strange(image[top:bottom, left:right]):
            return region, None
        where = "" if region.roi is None else f"--roi {' '.join(map(str, region.roi))}: "
        raise InputError(
            f"{where}{strange} pixels are NaN, infinite or beyond single precision; leave them out with --roi "
            f"{' '.join(map(str, roi))}, or fill them"
        )
    gone = [
        f"{number} of {length} {name}"
        for number, length, name in ((height - roi[3], height, "rows"), (width - roi[2], width, "columns"))
        if number
    ]
    line = (
        f"{' and '.join(gone)} are blank, or parted by blank ones from the rest, and were left out (a stopped scan, or "
        f"a border of aligned frames), as by --roi {' '.join(map(str, roi))}"
    )
    return replace(region, roi=roi), line


def _kept(image: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
    """First and last row and column of the stretch that stays (rows, cols); ends are past the last."""
    top, bottom, left, right = kept = whole = (0, image.shape[0], 0, image.shape[1])
    values: set[float] = set()
    # Blank columns may be of two values where blank rows cross them: these are gone in the second round.
    while bottom - top > 1 and right - left > 1:
        rows, cols, found = _blank(image[top:bottom, left:right])
        values |= found
        (first, last), (start, stop) = _longest(~rows), _longest(~cols)
        top, bottom, left, right = top + first, top + last, left + start, left + stop
        if (top, bottom, left, right) == kept:
            break
        kept = (top, bottom, left, right)
    if kept == whole or min(bottom - top, right - left) < 2:
        return whole
    stays = image[top:bottom, left:right]
    framed = top > 0 and left > 0 and bottom < whole[1] and right < whole[3]
    if values and (framed or _share(stays[1:-1], values) > FILLED_SHARE or _continuous(image, kept, values)):
        return whole
    return _without_broken(image, kept, values)


def _blank(image: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], set[float]]:
    """Which rows and columns have one value or none, and those values; a single one inside is a fault of the detector.

    Parameters
    ----------
    image : (rows, cols)
    """
    low = np.full(image.shape[1], np.inf, np.float32)
    high = np.full(image.shape[1], -np.inf, np.float32)
    rows, of_rows = np.zeros(image.shape[0], np.bool_), np.zeros(image.shape[0], np.float32)
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        band = image[start:stop]
        of_rows[start:stop], most = np.fmin.reduce(band, axis=1), np.fmax.reduce(band, axis=1)
        rows[start:stop] = ~(of_rows[start:stop] < most)
        np.fmin(low, np.fmin.reduce(band, axis=0), out=low)
        np.fmax(high, np.fmax.reduce(band, axis=0), out=high)
        scratch.release(image)
    rows, cols = _without_single(rows), _without_single(~(low < high))
    values = np.concatenate([of_rows[rows], low[cols]])
    return rows, cols, set(values[np.isfinite(values)].tolist())


def _without_single(blank: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    beside = np.concatenate([[True], blank[:-1]]) | np.concatenate([blank[1:], [True]])
    return np.asarray(blank & beside)


def _longest(filled: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Start and stop of the longest stretch of True."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], filled.astype(np.int8), [0]])))
    if not len(ends):
        return 0, 0
    lengths = ends[1::2] - ends[::2]
    longest = int(np.argmax(lengths))
    return int(ends[2 * longest]), int(ends[2 * longest + 1])


def _share(image: npt.NDArray[np.float32], values: set[float]) -> float:
    """Of the pixels, with one of the values."""
    number = 0
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        number += sum(int(np.count_nonzero(image[start:stop] == value)) for value in values)
        scratch.release(image)
    return number / max(image.size, 1)


def _strange(image: npt.NDArray[np.float32]) -> int:
    """Pixels that are no numbers."""
    number = 0
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        number += int(np.count_nonzero(~np.isfinite(image[start:stop])))
        scratch.release(image)
    return number


def _continuous(image: npt.NDArray[np.float32], kept: tuple[int, int, int, int], values: set[float]) -> bool:
    """Whether what lies beside the blank ones is as bright as they are."""
    top, bottom, left, right = kept
    stays = image[top:bottom, left:right]
    beside = [
        line
        for line, there in (
            (stays[0], top > 0),
            (stays[-1], bottom < image.shape[0]),
            (stays[:, 0], left > 0),
            (stays[:, -1], right < image.shape[1]),
        )
        if there and line.size
    ]
    if not beside:
        return False
    middle = float(np.median(np.concatenate(beside)))
    span = float(stays.max()) - float(stays.min())
    return min(abs(middle - value) for value in values) <= CONTINUOUS_SHARE * span


def _without_broken(
    image: npt.NDArray[np.float32], kept: tuple[int, int, int, int], values: set[float]
) -> tuple[int, int, int, int]:
    """Without the row beside blank ones in which the scan stopped."""
    top, bottom, left, right = kept

    def broken(row: int) -> bool:
        line = image[row, left:right]
        return bool(np.count_nonzero(np.isin(line, list(values))) > BROKEN_SHARE * line.size)

    if top > 0 and broken(top):
        top += 1
    if bottom < image.shape[0] and broken(bottom - 1):
        bottom -= 1
    return top, bottom, left, right
