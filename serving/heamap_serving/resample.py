"""Resampling to the model's pixel size."""

import math

import numpy as np
import numpy.typing as npt
from scipy import sparse

LOBES = 3
"""Lobes of the windowed sinc on each side: Lanczos-3."""


def resample(image: npt.NDArray[np.float32], *, steps: tuple[float, float], target: float) -> npt.NDArray[np.float32]:
    """Resample an image to square pixels, without aliasing.

    Each axis is filtered with a Lanczos kernel (Duchon, J. Appl. Meteorol. 18, 1016 (1979)) cut at the coarser of the
    two sampling limits; at the border its weights are renormalised. Centres of the first pixels coincide: pixel k of
    the result lies at k * target / step of the image.

    Parameters
    ----------
    image : (rows, cols)
    steps : pixel size along rows and columns
    target : pixel size of the result, in the same unit

    Returns
    -------
    (rows, cols) float32
    """
    for axis, step in enumerate(steps):
        if not math.isclose(step, target, rel_tol=1e-6):
            weights = _weights(image.shape[axis], target / step)
            image = weights @ image if axis == 0 else (weights @ image.T).T
    return np.ascontiguousarray(image, dtype=np.float32)


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
