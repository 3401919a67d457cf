"""Properties that Nion Swift writes beside an array, in its HDF5 files and archives."""

import json
from collections.abc import Mapping
from typing import Any

from heamap.acquisition import Acquisition
from heamap_serving.io.acquisition_metadata import detector_in, is_beam_unit
from heamap_serving.io.datasets import Dataset, Layout, no_image, plain_layout, sampling
from heamap_serving.io.metadata import at, entries, number

_CALIBRATIONS = ("dimensional_calibrations", "spatial_calibrations")


def properties_of(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON among the attributes of an HDF5 dataset; None where Nion Swift did not write it."""
    for name in ("properties", "metadata", "json_properties"):
        text = attributes.get(name)
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if isinstance(text, str) and text.lstrip().startswith("{"):
            try:
                found = json.loads(text)
            except json.JSONDecodeError:
                continue
            if _described(found):
                return dict(found)
    return None


def dataset_of(name: str, data: Any, properties: Mapping[str, Any]) -> Dataset:
    """An array with its calibrations: a sequence is a series, a collection is a scan of spectra or patterns."""
    described = _described(properties) or {}
    calibrations: list[Any] = next(
        (described[key] for key in _CALIBRATIONS if isinstance(described.get(key), list)), []
    )
    layout, unsuited = _layout(described, tuple(data.shape))
    unsuited = no_image(data, layout or Layout(0, 0)) or unsuited or no_image(data, layout)
    steps: list[tuple[float, Any]] = []
    if layout is not None and len(calibrations) == len(data.shape):
        for axis in (layout.rows, layout.cols):
            step = calibrations[axis] if isinstance(calibrations[axis], Mapping) else {}
            steps.append((number(step.get("scale")) or 0.0, step.get("units")))
    found, fault = sampling(steps)
    title = properties.get("title") or described.get("title")
    title = title if isinstance(title, str) else ""
    known, detector = _facts(properties, described, title)
    return Dataset(title or name, data, layout, found, fault, known, detector, unsuited)


def _described(properties: Any) -> dict[str, Any] | None:
    """The part of the properties that describes the array: at the top, or in its source."""
    if not isinstance(properties, Mapping):
        return None
    sources = properties.get("data_sources")
    inner = [properties, properties.get("data_source"), properties.get("buffered_data_source")]
    inner += sources[:1] if isinstance(sources, list) else []
    return next((dict(part) for part in inner if isinstance(part, Mapping) and set(_CALIBRATIONS) & set(part)), None)


def _layout(described: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[Layout | None, str]:
    collection = number(described.get("collection_dimension_count")) or 0
    datum = number(described.get("datum_dimension_count"))
    if datum == 1 and collection == 2:
        return None, f"a spectrum image of shape {shape}, not an image"
    if collection and datum == 2:
        return None, f"diffraction patterns of a scan, of shape {shape}, not an image"
    return plain_layout(shape), ""


def _facts(properties: Mapping[str, Any], described: Mapping[str, Any], title: str) -> tuple[Acquisition, str]:
    metadata = properties.get("metadata") or described.get("metadata") or {}
    values = {key.lower(): value for key, value in entries(metadata)}
    name = at(metadata, "hardware_source.channel_name")
    name = name if isinstance(name, str) else ""
    detector = detector_in(name) or name or detector_in(title)
    intensity = described.get("intensity_calibration")
    intensity = intensity if isinstance(intensity, Mapping) else {}
    scale, offset = number(intensity.get("scale")), number(intensity.get("offset"))
    beam = is_beam_unit(intensity.get("units")) and scale and offset is not None
    return Acquisition.stated(
        "file",
        # Swift's calibrated value is offset + scale * count.
        beam_fraction_per_count=scale if beam else None,
        black_level=0 - offset / scale if beam and scale and offset is not None else None,
        energy_ev=number(values.get("high_tension", values.get("eht"))),
        dwell_time_s=number(values.get("pixel_time_us"), 1e-6),
        detector=detector,
    ), detector
