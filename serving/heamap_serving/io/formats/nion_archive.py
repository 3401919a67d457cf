"""Nion Swift's ``.ndata1``: a zip file of an array and its properties."""

import json
import zipfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from heamap_serving.io.datasets import Dataset
from heamap_serving.io.formats.nion import dataset_of


def read(path: Path, _: ExitStack) -> list[Dataset]:
    """The array ``data.npy`` and what ``metadata.json`` says of it."""
    with zipfile.ZipFile(path) as archive:
        with archive.open("data.npy") as file:
            data = np.lib.format.read_array(file, allow_pickle=False)
        properties = json.loads(archive.read("metadata.json")) if "metadata.json" in archive.namelist() else {}
    return [dataset_of("", data, properties)]
