"""One array of a file, not read yet, and what the file says of it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap_serving import scratch
from heamap_serving.io.lengths import angstrom
from heamap_serving.micrograph import NOTHING_KNOWN

Sampling = tuple[float, float] | None

NO_PIXEL_SIZE = "no pixel size in the file"

SMALLEST_PX = 32
"""Arrays with a shorter side are tables and matrices beside the image."""

COLOURS = (3, 4)
"""Samples a pixel of colour images, with or without transparency."""


@dataclass(frozen=True)
class Layout:
    """Which axes of an array run along the rows' index, the columns' index and the frames; the others have length 1."""

    rows: int
    cols: int
    frames: int | None = None


@dataclass(frozen=True)
class Dataset:
    """One array of a file.

    Attributes
    ----------
    name : that the file gives it
    data : any array with a shape, a type and slices, read or not
    layout : None for what is neither an image nor a series of images
    sampling_angstrom : step along rows and columns
    fault : what the file says instead of a pixel size
    known : what else the file states; gain, black level, dwell time and dose are those of one frame
    detector : its name; empty where the file does not say
    unsuited : why it is no image to score; empty where it may be one
    derived : computed from images by the microscope's software; taken only where it is asked for by name
    line : (constant, slope) that make intensities of the stored numbers
    along : what changes from frame to frame, where it is not time; such frames are added only where that is asked for
    """

    name: str
    data: Any
    layout: Layout | None
    sampling_angstrom: Sampling = None
    fault: str = NO_PIXEL_SIZE
    known: Acquisition = NOTHING_KNOWN
    detector: str = ""
    unsuited: str = ""
    derived: bool = False
    line: tuple[float, float] | None = None
    along: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame; (0, 0) where it is no image."""
        if self.layout is None:
            return 0, 0
        return int(self.data.shape[self.layout.rows]), int(self.data.shape[self.layout.cols])

    @property
    def number(self) -> int:
        """Of frames."""
        if self.layout is None or self.layout.frames is None:
            return 1
        return int(self.data.shape[self.layout.frames])

    def frame(self, index: int) -> "Frame":
        """One image of the series, from 0."""
        assert self.layout is not None
        return Frame(self, self.layout, index)


class Frame:
    """One image (rows, cols) of a dataset; slices of its rows are read when they are asked for."""

    def __init__(self, dataset: Dataset, layout: Layout, index: int) -> None:
        self._dataset, self._layout, self._index = dataset, layout, index
        self.shape = dataset.shape
        self.dtype = np.dtype(dataset.data.dtype)

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        """Rows by a slice, or by a tuple that holds one."""
        if isinstance(rows, tuple):
            (rows,) = rows
        layout, data = self._layout, self._dataset.data
        key: list[Any] = [0] * len(data.shape)
        key[layout.rows], key[layout.cols] = rows, slice(None)
        if layout.frames is not None:
            key[layout.frames] = self._index
        part = np.asarray(data[tuple(key)])
        if layout.rows > layout.cols:
            part = part.T
        if self._dataset.line is None:
            return part
        constant, slope = self._dataset.line
        return np.asarray(constant + slope * part.astype(np.float64))


class Mapped:
    """A mapped array whose pages are given back after each part that is read."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values = values
        self.shape, self.ndim, self.dtype = values.shape, values.ndim, values.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        part = np.array(self._values[key])
        scratch.release(self._values)
        return part


class Slice:
    """An array at one index of an axis, which is left out."""

    def __init__(self, data: Any, axis: int, index: int) -> None:
        self._data, self._axis, self._index = data, axis, index
        self.shape = (*data.shape[:axis], *data.shape[axis + 1 :])
        self.ndim, self.dtype = len(self.shape), np.dtype(data.dtype)

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        return self._data[(*key[: self._axis], self._index, *key[self._axis :])]


def printable(words: str, most: int) -> str:
    """Text of a file in one line of so many characters; control characters, which a terminal obeys, become spaces."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def plain_layout(shape: tuple[int, ...]) -> Layout | None:
    """Layout of an array of which only the shape is known: rows and columns last, frames before them.

    Axes of length 1 do not count, wherever they are. A last axis too short for a side of an image counts frames.
    """
    axes = [axis for axis, length in enumerate(shape) if length != 1]
    if len(axes) == 3:
        if shape[axes[2]] < SMALLEST_PX <= min(shape[axes[0]], shape[axes[1]]):
            return Layout(*axes)
        return Layout(axes[1], axes[2], axes[0])
    if len(axes) == 2:
        return Layout(*axes)
    return Layout(len(shape) - 2, len(shape) - 1) if len(axes) < 2 <= len(shape) else None


def no_image(data: Any, layout: Layout | None, *, plain: bool = False) -> str:
    """Why an array is no image or series of images, in words; empty where it may be one.

    Parameters
    ----------
    plain : only the shape is known: a short last axis may be colours
    """
    shape, dtype = tuple(int(length) for length in data.shape), np.dtype(data.dtype)
    if dtype.names is not None:
        if set(dtype.names) <= set("RGBA"):
            colours = "/".join(dtype.names)
            return f"a colour image ({colours}): its grey values are a display copy; export the original data"
        return f"pixels of several numbers ({', '.join(map(str, dtype.names[:4]))}), not one intensity a pixel"
    if dtype.kind == "c":
        return f"pixels of type {dtype}: a Fourier transform or another complex image, not an intensity"
    if dtype.kind not in "uif":
        return f"pixels of type {dtype}: expected real numbers, one intensity a pixel"
    if plain and len(shape) == 3 and shape[-1] in COLOURS and (dtype == np.uint8 or min(shape[:2]) >= SMALLEST_PX):
        words = "looks like a colour image; export the original greyscale data"
        return f"shape {shape}: {words}, or save a series as (frames, rows, cols)"
    if layout is None:
        kind = "one image (rows, cols) or a series of them (frames, rows, cols)"
        return f"shape {shape}: expected {kind}; export the HAADF image alone"
    return ""


def sampling(steps: list[tuple[float, Any]]) -> tuple[Sampling, str]:
    """Steps along rows and columns from (number, unit) pairs, or the reason why there are none."""
    lengths = [angstrom(value, unit) for value, unit in steps]
    if len(lengths) == 2 and lengths[0] is not None and lengths[1] is not None:
        return (lengths[0], lengths[1]), ""
    known = [(value, unit) for value, unit in steps if isinstance(unit, str) and unit.strip(" <>")]
    stated = [f"{value:g} {unit}" for value, unit in known if math.isfinite(value) and "undefined" not in unit]
    return None, f"the file's pixel size ({', '.join(stated)}) is no length" if stated else NO_PIXEL_SIZE
