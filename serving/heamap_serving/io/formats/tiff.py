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
        found += _datasets(tiff, series, signals[index] if signals else None, path)
    return found


def _signals(path: Path, number: int) -> list[Mapping[str, Any]]:
    """What RosettaSciIO makes of the metadata of each series; none where it fails on one."""
    from rsciio import tiff

    signals = tiff.file_reader(str(path), lazy=True)
    return list(signals) if len(signals) == number else []


def _check_whole(tiff: Any, path: Path) -> None:
    if not tiff.is_ome:
        return
    root = ET.fromstring(tiff.ome_metadata)
    own = root.get("UUID")
    for plane in root.findall(".//{*}UUID"):
        here = plane.text == own if own else plane.get("FileName") in (None, path.name)
        if not here:
            raise InputError("an OME-TIFF whose planes lie in several files; save the HAADF image in one")


def _datasets(tiff: Any, series: Any, signal: Mapping[str, Any] | None, path: Path) -> list[Dataset]:
    axes = str(series.axes)
    if _is_colour(series):
        words = f"a colour image of shape {tuple(series.shape)}; export the original greyscale data"
        return [Dataset("colour", _Pages(series, path), None, unsuited=words)]
    data = _data(series, path)
    channels = axes.index("C") if "C" in axes and series.shape[axes.index("C")] > 1 else None
    if channels is None:
        return [_dataset("", data, axes, tiff, signal)]
    names = _channel_names(tiff, int(series.shape[channels]))
    others = axes[:channels] + axes[channels + 1 :]
    return [_dataset(name, Slice(data, channels, index), others, tiff, signal) for index, name in enumerate(names)]


def _dataset(name: str, data: Any, axes: str, tiff: Any, signal: Mapping[str, Any] | None) -> Dataset:
    others = [axis for axis, code in enumerate(axes) if code not in "YX" and data.shape[axis] != 1]
    layout = (
        Layout(axes.index("Y"), axes.index("X"), others[0] if others else None) if {"Y", "X"} <= set(axes) else None
    )
    layout = layout if len(others) < 2 else None
    found, fault = sampling(_steps(tiff))
    known = Acquisition()
    if signal is not None:
        by_name = {axis["name"]: axis for axis in signal["axes"]}
        steps = [(by_name[key]["scale"], by_name[key]["units"]) for key in ("height", "width") if key in by_name]
        stated, words = sampling(steps)
        if stated is not None or (found is None and words.startswith("the file's")):
            found, fault = stated, words
        known = facts(signal)
        name = name or str(signal["metadata"]["General"].get("title", ""))
    dataset = Dataset(name, data, layout, found, fault, known, detector_in(name), no_image(data, layout))
    return _calibrated(replace(dataset, known=Acquisition.stated("file", detector=dataset.detector).over(known)), tiff)


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


def _channel_names(tiff: Any, number: int) -> list[str]:
    """As ImageJ's labels or OME's channels name them."""
    names: list[Any] = []
    if tiff.is_ome:
        names = [channel.get("Name") for channel in ET.fromstring(tiff.ome_metadata).findall(".//{*}Channel")]
    elif tiff.is_imagej:
        names = list((tiff.imagej_metadata or {}).get("Labels") or [])
    names = names if len(names) == number else [None] * number
    return [str(name) if name else f"channel {index + 1}" for index, name in enumerate(names)]


def _steps(tiff: Any) -> list[tuple[float, Any]]:
    """Pixel size as ImageJ and OME write it; the resolution of other TIFF files is that of a print."""
    if tiff.is_ome:
        pixels = ET.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
        if pixels is not None:
            return [
                (float(pixels.get(f"PhysicalSize{axis}", "nan")), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
                for axis in "YX"
            ]
    if tiff.is_imagej:
        tags = tiff.pages[0].tags
        unit = str((tiff.imagej_metadata or {}).get("unit", ""))
        # ImageJ writes the micro sign and the A with a ring as escapes.
        unit = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), unit)
        ratios = [tags[name].value for name in ("YResolution", "XResolution") if name in tags]
        return [(below / above if above else math.nan, unit) for above, below in ratios]
    return []


def _calibrated(dataset: Dataset, tiff: Any) -> Dataset:
    """With ImageJ's calibration function, which it applies to whole numbers only."""
    stated = (tiff.imagej_metadata or {}) if tiff.is_imagej else {}
    function = stated.get("cf", NONE)
    if dataset.unsuited or np.dtype(dataset.data.dtype).kind not in "ui" or function == NONE:
        return dataset
    numbers = list(_numbers(stated, ("c0", "c1")))
    if function != STRAIGHT_LINE or len(numbers) != 2 or numbers[1] == 0:
        words = (
            "calibrated in ImageJ by a function that is no straight line; save it as a 32-bit image, or uncalibrated"
        )
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
