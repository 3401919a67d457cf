"""Large arrays in temporary files, so that memory does not grow with the image."""

import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

IN_MEMORY_BYTES = 2**26
"""Smaller arrays stay in memory: maps of 1800 x 1800 pixels."""


def empty(shape: tuple[int, ...], folder: Path | None = None) -> npt.NDArray[np.float32]:
    """An array of float32 to be filled, in memory where it is small, else in a nameless file that goes with it.

    Parameters
    ----------
    folder : of the file; None: that of temporary files (``TMPDIR``), which should be a disk, not memory

    Raises
    ------
    OSError : the disk has no room for it
    """
    size = int(np.prod(shape)) * 4
    if size <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile(dir=folder) as file:
        # All of it now: a disk that turns out full while the array is filled would kill the process.
        os.posix_fallocate(file.fileno(), 0, size)
        mapping = mmap.mmap(file.fileno(), size)
    return np.frombuffer(mapping, dtype=np.float32).reshape(shape)


def release(array: npt.NDArray[Any]) -> None:
    """Give the memory back that a mapped array's pages take; they are read again from the file when needed.

    Arrays in memory are left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


def row_bands(shape: tuple[int, ...], pixels: int) -> list[tuple[int, int]]:
    """Rows of an image in bands of about that many pixels: (start, stop)."""
    rows, cols = shape[:2]
    height = max(pixels // max(cols, 1), 1)
    return [(start, min(start + height, rows)) for start in range(0, rows, height)]
