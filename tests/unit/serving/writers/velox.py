"""Velox's EMD: versions before 8 without operations, 8 to 10 with them, from 11 on with shared properties instead."""

import json
import uuid
from dataclasses import dataclass, field

import h5py
import numpy as np

FFT = np.dtype([("realFloatHalfEven", "<f4"), ("imagFloatHalfEven", "<f4")])

DETECTORS = {
    "Detector-0": {
        "DetectorName": "BF",
        "DetectorType": "ScanningDetector",
        "CollectionAngleRange": {"begin": "0", "end": "0.02"},
    },
    "Detector-1": {
        "DetectorName": "HAADF",
        "DetectorType": "ScanningDetector",
        "CollectionAngleRange": {"begin": "0.06", "end": "0.2"},
    },
    "Detector-2": {"DetectorName": "SuperXG21", "DetectorType": "AnalyticalDetector", "Dispersion": "10"},
    "Detector-3": {
        "DetectorName": "DF4",
        "DetectorType": "ScanningDetector",
        "CollectionAngleRange": {"begin": "0.02", "end": "0.06"},
    },
}


@dataclass
class Image:
    """One image (rows, cols) or series (rows, cols, frames), or a Fourier transform of type ``FFT``."""

    data: np.ndarray
    detector: str = "HAADF"
    operation: str = "StemInputOperation"
    title: str = ""
    named: bool = True
    """``BinaryResult.Detector`` and ``DetectorIndex`` are there."""
    step_m: tuple[float, float] = (1.5e-11, 2e-11)
    units: tuple[str, str] = ("m", "m")
    binary: dict = field(default_factory=dict)
    metadata: dict = field(default_factory=dict)
    damaged: bool = False


def write(path, images, version=10, *, detectors=None, groups=()):
    """Write a file; ``groups`` are empty ones beside the images (``Data/SpectrumImage/x``)."""
    detectors = DETECTORS if detectors is None else detectors
    with h5py.File(path, "w") as file:
        _text(file, "Version", {"format": "Velox", "version": str(version)})
        file.create_group("Data/Image")
        for group in groups:
            file.create_group(group)
        for image in images:
            key = uuid.uuid4().hex
            group = file.create_group(f"Data/Image/{key}")
            data = image.data[..., None] if image.data.ndim == 2 else image.data
            group.create_dataset("Data", data=data, chunks=(*data.shape[:2], 1))
            text = json.dumps(_metadata(image, detectors)).encode()
            text = text[:40] if image.damaged else text
            table = np.zeros((len(text) + 20, data.shape[2]), np.uint8)
            table[: len(text)] = np.frombuffer(text, np.uint8)[:, None]
            group["Metadata"] = table
            place = f"/Data/Image/{key}"
            if version >= 11:
                reference = f"/SharedProperties/ImageSeriesDataReference/{uuid.uuid4().hex}"
                _text(file, reference, {"dataPath": place})
                title = image.title or image.detector
                _text(
                    file, f"Displays/ImageDisplay/{uuid.uuid4().hex}", {"data": reference, "title": title, "id": title}
                )
            elif version == 7:
                shown = {"dataPath": place, "display": {"label": image.title or image.detector}}
                _text(file, f"Presentation/Displays/ImageDisplay/{uuid.uuid4().hex}", shown)
            elif version >= 8:
                paths = {"dataPath": place, "imageOutputPath": place, "detector": image.detector}
                _text(file, f"Operations/{image.operation}/{uuid.uuid4().hex}", paths)


def _metadata(image, detectors):
    rows, cols = image.step_m
    binary = {
        "PixelSize": {"width": str(cols), "height": str(rows)},
        "PixelUnitX": image.units[1],
        "PixelUnitY": image.units[0],
        "Offset": {"x": "-1e-9", "y": "-1e-9"},
    }
    if image.named:
        index = next((key for key, entry in detectors.items() if entry["DetectorName"] == image.detector), "Detector-9")
        binary |= {"Detector": image.detector, "DetectorIndex": index.split("-")[1]}
    metadata = {
        "Core": {"MetadataDefinitionVersion": "7.9"},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1500000000"}},
        "Optics": {
            "AccelerationVoltage": "200000",
            "LastMeasuredScreenCurrent": "2e-11",
            "BeamConvergence": "0.0213",
        },
        "Stage": {"AlphaTilt": "0.1745329", "BetaTilt": "-0.0174533"},
        "Scan": {"DwellTime": "2e-6", "FrameTime": "0.5"},
        "BinaryResult": binary | image.binary,
        "Detectors": detectors,
        "CustomProperties": {},
    }
    return metadata | image.metadata


def _text(file, place, value):
    file.create_dataset(place, (1,), h5py.string_dtype())[0] = json.dumps(value)
