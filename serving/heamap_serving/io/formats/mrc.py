"""MRC: images and stacks with a voxel size in the header."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from heamap.errors import InputError
from heamap_serving.io.datasets import NO_PIXEL_SIZE, Dataset
from heamap_serving.io.metadata import at, number
from heamap_serving.io.signals import datasets_of

HEADER_BYTES = 1024

BIG_ENDIAN = b"\x11\x11"
"""Machine stamp, at ``STAMP``."""

STAMP = slice(212, 214)


def read(path: Path, _: ExitStack) -> list[Dataset]:
    """The image, or the stack as a series."""
    from rsciio import mrc

    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if header[STAMP] == BIG_ENDIAN:
        raise InputError("an MRC file with the bytes in reverse order (big-endian); save it little-endian")
    # None: no metadata are looked for in other files beside this one.
    signals = mrc.file_reader(str(path), lazy=True, metadata_file=None)
    return [
        replace(dataset, sampling_angstrom=None, fault=NO_PIXEL_SIZE) if not _has_pixel_size(signal) else dataset
        for signal, dataset in zip(signals, datasets_of(signals), strict=True)
    ]


def _has_pixel_size(signal: dict[str, object]) -> bool:
    """RosettaSciIO takes 1 nm where the header states no size."""
    metadata = signal["original_metadata"]
    if at(metadata, "fei_header") is not None:
        return True
    return all(number(at(metadata, f"std_header.{name}")) for name in ("Xlen", "Ylen", "MX", "MY"))
