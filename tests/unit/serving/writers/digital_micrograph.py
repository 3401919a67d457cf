"""Gatan's dm3 and dm4: a tree of tags."""

import struct
from dataclasses import dataclass, field

import numpy as np

CODES = {"int16": (1, 2), "float32": (2, 6), "complex64": (3, 6), "uint8": (6, 10), "uint16": (10, 4), "int32": (7, 3)}
"""Type of an image's data and of the array's elements, by NumPy's type."""

RGB = (23, 5)


@dataclass
class Image:
    """An image (rows, cols), a stack (frames, rows, cols), or a colour image of type uint32."""

    data: np.ndarray
    name: str = "HAADF"
    steps: tuple[float, ...] = (0.015, 0.02)
    units: tuple[str, ...] = ("nm", "nm")
    brightness: dict = field(default_factory=lambda: {"Origin": 0.0, "Scale": 1.0, "Units": ""})
    tags: dict = field(default_factory=dict)
    colour: bool = False


def write(path, images, version=4):
    """Write a file with a thumbnail before its images."""
    thumbnail = Image(np.zeros((4, 4), np.uint32), "", (1.0, 1.0), ("", ""), colour=True)
    tree = {
        "DocumentObjectList": [{"AnnotationType": 20}],
        "ImageList": [_image(image) for image in (thumbnail, *images)],
        "Thumbnails": [{"ImageIndex": 0}],
    }
    body = _group(tree, version)
    size = struct.pack(">q" if version == 4 else ">i", len(body))
    path.write_bytes(struct.pack(">i", version) + size + struct.pack(">i", 1) + body + b"\0" * 8)


def _image(image):
    # DigitalMicrograph counts axes from the fastest.
    frames = image.data.ndim - 2
    steps = [*([1.0] * frames), *image.steps]
    units = [*([""] * frames), *image.units]
    code = RGB[0] if image.colour else CODES[str(image.data.dtype)][0]
    return {
        "ImageData": {
            "Calibrations": {
                "Brightness": image.brightness,
                "Dimension": [
                    {"Origin": 0.0, "Scale": step, "Units": unit}
                    for step, unit in zip(steps[::-1], units[::-1], strict=True)
                ],
                "DisplayCalibratedUnits": True,
            },
            "Data": (image.data, RGB[1] if image.colour else CODES[str(image.data.dtype)][1]),
            "DataType": code,
            "Dimensions": [int(length) for length in image.data.shape[::-1]],
            "PixelDepth": image.data.dtype.itemsize,
        },
        "ImageTags": image.tags,
        "Name": image.name,
    }


def _number(version, value):
    return struct.pack(">q" if version == 4 else ">i", value)


def _group(tree, version, *, root=True):
    entries = list(tree.items()) if isinstance(tree, dict) else [("", value) for value in tree]
    body = b"".join(_entry(name, value, version) for name, value in entries)
    count = _number(version, len(entries))
    size = b"" if root or version == 3 else _number(version, len(body))
    return b"\1\0" + size + count + body


def _entry(name, value, version):
    header = struct.pack(">h", len(name)) + name.encode("latin-1")
    if isinstance(value, dict | list):
        return b"\x14" + header + _group(value, version, root=False)
    body = b"%%%%" + _data(value, version)
    return b"\x15" + header + (_number(version, len(body)) if version == 4 else b"") + body


def _data(value, version):
    def info(*numbers):
        return _number(version, len(numbers)) + b"".join(_number(version, number) for number in numbers)

    if isinstance(value, tuple):
        array, element = value
        elements = array.size * (2 if array.dtype.kind == "c" else 1)
        return info(20, element, elements) + array.astype(array.dtype.newbyteorder("<")).tobytes()
    if isinstance(value, str):
        return info(20, 4, len(value)) + value.encode("utf-16-le")
    if isinstance(value, bool):
        return info(8) + struct.pack("<B", value)
    if isinstance(value, int):
        return info(3) + struct.pack("<i", value)
    return info(7) + struct.pack("<d", value)
