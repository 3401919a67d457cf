"""HyperSpy's zarr form, which is told by name and not read."""

from contextlib import ExitStack
from pathlib import Path

from heamap.errors import InputError
from heamap_serving.io.datasets import Dataset

UNSUPPORTED = (
    "a .zspy signal (HyperSpy's zarr form), which heamap does not read: open it in HyperSpy and save it as .hspy, "
    "which holds the same"
)
"""RosettaSciIO's reader needs zarr 2, which excludes zarr 3."""


def read(_: Path, __: ExitStack) -> list[Dataset]:
    """Refuse a file; a zspy signal may be a folder or a zip file."""
    raise InputError(UNSUPPORTED)
