"""A network run over an image of any size, tile by tile, without seams."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Maps = npt.NDArray[np.float32]

TILE = 768
"""Side of a tile in pixels, before rounding to the stride."""


def margin(stride: int) -> int:
    """Pixels at a tile's inner border whose output is thrown away.

    The paper's network (five 3x3 convolutions a level, down and up again; Ragone et al. 2022) sees 16 strides less 11
    pixels to each side: 10 (s - 1) for the levels of both arms, 5 s for the bridge, s - 1 for the pooling.
    """
    return 16 * stride


@dataclass(frozen=True)
class Span:
    """One tile along one axis: pixels ``start`` to ``stop`` go in, ``keep_start`` to ``keep_stop`` are kept."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


@dataclass(frozen=True)
class Plan:
    """How an image is cut: the padded shape, the one tile shape, and the spans along rows and columns."""

    shape: tuple[int, int]
    tile: tuple[int, int]
    rows: tuple[Span, ...]
    cols: tuple[Span, ...]

    @property
    def tiles(self) -> int:
        return len(self.rows) * len(self.cols)


def plan(shape: tuple[int, int], *, stride: int, tile: int = TILE) -> Plan:
    """Cut an image into tiles of one shape whose corners lie on multiples of ``stride``.

    An image that fits in one tile is one tile of its own size, padded to the stride.
    """
    border = margin(stride)
    side = max(tile // stride * stride, 2 * border + stride)
    padded = tuple(-(-length // stride) * stride for length in shape)
    rows, cols = (_spans(length, min(side, length), border) for length in padded)
    return Plan((padded[0], padded[1]), (min(side, padded[0]), min(side, padded[1])), rows, cols)


def apply(network: Callable[[Maps], Maps], image: Maps, cut: Plan, channels: int) -> Maps:
    """Run a network over an image.

    Parameters
    ----------
    network : (1, rows, cols, 1) to (1, rows, cols, channels), a shape of ``cut.tile``
    image : (rows, cols); mirrored at the bottom and right up to the padded shape
    cut : of this image's shape
    channels : of the result

    Returns
    -------
    (rows, cols, channels) float32
    """
    rows, cols = image.shape
    padded = np.pad(image, ((0, cut.shape[0] - rows), (0, cut.shape[1] - cols)), mode="reflect")
    maps = np.empty((*cut.shape, channels), dtype=np.float32)
    for row in cut.rows:
        for col in cut.cols:
            tile = np.ascontiguousarray(padded[row.start : row.stop, col.start : col.stop])
            out = network(tile[None, ..., None])[0]
            maps[row.keep_start : row.keep_stop, col.keep_start : col.keep_stop] = out[
                row.keep_start - row.start : row.keep_stop - row.start,
                col.keep_start - col.start : col.keep_stop - col.start,
            ]
    return maps[:rows, :cols]


def _spans(length: int, side: int, border: int) -> tuple[Span, ...]:
    if length == side:
        return (Span(0, length, 0, length),)
    starts = [*range(0, length - side, side - 2 * border), length - side]
    edges = [0, *(start + border for start in starts[1:]), length]
    return tuple(
        Span(start, start + side, low, high) for start, low, high in zip(starts, edges, edges[1:], strict=False)
    )
