"""MRC of 1024 bytes of header and the frames."""

import struct

import numpy as np

MODES = {"int16": 1, "float32": 2, "uint16": 6, "complex64": 4}


def write(path, frames, step_angstrom=(0.15, 0.2), *, fei_step_m=None, big_endian=False):
    """Frames (n, rows, cols); with FEI's extended header where ``fei_step_m`` is given, without a size for None."""
    number, rows, cols = frames.shape
    header = bytearray(1024)
    struct.pack_into("<4I", header, 0, cols, rows, number, MODES[str(frames.dtype)])
    struct.pack_into("<3I", header, 28, cols, rows, number)
    if step_angstrom is not None:
        struct.pack_into("<3f", header, 40, cols * step_angstrom[1], rows * step_angstrom[0], number)
    extended = b""
    if fei_step_m is not None:
        table = np.zeros((1024, 32), "<f4")
        table[:number, 0], table[:number, 1], table[:number, 11] = 10.0, -1.0, fei_step_m
        extended = table.tobytes()
        struct.pack_into("<I", header, 92, len(extended))
    header[208:212] = b"MAP "
    header[212:216] = b"\x11\x11\0\0" if big_endian else b"\x44\x44\0\0"
    path.write_bytes(bytes(header) + extended + np.ascontiguousarray(frames).tobytes())
