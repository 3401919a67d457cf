"""Velox's EMD files: the images of a scan, one group each, with JSON for every frame.

They are read here and not by RosettaSciIO, which reads all images of a file or none, takes the unit of the columns for
both axes and gives an image the name of another detector where groups of older or newer versions are missing.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from heamap.acquisition import Acquisition
from heamap_serving.io.acquisition_metadata import is_beam_unit, tilt
from heamap_serving.io.datasets import Dataset, Layout, no_image, sampling
from heamap_serving.io.metadata import at, number

IMAGES = "Data/Image"

OTHERS = {"SpectrumImage": "an EDX spectrum image", "SpectrumStream": "an EDX spectrum stream", "Spectrum": "spectra"}

_COMPUTED = {
    "FftOperation": "FFT",
    "DpcOperation": "DPC",
    "SurfaceReconstructionOperation": "iDPC",
    "MathematicsOperation": "difference of segments",
    "IntegrationOperation": "DCFI",
}
"""Operations that make an image of others, by the name of their group."""

_COMPUTED_WORDS = ("dcfi", "dpc", "fft")
"""In the titles of displays; versions from 11 on have no operations."""

_MRAD_PER_RAD = 1e3

_LARGEST_CURRENT = 1e-6
"""In ampere: no scanned beam, and no count of one, stands for more."""


def is_velox(file: Any) -> bool:
    """Whether an open HDF5 file has Velox's layout."""
    version = _json(file["Version"][0]) if "Version" in file and file["Version"].shape else {}
    return version.get("format") in ("Velox", "DevelopersKit") or (IMAGES in file and "Version" in file)


def datasets(file: Any) -> list[Dataset]:
    """Every image of the file; of what holds none, what it holds instead."""
    group = file.get(IMAGES)
    if group is None or not len(group):
        kinds = [words for name, words in OTHERS.items() if f"Data/{name}" in file] or ["no image"]
        words = f"holds {kinds[0]} without an image of the scan; export the HAADF image"
        return [Dataset("", _NoArray(), None, unsuited=words)]
    labels = dict(_labels(file))
    return [_dataset(key, group, labels) for key in group]


class _NoArray:
    shape, dtype = (0,), "f4"


def _dataset(key: str, images: Any, labels: Mapping[str, tuple[str, bool]]) -> Dataset:
    label, computed = labels.get(key, ("", False))
    try:
        data = images[key]["Data"]
        layout = {2: Layout(0, 1), 3: Layout(0, 1, 2)}.get(len(data.shape))
        unsuited = no_image(data, layout)
        metadata = _frame_metadata(images[key])
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        # One image that cannot be read does not hide the others.
        return Dataset(label or key, _NoArray(), None, unsuited=f"unreadable ({type(error).__name__})")
    binary = _mapping(metadata, "BinaryResult")
    entry = _detector_entry(metadata, label)
    detector = _text(binary.get("Detector")) or _text(entry.get("DetectorName")) or label
    size = _mapping(binary, "PixelSize")
    unit = binary.get("PixelUnitX")
    steps = [(size.get("height"), binary.get("PixelUnitY") or unit), (size.get("width"), unit)]
    found, fault = sampling([(number(step) or math.nan, words) for step, words in steps])
    computed = computed or entry.get("DetectorType") == "AnalyticalDetector"
    if data.dtype.names is not None:
        unsuited = "a Fourier transform or DPC image of complex numbers, not an intensity"
    if entry.get("DetectorType") == "ImagingDetector":
        unsuited = unsuited or f"an image of the camera {detector}, not of a scan"
    known = _facts(metadata, binary, entry, detector)
    name = (label if computed else "") or detector or label or key
    return Dataset(name, data, layout, found, fault, known, detector, unsuited, computed)


def _facts(
    metadata: Mapping[str, Any], binary: Mapping[str, Any], entry: Mapping[str, Any], detector: str
) -> Acquisition:
    optics, stage = _mapping(metadata, "Optics"), _mapping(metadata, "Stage")
    angles = _mapping(entry, "CollectionAngleRange")
    current = number(optics.get("LastMeasuredScreenCurrent"))
    begin, end = (number(angles.get(name), _MRAD_PER_RAD) for name in ("begin", "end"))
    alpha, beta = number(stage.get("AlphaTilt")), number(stage.get("BetaTilt"))
    known = Acquisition.stated(
        "file",
        energy_ev=number(optics.get("AccelerationVoltage")),
        semiangle_mrad=number(optics.get("BeamConvergence"), _MRAD_PER_RAD),
        # 0 to 0 where nobody entered them.
        detector_mrad=None if begin is None or end is None else (begin, end),
        detector=detector,
        dwell_time_s=number(at(metadata, "Scan.DwellTime")),
        tilt_degree=tilt(None if alpha is None else math.degrees(alpha), None if beta is None else math.degrees(beta)),
    )
    known = known.derived(
        "file", "last measured screen current", beam_current_pa=None if current is None else current * 1e12
    )
    gain, black, words = _intensity(binary, current)
    return known.derived("file", words, beam_fraction_per_count=gain, black_level=black)


