"""TIA's ser and emi."""

import struct

import numpy as np

CODES = {"uint8": 1, "uint16": 2, "int16": 5, "int32": 6, "float32": 7}


def write_ser(path, frames, step_m=(1.5e-11, 2e-11), *, finished=None):
    """Frames (n, rows, cols), of which so many were finished."""
    number, (rows, cols) = len(frames), frames.shape[1:]
    finished = number if finished is None else finished
    head = struct.pack("<HHHIIII", 0x4949, 0x0197, 0x0210, 0x4122, 0x4152, number, finished)
    units, words = b"", b"Number"
    dimension = struct.pack("<IddII", number, 0.0, 1.0, 0, len(words)) + words + struct.pack("<I", len(units)) + units
    table = len(head) + 8 + len(dimension)
    first = table + 8 * number
    element = 50 + frames[0].nbytes
    offsets = [first + index * (element + 8) for index in range(number)]
    tags = [offset + element for offset in offsets]
    body = head + struct.pack("<II", table, 1) + dimension
    body += struct.pack(f"<{2 * number}I", *offsets, *tags)
    for frame in frames[:finished]:
        body += struct.pack("<ddIddIHII", 0.0, step_m[1], 0, 0.0, step_m[0], 0, CODES[str(frame.dtype)], cols, rows)
        # The rows of a file run upwards.
        body += np.ascontiguousarray(frame[::-1]).tobytes() + struct.pack("<HHI", 0x4152, 0, 1_500_000_000)
    path.write_bytes(body)


def write_emi(path, objects):
    """Experimental conditions ({label: (value, unit)}) and tags ({tag: text}) of each object."""
    text = "junk\x00\x01"
    for conditions, tags in objects:
        data = "".join(
            f"<Data><Label>{label}</Label><Value>{value}</Value><Unit>{unit}</Unit></Data>"
            for label, (value, unit) in conditions.items()
        )
        inner = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags.items())
        text += (
            f"<ObjectInfo><ExperimentalDescription><Root>{data}</Root></ExperimentalDescription>"
            f"<AcquireInfo>{inner}</AcquireInfo><AcquireDate>?</AcquireDate></ObjectInfo>\x00more"
        )
    path.write_bytes(text.encode())
