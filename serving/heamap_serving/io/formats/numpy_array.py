"""NumPy's ``.npy``: one array, no metadata."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from heamap_serving.io.datasets import Dataset, Mapped, no_image, plain_layout


def read(path: Path, _: ExitStack) -> list[Dataset]:
    """The array, mapped; pickled objects are never loaded."""
    data = np.load(path, mmap_mode="r", allow_pickle=False)
    layout = plain_layout(data.shape)
    fault = "npy files hold no pixel size"
    return [Dataset("", Mapped(data), layout, None, fault, unsuited=no_image(data, layout, plain=True))]