def _intensity(binary: Mapping[str, Any], current: float | None) -> tuple[float | None, float | None, str]:
    """Gain and black level from ``IntensityScale`` and ``IntensityOffset``, where what they scale to is beyond doubt.

    An intensity is offset + scale x count; 1 and 0 say nothing. A unit of the beam or of current settles what it is.
    Without a unit, Velox's numbers are in SI units, and a scale that is a current of a detector's count by its size,
    with an offset that is one too, can be nothing else.
    """
    scale, offset = number(binary.get("IntensityScale")), number(binary.get("IntensityOffset"))
    unit = _text(binary.get("IntensityUnit"))
    if scale is None or scale <= 0 or offset is None:
        return None, None, ""
    if is_beam_unit(unit):
        return scale, 0 - offset / scale, "IntensityScale and IntensityOffset, in fractions of the beam"
    is_current = unit == "A" or (not unit and scale < _LARGEST_CURRENT and abs(offset) < _LARGEST_CURRENT)
    if is_current and current is not None and 0 < scale < current < _LARGEST_CURRENT:
        return scale / current, 0 - offset / scale, "IntensityScale and IntensityOffset, in ampere, / screen current"
    return None, None, ""


def _detector_entry(metadata: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    """What the file says of the detector of an image: by its number, and by its name where the number has another.

    Parameters
    ----------
    label : of the image, by the operation that made it; versions before 8 name the detector there alone
    """
    binary, detectors = _mapping(metadata, "BinaryResult"), _mapping(metadata, "Detectors")
    index = binary.get("DetectorIndex")
    name = _text(binary.get("Detector")) or ("" if index is not None else label)
    numbered = _mapping(detectors, f"Detector-{index}")
    if numbered and (not name or _text(numbered.get("DetectorName")) == name):
        return numbered
    named = [
        entry for entry in detectors.values() if isinstance(entry, Mapping) and _text(entry.get("DetectorName")) == name
    ]
    return named[0] if name and len(named) == 1 else {} if name else numbered


def _labels(file: Any) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Name of images by their key, and whether they were computed: by operations, and by the titles of displays."""
    for _, display in _parsed(file, "Presentation/Displays"):
        title, target = _text(_mapping(display, "display").get("label")), _text(display.get("dataPath"))
        if target and title:
            yield target.split("/")[-1], (title, any(word in title.lower() for word in _COMPUTED_WORDS))
    for kind, operation in _parsed(file, "Displays"):
        title, place = _text(operation.get("title") or operation.get("id")), _text(operation.get("data"))
        reference: Any = file.get(place) if kind == "ImageDisplay" and place else None
        target = _text(_json(reference[0]).get("dataPath")) if getattr(reference, "shape", ()) else ""
        if target and title:
            yield target.split("/")[-1], (title, any(word in title.lower() for word in _COMPUTED_WORDS))
    for kind, operation in _parsed(file, "Operations"):
        name = _COMPUTED.get(kind) or _text(operation.get("detector") or operation.get("cameraName"))
        for place in ("dataPath", "unfilteredDataPath") + (("imageOutputPath",) if kind == "FftOperation" else ()):
            if target := _text(operation.get(place)):
                yield target.split("/")[-1], (name, kind in _COMPUTED)


def _parsed(file: Any, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Kind and JSON of the entries of a group of groups; other things in it are passed over."""
    for kind, group in file[name].items() if name in file and hasattr(file[name], "items") else ():
        for item in group.values() if hasattr(group, "values") else ():
            if getattr(item, "shape", ()):
                yield kind, _json(item[0])


def _frame_metadata(group: Any) -> Mapping[str, Any]:
    """JSON of the first frame that has some; every frame has a column of bytes."""
    if "Metadata" not in group:
        return {}
    table = group["Metadata"]
    for column in range(min(int(table.shape[1]), 4)) if len(table.shape) == 2 else ():
        if found := _json(table[:, column].tobytes()):
            return found
    return {}


def _json(text: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(text.split(b"\0", 1)[0].decode("utf-8") if isinstance(text, bytes) else text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _mapping(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
