"""Views of the simulated particles as an experiment may take them: still in the model's domain, and a bit beyond."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from heamap import params
from heamap.dataset.augment import blur_and_illuminate, contrast, draw
from heamap.imaging.effects import degrade

Image = npt.NDArray[np.floating]

BEYOND = 1.5
"""Factor by which noise and contrast may leave the training ranges: more noise by it, less dose by it."""

PIXEL_SHARE = (0.5, 1.5)
"""Pixel sizes of the views, over the model's."""

SHIFT_ANGSTROM = 6.0


@dataclass(frozen=True)
class View:
    """How one view is taken.

    Attributes
    ----------
    turn_degree : of the particle in the plane
    shift_angstrom : along rows and columns
    pixel_share : pixel size over that of the clean image
    gain, offset : of the detector, offset in shares of the image's range
    """

    turn_degree: float = 0.0
    shift_angstrom: tuple[float, float] = (0.0, 0.0)
    pixel_share: float = 1.0
    gain: float = 1.0
    offset: float = 0.0


def draw_view(rng: np.random.Generator) -> View:
    """Any turn, shifts to ``SHIFT_ANGSTROM``, any brightness, pixel sizes of ``PIXEL_SHARE``."""
    down, right = rng.uniform(-SHIFT_ANGSTROM, SHIFT_ANGSTROM, 2)
    return View(
        turn_degree=float(rng.uniform(0, 360)),
        shift_angstrom=(float(down), float(right)),
        pixel_share=float(rng.uniform(*PIXEL_SHARE)),
        gain=float(10 ** rng.uniform(0, 5)),
        offset=float(rng.uniform(0, 2)),
    )


def widened(effects: params.Effects, *, factor: float) -> params.Effects:
    """The same effects with less dose and more read-out noise, each by ``factor``, at the bad end."""
    dose, noise = effects.dose_per_square_angstrom, effects.readout_noise
    return effects.model_copy(
        update={"dose_per_square_angstrom": (dose[0] / factor, dose[1]), "readout_noise": (noise[0], noise[1] * factor)}
    )


def take(
    clean: Image,
    view: View,
    *,
    effects: params.Effects,
    augment: params.Augment,
    sampling_angstrom: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], float]:
    """Take a view of a clean image.

    Parameters
    ----------
    clean : (rows, cols) fractions of the incident beam, dark where it ends

    Returns
    -------
    image : (rows, cols) of the view's own pixels and counts
    pixel size in Angstrom
    """
    step = sampling_angstrom * view.pixel_share
    seen: Image = _moved(clean, view, sampling_angstrom)
    variation = draw(augment, pixels=clean.shape[0], crop_pixels=clean.shape[0], rng=rng)
    seen = blur_and_illuminate(seen, variation, sampling_angstrom=step)
    seen = degrade(seen, effects=effects, sampling_angstrom=step, rng=rng)
    exponent = variation.exponent ** float(rng.uniform(1, BEYOND))
    seen = contrast(seen, exponent=exponent)
    low, high = float(seen.min()), float(seen.max())
    return ((seen + view.offset * (high - low)) * view.gain).astype(np.float32), step


def _moved(clean: Image, view: View, sampling_angstrom: float) -> npt.NDArray[np.float64]:
    """Turned about the middle, shifted and read at the view's pixels by cubic splines; dark beyond the clean image."""
    size = [int((length - 1) / view.pixel_share) + 1 for length in clean.shape]
    angle = np.deg2rad(view.turn_degree)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(clean.shape) - 1) / 2
    shift = np.array(view.shift_angstrom) / sampling_angstrom
    moved = ndimage.affine_transform(
        clean.astype(np.float64),
        turn * view.pixel_share,
        offset=middle - turn @ (middle + shift),
        output_shape=tuple(size),
        order=3,
        mode="constant",
    )
    return np.maximum(moved, 0.0)
