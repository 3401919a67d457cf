"""The ways in which a model looks at one image before it takes the mean of what it saw."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.float32]

Step = Literal["transpose", "flip_rows", "flip_cols"]
"""Each undoes itself."""

Orientation = tuple[Step, ...]
"""Taken one after the other; from last to first they lead back."""

AXES: dict[Step, int] = {"flip_rows": 1, "flip_cols": 2}
"""Of images and maps (batch, rows, cols, channels)."""

AVERAGED: dict[int, tuple[Orientation, ...]] = {
    1: ((),),
    2: ((), ("transpose",)),
    # As it is and turned by a half, by a quarter and by three: opposite ones are added to each other first, so that the
    # mean has the same bits however the image lies.
    4: ((), ("flip_rows", "flip_cols"), ("transpose", "flip_rows"), ("transpose", "flip_cols")),
}
"""By ``evaluate.orientations``. Each is a group: the mean does not depend on which of them an image lies in."""


def orient(images: Images, steps: Iterable[Step]) -> Images:
    """Images or maps (batch, rows, cols, channels) after these steps; a view."""
    for step in steps:
        images = images.swapaxes(1, 2) if step == "transpose" else np.flip(images, AXES[step])
    return images
