"""Panta Rhei's ``.prz``."""

from contextlib import ExitStack
from pathlib import Path

from heamap_serving.io.datasets import Dataset
from heamap_serving.io.signals import datasets_of


def read(path: Path, _: ExitStack) -> list[Dataset]:
    """The signal of a file; metadata that older versions pickled are left alone."""
    from rsciio import pantarhei

    # Not lazily: RosettaSciIO maps the bytes of the archive as if they were not compressed, which most are.
    return datasets_of(pantarhei.file_reader(str(path), lazy=False))
