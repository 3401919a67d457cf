"""A network run over an image of any size, tile by tile, without seams."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap_serving import scratch

Maps = npt.NDArray[np.float32]

Read = Callable[[slice, slice], Maps]
"""Part (rows, cols) of an image."""

TILE_PIXELS = 1536 * 1536
"""Most pixels of a tile. The workstation's network takes 250 bytes for each (measured), the paper's twice that."""

GPU_TILE = 1024
"""Side of every tile on a GPU, where each new shape is planned for anew."""


def margin(stride: int, reach: int | None = None) -> int:
    """Pixels at a tile's inner border whose output is thrown away: as far as the network sees, in whole strides.

    Corners of tiles lie on multiples of the stride.

    Parameters
    ----------
    reach : pixels to each side that the network sees; None: those of the paper's network (five 3x3 convolutions a
        level, down and up again; Ragone et al. 2022), 16 strides less 11: 10 (s - 1) for the levels of both arms, 5 s
        for the bridge, s - 1 for the pooling
    """
    seen = 16 * stride - 11 if reach is None else reach
    return math.ceil(seen / stride) * stride


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


def plan(
    shape: tuple[int, int],
    *,
    stride: int,
    reach: int | None = None,
    pixels: int = TILE_PIXELS,
    side: int | None = None,
) -> Plan:
    """Cut an image into tiles of one shape whose corners lie on multiples of ``stride``.

    Of all the ways to cut it into equal tiles of at most ``pixels`` the one with the least work; an image that fits is
    one tile of its own size, padded to the stride.

    Parameters
    ----------
    shape : rows, cols
    reach : see :func:`margin`
    side : of square tiles instead, whatever the image, but no larger than it
    """
    border = margin(stride, reach)
    padded = tuple(-(-length // stride) * stride for length in shape)
    if side is None:
        rows_side, cols_side = _least_work(padded, border, stride, pixels)
    else:
        least = max(side // stride * stride, 2 * border + stride)
        rows_side, cols_side = (min(least, length) for length in padded)
    return Plan(
        (padded[0], padded[1]),
        (rows_side, cols_side),
        _spans(padded[0], rows_side, border),
        _spans(padded[1], cols_side, border),
    )


def run(network: Callable[[Maps], Maps], read: Read, cut: Plan, maps: Maps) -> None:
    """Run a network over an image, tile by tile.

    Parameters
    ----------
    network : (1, rows, cols, 1) to (1, rows, cols, channels), a shape of ``cut.tile``
    read : of the image; beyond its bottom and right it is mirrored up to the padded shape
    cut : of this image's shape
    maps : (rows, cols, channels) of the image, to be filled
    """
    rows, cols = maps.shape[:2]
    for row in cut.rows:
        for col in cut.cols:
            tile = read(slice(row.start, min(row.stop, rows)), slice(col.start, min(col.stop, cols)))
            missing = [(0, side - length) for side, length in zip(cut.tile, tile.shape, strict=True)]
            tile = np.ascontiguousarray(np.pad(tile, missing, mode="reflect"))
            out = network(tile[None, ..., None])[0]
            below, right = min(row.keep_stop, rows), min(col.keep_stop, cols)
            maps[row.keep_start : below, col.keep_start : right] = out[
                row.keep_start - row.start : below - row.start, col.keep_start - col.start : right - col.start
            ]
            scratch.release(maps)


def apply(network: Callable[[Maps], Maps], image: Maps, cut: Plan, channels: int) -> Maps:
    """Maps (rows, cols, channels) of an image (rows, cols) in memory; see :func:`run`."""
    maps = np.empty((*image.shape, channels), dtype=np.float32)
    run(network, lambda rows, cols: image[rows, cols], cut, maps)
    return maps


def _least_work(padded: tuple[int, ...], border: int, stride: int, pixels: int) -> tuple[int, int]:
    """Sides of the tiles that together have the fewest pixels."""
    ways = [_ways(length, border, stride, pixels) for length in padded]
    fitting = [
        (rows * cols * down * right, down, right)
        for rows, down in ways[0]
        for cols, right in ways[1]
        if down * right <= pixels
    ]
    if not fitting:
        return ways[0][-1][1], ways[1][-1][1]
    return min(fitting)[1:]


def _ways(length: int, border: int, stride: int, pixels: int) -> list[tuple[int, int]]:
    """How many tiles along an axis and how long each is, from one downward in length."""
    ways = [(1, length)]
    least = min(max(math.isqrt(pixels) // 2 // stride * stride, 2 * border + stride), length)
    while ways[-1][1] > least:
        number = ways[-1][0] + 1
        side = -(-(length + 2 * border * (number - 1)) // (number * stride)) * stride
        if side >= ways[-1][1]:
            break
        ways.append((number, side))
    return ways


def _spans(length: int, side: int, border: int) -> tuple[Span, ...]:
    if length == side:
        return (Span(0, length, 0, length),)
    starts = [*range(0, length - side, side - 2 * border), length - side]
    edges = [0, *(start + border for start in starts[1:]), length]
    return tuple(
        Span(start, start + side, low, high) for start, low, high in zip(starts, edges, edges[1:], strict=False)
    )
