"""Resampling to the model's pixel size."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

LOBES = 3
"""Lobes of the windowed sinc on each side: Lanczos-3."""


class Resampler:
    """Resamples an image to square pixels, without aliasing, in bands of rows.

    Each axis is filtered with a Lanczos kernel (Duchon, J. Appl. Meteorol. 18, 1016 (1979)) cut at the coarser of the
    two sampling limits; at the border its weights are renormalised. Centres of the first pixels coincide: pixel k of
    the result lies at k * target / step of the image.

    Parameters
    ----------
    shape : (rows, cols) of the image
    steps : its pixel size along rows and columns
    target : pixel size of the result, in the same unit
    """

    def __init__(self, shape: tuple[int, int], *, steps: tuple[float, float], target: float) -> None:
        self._rows, self._cols = (
            None if math.isclose(step, target, rel_tol=1e-6) else _weights(length, target / step)
            for length, step in zip(shape, steps, strict=True)
        )
        self.shape = (
            shape[0] if self._rows is None else self._rows.shape[0],
            shape[1] if self._cols is None else self._cols.shape[0],
        )
        self.changes = self._rows is not None or self._cols is not None

    def sources(self, start: int, stop: int) -> tuple[int, int]:
        """Rows of the image that rows ``start`` to ``stop`` of the result are made of: first, and one past the last."""
        if self._rows is None:
            return start, stop
        used = self._rows.indices[self._rows.indptr[start] : self._rows.indptr[stop]]
        return int(used.min()), int(used.max()) + 1

    def band(self, start: int, stop: int, source: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Rows ``start`` to ``stop`` of the result from the rows of the image that ``sources`` names."""
        found: Any = source
        if self._rows is not None:
            first, last = self.sources(start, stop)
            found = self._rows[start:stop][:, first:last] @ found
        if self._cols is not None:
            found = (self._cols @ found.T).T
        return np.ascontiguousarray(found, dtype=np.float32)


def resample(image: npt.NDArray[np.float32], *, steps: tuple[float, float], target: float) -> npt.NDArray[np.float32]:
    """An image (rows, cols) in memory, resampled at once; see :class:`Resampler`."""
    resampler = Resampler((image.shape[0], image.shape[1]), steps=steps, target=target)
    first, last = resampler.sources(0, resampler.shape[0])
    return resampler.band(0, resampler.shape[0], image[first:last])


def resampled_length(length: int, ratio: float) -> int:
    """Pixels along an axis after resampling; ``ratio`` is the new step over the old."""
    return math.floor((length - 1) / ratio + 1e-9) + 1


def _weights(length: int, ratio: float) -> sparse.csr_array:
    """(new, old) sparse matrix of the kernel's weights; rows sum to 1."""
    new = resampled_length(length, ratio)
    stretch = max(ratio, 1.0)
    reach = math.ceil(LOBES * stretch)
    positions = np.arange(new) * ratio
    sources = np.floor(positions).astype(np.int64)[:, None] + np.arange(-reach + 1, reach + 1)[None, :]
    distance = (sources - positions[:, None]) / stretch
    values = np.sinc(distance) * np.sinc(distance / LOBES)
    values[(np.abs(distance) >= LOBES) | (sources < 0) | (sources >= length)] = 0.0
    values /= values.sum(axis=1, keepdims=True)
    targets = np.broadcast_to(np.arange(new)[:, None], sources.shape)
    used = values != 0
    return sparse.csr_array((values[used].astype(np.float32), (targets[used], sources[used])), shape=(new, length))
