"""TIFF files of microscopes, ImageJ and OME."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap.errors import InputError
from heamap_serving.io.acquisition_metadata import detector_in, facts, is_beam_unit
from heamap_serving.io.datasets import COLOURS, Dataset, Layout, Mapped, Slice, no_image, sampling
from heamap_serving.io.metadata import number

REDUCED = 1
"""Bit of NewSubfileType: a smaller copy of another page."""

STRAIGHT_LINE, NONE = 0, 20
"""Calibration functions of ImageJ."""


def read(path: Path, files: ExitStack) -> list[Dataset]:
    """Every image, series and channel of the file but reduced copies.

    Raises
    ------
    InputError : an OME-TIFF whose planes lie in other files
    """
    import tifffile

    # Planes in other files, which OME-TIFF may name, are never opened.
    tiff = files.enter_context(tifffile.TiffFile(path, _multifile=False))
    _check_whole(tiff, path)
    # RosettaSciIO would open the files beside one of Micro-Manager's, which form one series with it.
    several = tiff.is_mmstack or tiff.is_ndtiff
    signals = [] if several else _signals(path, len(tiff.series))
    found: list[Dataset] = []
    for index, series in enumerate(tiff.series):
        if int(series.keyframe.subfiletype or 0) & REDUCED:
            continue
        found += _datasets(_Stated(tiff, index), series, signals[index] if signals else None, path)
    return found


class _Stated:
    """What a file states of one of its series, in ImageJ's way or OME's."""

    def __init__(self, tiff: Any, index: int) -> None:
        self.imagej: Mapping[str, Any] = (tiff.imagej_metadata or {}) if tiff.is_imagej else {}
        self.tags = tiff.pages[0].tags
        self.swapped = bool({"fei", "tvips", "sis"} & tiff.flags)
        images = ET.fromstring(tiff.ome_metadata).findall(".//{*}Image") if tiff.is_ome else []
        image = images[index if index < len(images) else 0] if images else None
        self.ome = None if image is None else image.find("{*}Pixels")
        self.name = "" if image is None else image.get("Name", "")


def _signals(path: Path, expected: int) -> list[Mapping[str, Any]]:
    """What RosettaSciIO makes of the metadata of each series; none where it fails on one."""
    from rsciio import tiff

    try:
        signals = tiff.file_reader(str(path), lazy=True)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # Metadata of a maker that are not as it expects: the pixels are read all the same.
        return []
    return list(signals) if len(signals) == expected else []


def _check_whole(tiff: Any, path: Path) -> None:
    if not tiff.is_ome:
        return
    root = ET.fromstring(tiff.ome_metadata)
    own = root.get("UUID")
    for plane in root.findall(".//{*}UUID"):
        here = plane.text == own if own else plane.get("FileName") in (None, path.name)
        if not here:
            raise InputError("an OME-TIFF whose planes lie in several files; save the HAADF image in one")


def _datasets(file: _Stated, series: Any, signal: Mapping[str, Any] | None, path: Path) -> list[Dataset]:
    axes = str(series.axes)
    if _is_colour(series):
        words = f"a colour image of shape {tuple(series.shape)}; export the original greyscale data"
        return [Dataset("colour", _Pages(series, path), None, unsuited=words)]
    data = _data(series, path)
    channels = axes.index("C") if "C" in axes and series.shape[axes.index("C")] > 1 else None
    if channels is None:
        return [_dataset(file.name, data, axes, file, signal)]
    names = _channel_names(file, int(series.shape[channels]))
    others = axes[:channels] + axes[channels + 1 :]
    return [_dataset(name, Slice(data, channels, index), others, file, signal) for index, name in enumerate(names)]


def _dataset(name: str, data: Any, axes: str, file: _Stated, signal: Mapping[str, Any] | None) -> Dataset:
    others = [axis for axis, code in enumerate(axes) if code not in "YX" and data.shape[axis] != 1]
    layout = None
    if {"Y", "X"} <= set(axes) and len(others) < 2:
        layout = Layout(axes.index("Y"), axes.index("X"), others[0] if others else None)
    found, fault = sampling(_steps(file))
    known = Acquisition()
    if signal is not None:
        by_name = {axis["name"]: axis for axis in signal["axes"]}
        steps = [(by_name[key]["scale"], by_name[key]["units"]) for key in ("height", "width") if key in by_name]
        # Of these makers RosettaSciIO 0.15 gives the height of a pixel as its width.
        stated, words = sampling(steps[::-1] if file.swapped else steps)
        if stated is not None or (found is None and words.startswith("the file's")):
            found, fault = stated, words
        known = facts(signal)
        name = name or str(signal["metadata"]["General"].get("title", ""))
    dataset = Dataset(name, data, layout, found, fault, known, detector_in(name), no_image(data, layout))
    return _calibrated(replace(dataset, known=Acquisition.stated("file", detector=dataset.detector).over(known)), file)


def _is_colour(series: Any) -> bool:
    import tifffile

    page = series.keyframe
    # YCbCr and palettes too; planes of several samples without a colour space are colour as well, by their number.
    grey = page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)
    return not grey or ("S" in series.axes and series.shape[series.axes.index("S")] in COLOURS)


class _Pages:
    """Planes of a series that are decoded one by one; the last one is kept, for its bands are read in turn."""

    def __init__(self, series: Any, path: Path) -> None:
        self._series, self._path = series, path
        self.shape, self.dtype = tuple(series.shape), np.dtype(series.dtype)
        self.ndim = len(self.shape)
        self._last: tuple[int, npt.NDArray[Any]] | None = None

    def __getitem__(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        leading = len(self.shape) - len(self._series.keyframe.shape)
        if leading < 0 or any(not isinstance(index, int) for index in key[:leading]):
            return np.asarray(self._series.asarray()[key])
        page = int(np.ravel_multi_index(key[:leading], self.shape[:leading])) if leading else 0
        if self._last is None or self._last[0] != page:
            self._last = (page, np.asarray(self._series.pages[page].asarray()))
        return np.asarray(self._last[1][key[leading:]])


def _data(series: Any, path: Path) -> Any:
    """The numbers of a series: mapped where they lie in one piece, as in ImageJ's stacks, else page by page."""
    if series.dataoffset is None or math.prod(series.shape) == 0:
        return _Pages(series, path)
    dtype = np.dtype(series.parent.byteorder + series.dtype.char) if series.dtype.itemsize > 1 else series.dtype
    return Mapped(np.memmap(path, dtype, "r", series.dataoffset, tuple(series.shape)))


