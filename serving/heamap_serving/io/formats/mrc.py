"""MRC: images and stacks with a voxel size in the header."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from heamap.acquisition import Acquisition
from heamap.errors import InputError
from heamap_serving.io.acquisition_metadata import tilt
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
    return [_described(dataset, signal) for dataset, signal in zip(datasets_of(signals), signals, strict=True)]


def _described(dataset: Dataset, signal: Mapping[str, Any]) -> Dataset:
    """With the tilt of FEI's header, which has one a frame, and without a pixel size that RosettaSciIO made up."""
    header = signal["original_metadata"]
    alpha, beta = (np.ravel(at(header, f"fei_header.{name}"))[:1].tolist() for name in ("a_tilt", "b_tilt"))
    if alpha and beta and (angles := tilt(number(alpha[0]), number(beta[0]))):
        dataset = replace(dataset, known=dataset.known.over(Acquisition.stated("file", tilt_degree=angles)))
    if _has_pixel_size(header):
        return dataset
    return replace(dataset, sampling_angstrom=None, fault=NO_PIXEL_SIZE)


def _has_pixel_size(header: Mapping[str, Any]) -> bool:
    """RosettaSciIO takes 1 nm where the header states no size."""
    if at(header, "fei_header") is not None:
        return True
    return all(number(at(header, f"std_header.{name}")) for name in ("Xlen", "Ylen", "MX", "MY"))
