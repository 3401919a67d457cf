"""Rigid registration of the frames of a series, for noisy images of lattices."""

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from heamap.errors import InputError

Image = npt.NDArray[np.float32]
Shift = tuple[float, float]

SIDE_PX = 512
"""Larger frames are reduced to about this side before they are compared."""

SMOOTH_PX = 1.5
"""Standard deviation of the low-pass: shot noise of single pixels goes, a lattice sampled for scoring stays."""

ENVELOPE_PX = 10.0
"""That of a low-pass in which no lattice is left: only particle and edges, which fit at one place alone."""

REACH_PX = 3
"""Of a step of refinement: far enough to leave a maximum by noise, less than half of a lattice vector."""

STEPS = 6
"""Of refinement at most."""

SMALL_STEP_PX = 0.03
"""Below which refinement ends."""

FARTHEST = 0.25
"""Share of the side that a frame may have moved."""

LIKE = 0.4
"""Correlation, corrected for noise, from which frames show the same."""

CHANCE = 5.0
"""Standard deviations by which the correlation of frames must exceed that of noise, sought at many places."""

TIED = 0.02
"""Correlations this near to the best are as good: of shifts by lattice vectors the smallest step is taken."""


class Registration:
    """Finds the shift of each frame onto those before it, frame by frame.

    The reference is the mean of the frames so far, each at its place, so that its noise falls with every frame and
    errors do not add up along the series. A lattice fits onto itself at every lattice vector: refinement starts where
    steady drift leads, from the place of the frame before, and from the best fits of image and envelope, which has no
    lattice, and leads to the nearest fit of each. The one with the highest correlation is taken; where several are as
    good, the nearest to steady drift.
    """

    def __init__(self) -> None:
        self._mean: Image | None = None
        self._noise = 0.0
        self._number = 0
        self._last: Shift = (0.0, 0.0)
        self._drift: Shift = (0.0, 0.0)

    def add(self, frame: Image) -> Shift:
        """Shift, in rows and columns, that moves a frame (rows, cols) onto the first.

        Raises
        ------
        InputError : it does not show what the frames before it show
        """
        reduced, factors = _reduced(frame)
        noise = _noise_variance(reduced) / (4 * np.pi * SMOOTH_PX**2)
        smooth = ndimage.gaussian_filter(reduced, SMOOTH_PX)
        smooth -= smooth.mean()
        if not smooth.any():
            raise InputError("is constant")
        if self._mean is None:
            self._mean, self._noise, self._number = smooth, noise, 1
            return 0.0, 0.0
        place = self._place(smooth, noise)
        moved = _moved(smooth, place)
        self._mean += (moved - self._mean) / np.float32(self._number + 1)
        self._noise = (self._noise * self._number**2 + noise) / (self._number + 1) ** 2
        self._drift = (place[0] - self._last[0], place[1] - self._last[1])
        self._number, self._last = self._number + 1, place
        return place[0] * factors[0], place[1] * factors[1]

    def _place(self, smooth: Image, noise: float) -> Shift:
        assert self._mean is not None
        envelopes = [ndimage.gaussian_filter(image, ENVELOPE_PX) for image in (self._mean, smooth)]
        expected = (self._last[0] + self._drift[0], self._last[1] + self._drift[1])
        places: list[Shift] = []
        for start in (expected, self._last, _measured(*envelopes), _measured(self._mean, smooth)):
            if not any(max(abs(start[0] - place[0]), abs(start[1] - place[1])) < 0.5 for place in places):
                place = self._refined(smooth, start)
                places += [place] if _near(place, smooth.shape) else []
        likeness = {place: self._likeness(smooth, place, noise) for place in places}
        best = max(likeness.values(), default=0.0)
        if best < LIKE:
            raise InputError(f"is unlike those before it (correlation {best:.2f})")
        as_good = [place for place, found in likeness.items() if found >= best - TIED]
        return min(as_good, key=lambda place: np.hypot(place[0] - expected[0], place[1] - expected[1]))

    def _refined(self, smooth: Image, start: Shift) -> Shift:
        assert self._mean is not None
        place = start
        for _ in range(STEPS):
            if not _near(place, smooth.shape):
                break
            step = _nearest_fit(self._mean, _moved(smooth, place))
            place = (place[0] + step[0], place[1] + step[1])
            if max(map(abs, step)) < SMALL_STEP_PX:
                break
        return place

    def _likeness(self, smooth: Image, place: Shift, noise: float) -> float:
        """The lower of two correlations: of the images, and of their lattices where these stand out of the noise."""
        assert self._mean is not None
        inner = tuple(_covered(length, shift) for length, shift in zip(smooth.shape, place, strict=True))
        one, other = self._mean[inner], _moved(smooth, place)[inner]
        independent = one.size / (4 * np.pi * SMOOTH_PX**2)
        if _correlation(one, other, 0.0, 0.0) < CHANCE / np.sqrt(independent):
            return 0.0
        whole = _correlation(one, other, self._noise, noise)
        one, other = (image - ndimage.gaussian_filter(image, 2 * SMOOTH_PX) for image in (one, other))
        if min(one.var() / max(self._noise, 1e-30), other.var() / max(noise, 1e-30)) < 2:
            return whole
        return min(whole, _correlation(one, other, self._noise, noise))


