"""The networks by the names that ``train.network`` knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from heamap.network import fcn, folded, patched


@dataclass(frozen=True)
class Architecture:
    """How a network is built from the channels of its levels, and what the scorer must know of it.

    Attributes
    ----------
    build : as :func:`heamap.network.fcn.build`
    stride : what the sides of an image must be a multiple of
    reach : pixels to each side of a pixel of the maps that it depends on
    """

    build: Callable[..., keras.Model]
    stride: Callable[[Sequence[int]], int]
    reach: Callable[[Sequence[int]], int]


ARCHITECTURES = {
    "fcn": Architecture(fcn.build, fcn.stride, fcn.reach),
    "folded": Architecture(folded.build, folded.stride, folded.reach),
    "patched": Architecture(patched.build, patched.stride, patched.reach),
}