def _channel_names(file: _Stated, expected: int) -> list[str]:
    """As ImageJ's labels or OME's channels name them."""
    names: list[Any] = list(file.imagej.get("Labels") or [])
    if file.ome is not None:
        names = [channel.get("Name") for channel in file.ome.findall("{*}Channel")]
    names = names if len(names) == expected else [None] * expected
    return [str(name) if name else f"channel {index + 1}" for index, name in enumerate(names)]


def _steps(file: _Stated) -> list[tuple[float, Any]]:
    """Pixel size as ImageJ and OME write it; the resolution of other TIFF files is that of a print."""
    if file.ome is not None:
        return [
            (number(file.ome.get(f"PhysicalSize{axis}")) or math.nan, file.ome.get(f"PhysicalSize{axis}Unit", "µm"))
            for axis in "YX"
        ]
    if file.imagej:
        # ImageJ writes the micro sign and the A with a ring as escapes.
        unit = str(file.imagej.get("unit", ""))
        unit = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), unit)
        ratios = [file.tags[name].value for name in ("YResolution", "XResolution") if name in file.tags]
        return [(below / above if above else math.nan, unit) for above, below in ratios]
    return []


def _calibrated(dataset: Dataset, file: _Stated) -> Dataset:
    """With ImageJ's calibration function, which it applies to whole numbers only."""
    stated = file.imagej
    function = stated.get("cf", NONE)
    if not dataset.unsuited and np.dtype(dataset.data.dtype).kind == "f" and is_beam_unit(stated.get("vunit")):
        # Real numbers are intensities already.
        known = Acquisition.stated("file", beam_fraction_per_count=1.0, black_level=0.0)
        return replace(dataset, known=known.over(dataset.known))
    if dataset.unsuited or np.dtype(dataset.data.dtype).kind not in "ui" or function == NONE:
        return dataset
    numbers = list(_numbers(stated, ("c0", "c1")))
    if function != STRAIGHT_LINE or len(numbers) != 2 or numbers[1] == 0:
        words = "calibrated in ImageJ by a function that is no straight line; save it as 32 bits, or uncalibrated"
        return replace(dataset, unsuited=words)
    known = dataset.known
    if is_beam_unit(stated.get("vunit")):
        words = "ImageJ's calibration function gives fractions of the beam"
        known = known.derived("file", words, beam_fraction_per_count=1.0, black_level=0.0)
    return replace(dataset, line=(numbers[0], numbers[1]), known=known)


def _numbers(stated: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[float]:
    for name in names:
        value = stated.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            yield float(value)