def _reduced(frame: Image) -> tuple[Image, tuple[float, float]]:
    """A frame of a moderate size by means of blocks, and the pixels that one of its pixels spans."""
    block = max(1, round(min(frame.shape) / SIDE_PX))
    if block == 1:
        return frame.astype(np.float32, copy=True), (1.0, 1.0)
    rows, cols = (length // block for length in frame.shape)
    blocks = frame[: rows * block, : cols * block].reshape(rows, block, cols, block)
    return blocks.mean(axis=(1, 3), dtype=np.float32), (float(block), float(block))


def _noise_variance(image: Image) -> float:
    """Variance of white noise, from second differences across the diagonals, in which smooth structure cancels."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    found = np.abs(ndimage.convolve(image, mask)[1:-1, 1:-1])
    # Of normal noise, the median of the absolute value is .6745 standard deviations; the mask multiplies them by 6.
    return float((np.median(found) / 0.6745 / 6) ** 2) if found.size else 0.0


def _moved(image: Image, shift: Shift) -> Image:
    return ndimage.shift(image, shift, order=1, mode="nearest")


def _window(shape: tuple[int, ...]) -> Image:
    """Falls to nothing at the edges, so that they do not count."""
    return np.outer(*(np.hanning(length + 2)[1:-1].astype(np.float32) for length in shape))


def _measured(reference: Image, moving: Image) -> Shift:
    """Shift of one image onto another in whole pixels, as far as it may be."""
    from skimage.registration import phase_cross_correlation

    # phase_cross_correlation seeks the largest magnitude: images are raised by their own standard deviation, so that no
    # anticorrelation, at half a lattice vector, is larger than the correlation sought.
    one, other = ((image + image.std()) * _window(image.shape) for image in (reference, moving))
    if not (one.any() and other.any()):
        return 0.0, 0.0
    # Without normalisation: the phases of frequencies that hold noise alone would count as much as those of the image.
    shift = phase_cross_correlation(one, other, normalization=None)[0]
    return float(shift[0]), float(shift[1])


def _nearest_fit(reference: Image, moving: Image) -> Shift:
    """Step of a few pixels at most, to a part of one, that fits an image best onto another."""
    window = _window(reference.shape)
    product = fft.rfft2(reference * window) * np.conj(fft.rfft2(moving * window))
    steps = np.arange(-REACH_PX, REACH_PX + 1)
    fit = fft.irfft2(product, reference.shape)[np.ix_(*(steps % length for length in reference.shape))]
    row, col = (int(index) for index in np.unravel_index(np.argmax(fit), fit.shape))
    return float(steps[row]) + _vertex(fit[:, col], row), float(steps[col]) + _vertex(fit[row], col)


def _vertex(values: npt.NDArray[np.floating], index: int) -> float:
    """Place of the vertex of the parabola through a maximum and its neighbours, from that maximum."""
    if not 0 < index < len(values) - 1:
        return 0.0
    before, at, after = (float(value) for value in values[index - 1 : index + 2])
    curvature = before - 2 * at + after
    return 0.5 * (before - after) / curvature if curvature < 0 else 0.0


def _near(place: Shift, shape: tuple[int, ...]) -> bool:
    return all(abs(shift) <= FARTHEST * length for shift, length in zip(place, shape, strict=True))


def _covered(length: int, shift: float) -> slice:
    """Rows or columns that a shifted frame covers."""
    low, high = int(np.ceil(max(shift, 0.0))), int(np.floor(min(shift, 0.0)))
    return slice(low, length + high)


def _correlation(one: Image, other: Image, noise_of_one: float, noise_of_other: float) -> float:
    """Of two images without their noise, whose variances are known; 0 where noise is all there is."""
    one, other = one - one.mean(), other - other.mean()
    variances = [
        max(float(image.var()) - noise, 0.02 * float(image.var()))
        for image, noise in ((one, noise_of_one), (other, noise_of_other))
    ]
    scale = float(np.sqrt(variances[0] * variances[1]))
    return float((one * other).mean()) / scale if scale > 0 else 0.0
