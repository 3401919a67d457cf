"""Signals of HyperSpy and RosettaSciIO as datasets."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heamap_serving.io.acquisition_metadata import detector_in, facts
from heamap_serving.io.datasets import Dataset, Layout, no_image, plain_layout, sampling
from heamap_serving.io.lengths import angstrom
from heamap_serving.io.selection import HAADF, Selection, choose
from heamap_serving.io.series import micrograph
from heamap_serving.micrograph import Micrograph

_NOT_TIME = re.compile(r"°|deg|degrees?|m?rads?|k?V", re.IGNORECASE)
"""Units of tilts and voltages; lengths are those of ``lengths``."""


def is_signal(value: object) -> bool:
    """Whether a value is a HyperSpy signal, one as RosettaSciIO's readers give it, or a list of such signals."""
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(is_signal(entry) for entry in value)
    if isinstance(value, Mapping):
        return "data" in value and "axes" in value
    return all(hasattr(value, name) for name in ("data", "axes_manager", "metadata"))


def from_signal(signal: Any, selection: Selection = HAADF, folder: Path | None = None) -> Micrograph:
    """The image of a signal, chosen and added from its frames as that of a file is.

    Parameters
    ----------
    signal : a HyperSpy signal, lazy or not, or RosettaSciIO's dictionary (``data``, ``axes``, ``metadata``,
        ``original_metadata``), or a list of those of a file; one navigation axis makes it a series of frames
    folder : of the temporary file that a large image is kept in

    Raises
    ------
    InputError : it is no greyscale image or series of images
    """
    signals = signal if isinstance(signal, list | tuple) else [signal]
    datasets = datasets_of([as_dictionary(entry) for entry in signals])
    return micrograph(choose(datasets, selection), selection, folder)


def as_dictionary(signal: Any) -> Mapping[str, Any]:
    """A signal as RosettaSciIO's readers give it."""
    if isinstance(signal, Mapping):
        return signal
    axes = signal.axes_manager.as_dictionary()
    return {
        "data": signal.data,
        "axes": [axes[name] for name in sorted(axes, key=lambda name: int(name.rsplit("-", 1)[-1]))],
        "metadata": signal.metadata.as_dictionary(),
        "original_metadata": signal.original_metadata.as_dictionary() if hasattr(signal, "original_metadata") else {},
    }


def datasets_of(signals: Sequence[Mapping[str, Any]]) -> list[Dataset]:
    """Each signal of a file."""
    return [dataset_of(signal) for signal in signals]


def dataset_of(signal: Mapping[str, Any]) -> Dataset:
    """A signal, whose axes say which of them are those of the image, and their steps."""
    data = signal["data"]
    axes = _in_order(signal["axes"], len(data.shape))
    title = signal.get("metadata", {}).get("General", {}).get("title", "")
    title = title if isinstance(title, str) else ""
    layout, words = _layout(axes, tuple(data.shape))
    # Words of the axes say more than the shape does; what the pixels are goes before both.
    unsuited = no_image(data, layout or Layout(0, 0)) or words or no_image(data, layout, plain=not axes)
    steps = [(math.nan, None)] * 2
    if layout is not None and axes:
        steps = [_step(axes[axis]) for axis in (layout.rows, layout.cols)]
    found, fault = sampling(steps)
    along = "" if layout is None or layout.frames is None or not axes else _other_than_time(axes[layout.frames])
    known, detector = facts(signal, title), detector_in(title)
    return Dataset(title, data, layout, found, fault, known, detector, unsuited, along=along)


def _other_than_time(axis: Mapping[str, Any]) -> str:
    """Name and unit of an axis of thicknesses, tilts or the like; empty for time, numbers and what is not said."""
    units, name = axis.get("units"), axis.get("name")
    units = units.strip() if isinstance(units, str) else ""
    if angstrom(1.0, units) is None and not _NOT_TIME.fullmatch(units):
        return ""
    return f"{name if isinstance(name, str) and name.strip() else 'an axis'} ({units})"


def _in_order(axes: Sequence[Mapping[str, Any]], dimensions: int) -> list[Mapping[str, Any]]:
    """Axes in the order of the array's; none where they are not the array's."""
    if len(axes) != dimensions:
        return []
    if all(isinstance(axis.get("index_in_array"), int) for axis in axes):
        return sorted(axes, key=lambda axis: axis["index_in_array"])
    return list(axes)


def _step(axis: Mapping[str, Any]) -> tuple[float, Any]:
    scale = axis.get("scale", math.nan)
    units = axis.get("units")
    try:
        return float(scale), units if isinstance(units, str) else None
    except (TypeError, ValueError):
        return math.nan, None


def _layout(axes: list[Mapping[str, Any]], shape: tuple[int, ...]) -> tuple[Layout | None, str]:
    """Axes of the image, or in words what the signal is instead."""
    if not axes:
        return plain_layout(shape), ""
    if any(_is_energy(axis) and length > 1 for axis, length in zip(axes, shape, strict=True)):
        kind = "a spectrum image" if len([length for length in shape if length > 1]) > 2 else "spectra"
        return None, f"{kind} of shape {tuple(shape)}, not an image; export the HAADF image of the scan"
    longer = [index for index, length in enumerate(shape) if length != 1]
    scanned = [index for index in longer if axes[index].get("navigate")]
    own = [index for index in longer if index not in scanned]
    if len(longer) == 3 and len(scanned) == 1:
        return Layout(own[0], own[1], scanned[0]), ""
    if len(longer) == 3 and len(scanned) == 2:
        return None, f"spectra of a scan, of shape {tuple(shape)}, not an image; export the HAADF image of the scan"
    if len(longer) == 2 and len(scanned) == 1:
        return None, f"spectra along a line, of shape {tuple(shape)}, not an image"
    if len(longer) > 3:
        kind = f"{len(longer)}-dimensional data of shape {tuple(shape)} (diffraction patterns of a scan?)"
        return None, f"{kind}, not an image"
    return plain_layout(shape), ""


def _is_energy(axis: Mapping[str, Any]) -> bool:
    units, name = axis.get("units"), axis.get("name")
    return (isinstance(units, str) and units.strip() in ("eV", "keV")) or (
        isinstance(name, str) and "energy" in name.lower()
    )
