"""One image of a series of frames."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap.acquisition.dose import with_dose
from heamap.errors import InputError
from heamap_serving import scratch
from heamap_serving.io.acquisition_metadata import of_sum
from heamap_serving.io.datasets import Dataset, Frame, printable
from heamap_serving.io.selection import Selection
from heamap_serving.micrograph import BAND_PIXELS, Frames, Micrograph, check_layout, fill

Image = npt.NDArray[np.float32]


MOST_FRAMES = 20_000
"""Longer series are refused: they would take hours."""


def _nothing() -> None: ...


def micrograph(
    dataset: Dataset, selection: Selection, folder: Path | None = None, each_frame: Callable[[], None] = _nothing
) -> Micrograph:
    """Read a dataset: its one image, or one of its frames, or all of them added.

    Frames are read one after the other, so that memory does not grow with their number.

    Parameters
    ----------
    folder : of the temporary file that a large image is kept in
    each_frame : called after each frame that was added

    Raises
    ------
    InputError : frames that do not register, or a number that no frame has
    """
    image = scratch.empty(check_layout(dataset.shape, np.dtype(dataset.data.dtype)), folder)
    if image.size == 0:
        raise InputError(f"an empty image of shape {image.shape}")
    number, way = dataset.number, selection.frames or "align"
    if number == 0:
        raise InputError("a series without a frame")
    frames: Frames | None = None
    if way.isdigit():
        if int(way) > number:
            held = f"the series has {number} frames, 1 to {number}" if number > 1 else "it is one image, no series"
            raise InputError(f"--frames {way}: {held}")
        fill(image, dataset.frame(int(way) - 1))
        frames = Frames(1, "single", (), int(way) - 1, chosen=True) if number > 1 else None
    elif number == 1:
        fill(image, dataset.frame(0))
    else:
        if dataset.along and selection.frames is None:
            raise InputError(
                f"{number} images along {printable(dataset.along, 80)}, which are no frames of one scan; take one with "
                f"--frames N (1 to {number}), or add them with --frames align or --frames sum"
            )
        if number > MOST_FRAMES:
            raise InputError(f"{number} frames are more than {MOST_FRAMES}; take one with --frames N, or save fewer")
        add = _add_as_they_are if way == "sum" else _add_aligned
        shifts = add(image, dataset, each_frame)
        frames = Frames(len(shifts) or number, way, shifts, 0, chosen=selection.frames is not None)
    known = of_sum(dataset.known, 1 if frames is None else frames.number)
    known = with_dose(Acquisition.stated("file", sampling_angstrom=dataset.sampling_angstrom).over(known))
    return Micrograph(image, dataset.sampling_angstrom, printable(dataset.fault, 200), known, dataset.name, frames)


def _add_as_they_are(image: Image, dataset: Dataset, each_frame: Callable[[], None]) -> tuple[tuple[float, float], ...]:
    fill(image, dataset.frame(0))
    for index in range(1, dataset.number):
        frame = dataset.frame(index)
        for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
            image[start:stop] += frame[start:stop].astype(np.float32, copy=False)
            scratch.release(image)
        each_frame()
    return ()


def _add_aligned(image: Image, dataset: Dataset, each_frame: Callable[[], None]) -> tuple[tuple[float, float], ...]:
    from heamap_serving.io.registration import Registration

    registration, shifts = Registration(), []
    image[:] = 0
    covered = np.zeros(image.shape, dtype=np.float32)
    frame = np.empty(image.shape, dtype=np.float32)
    for index in range(_recorded(dataset)):
        fill(frame, dataset.frame(index))
        try:
            if index:
                _check_finished(dataset, index)
            if not np.isfinite(frame).all():
                raise InputError("holds NaN or infinite values")
            rows, cols = registration.add(frame)
        except InputError as error:
            raise InputError(
                f"the {dataset.number} frames of {dataset.name or 'the series'} do not register: frame {index + 1} "
                f"{error}; take one with --frames N (1 to {dataset.number}), or add them as they are with --frames sum"
            ) from None
        # What is written down is what is done; a frame that did not move stays as it is.
        shift = (round(float(rows), 3) + 0.0, round(float(cols), 3) + 0.0)
        _add_at(image, covered, frame, shift)
        shifts.append(shift)
        each_frame()
    # The first frame covers all of it.
    image *= len(shifts) / covered
    return tuple(shifts)


def _recorded(dataset: Dataset) -> int:
    """Frames of a series without those at its end that the scan did not finish, whose last rows are blank.

    Where the first frame has blank rows too, these are vacuum without noise, and say nothing.
    """
    number = dataset.number
    if _blank_rows(dataset.frame(0)) == 0:
        while number > 1 and _blank_rows(dataset.frame(number - 1)) > 0:
            number -= 1
    return number


def _check_finished(dataset: Dataset, index: int) -> None:
    """Refuse a frame inside a series that the scan did not finish; of blank rows in the first, as ``_recorded``."""
    blank = _blank_rows(dataset.frame(index))
    if blank > 1 and _blank_rows(dataset.frame(0)) == 0:
        raise InputError(f"has {blank} blank rows at its end")


def _blank_rows(frame: Frame) -> int:
    """Rows at the end of a frame that hold one number and no other."""
    values = np.asarray(frame[slice(None)])
    filled = np.flatnonzero((values != values[-1, -1]).any(axis=1))
    return int(values.shape[0] - 1 - filled[-1]) if filled.size else int(values.shape[0])


def _add_at(image: Image, covered: Image, frame: Image, shift: tuple[float, float]) -> None:
    """Add a frame moved by a shift, and count the pixels that it covers."""
    from scipy import ndimage

    if shift == (0.0, 0.0):
        image += frame
        covered += 1
        return
    inner = []
    for length, by in zip(frame.shape, shift, strict=True):
        places = np.arange(length) - by
        inner.append((places >= 0) & (places <= length - 1))
    mask = np.outer(*inner)
    # Cubic splines keep the sum of the counts and blur next to nothing.
    moved = ndimage.shift(frame, shift, order=3, mode="nearest")
    image[mask] += moved[mask]
    covered[mask] += 1
