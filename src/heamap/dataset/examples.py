"""A stored sample as the network sees it."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from heamap.dataset import augment
from heamap.imaging.effects import degrade, drawn
from heamap.imaging.normalize import background_level, energy_factor, normalize, square_means
from heamap.params import Effects, Params
from heamap.seeds import Stream, generator

if TYPE_CHECKING:
    import pandas as pd

    from heamap.dataset.store import Dataset

Positions = npt.NDArray[np.floating]


def example(
    dataset: "Dataset", sample: int, *, params: Params, epoch: int | None, in_field: bool = True
) -> tuple[npt.NDArray[np.float32], "pd.DataFrame"]:
    """The network's input for a sample, and the columns in it.

    Parameters
    ----------
    epoch : draws augmentation, crop and effects for training; None gives the whole field with the sample's fixed
        effects and no augmentation, the form for validation, test and export
    in_field : leave out columns beyond the input's edges

    Returns
    -------
    input : (side, side, 1) float32
    columns : as stored, with row, col and in_field of this input
    """
    columns = dataset.columns(sample, in_field=False)
    image, positions = render(
        dataset.image(sample),
        columns[["row", "col"]].to_numpy(),
        sample,
        params=params,
        epoch=epoch,
        energy_ev=dataset.energy_ev(sample),
    )
    inside = ((positions >= 0) & (positions <= image.shape[0] - 1)).all(axis=-1)
    columns = columns.assign(row=positions[:, 0], col=positions[:, 1], in_field=inside)
    return image, columns[inside].reset_index(drop=True) if in_field else columns


def detected(
    clean: npt.NDArray[np.float32], sample: int, *, params: Params, energy_ev: float
) -> npt.NDArray[np.float32]:
    """A clean image with the sample's fixed effects, as the detector records it.

    Parameters
    ----------
    clean : (rows, cols) fractions of the incident beam
    energy_ev : of the beam

    Returns
    -------
    (rows, cols) fractions of the incident beam, as the parameters have them told (:func:`as_told`)
    """
    rng = generator(params.base.seed, Stream.EFFECTS, sample)
    seen = degrade(clean, effects=params.train.effects, sampling_angstrom=params.base.sampling_angstrom, rng=rng)
    return as_told(seen, energy_ev, params=params)


def render(
    clean: npt.NDArray[np.float32],
    positions: Positions,
    sample: int,
    *,
    params: Params,
    epoch: int | None,
    energy_ev: float,
) -> tuple[npt.NDArray[np.float32], Positions]:
    """Input and column positions from a clean image.

    The order is that of an experiment: the particle is turned and the optics blur before the scan, whose lines always
    run along the rows; the display's contrast comes after the digitiser and before the normalisation.

    Parameters
    ----------
    clean : (pixels, pixels) fractions of the incident beam
    positions : (n, 2) row and column in pixels
    sample, epoch : see :func:`example`
    energy_ev : of the beam

    Returns
    -------
    input : (side, side, 1) float32
    positions : (n, 2) in pixels of the input
    """
    sampling, train = params.base.sampling_angstrom, params.train
    if epoch is None:
        rng = generator(params.base.seed, Stream.EFFECTS, sample)
        return observed(clean, train.effects, params=params, rng=rng, energy_ev=energy_ev), positions
    index = (epoch, sample)
    variation = augment.draw(
        train.augment,
        pixels=clean.shape[0],
        crop_pixels=train.crop_pixels,
        rng=generator(params.base.seed, Stream.AUGMENT, *index),
    )
    image, positions = augment.turn(clean, positions, quarters=variation.quarters, mirror=variation.mirror)
    image = augment.blur_and_illuminate(image, variation, sampling_angstrom=sampling)
    rng = generator(params.base.seed, Stream.EFFECTS, *index)
    image = degrade(image, effects=train.effects, sampling_angstrom=sampling, rng=rng)
    image = as_told(image, energy_ev, params=params)
    image = augment.contrast(image, exponent=variation.exponent)
    image = normalize(image, kind=train.normalization, sampling_angstrom=sampling)
    image, positions = augment.crop(image, positions, corner=variation.corner, side=train.crop_pixels)
    return image[..., None], positions


def observed(
    clean: npt.NDArray[np.float32], effects: Effects, *, params: Params, rng: np.random.Generator, energy_ev: float
) -> npt.NDArray[np.float32]:
    """The network's input (pixels, pixels, 1) of a clean image (pixels, pixels): degraded and normalised."""
    sampling = params.base.sampling_angstrom
    seen = degrade(clean, effects=effects, sampling_angstrom=sampling, rng=rng)
    seen = as_told(seen, energy_ev, params=params)
    return normalize(seen, kind=params.train.normalization, sampling_angstrom=sampling)[..., None]


def as_told(image: npt.NDArray[np.float32], energy_ev: float, *, params: Params) -> npt.NDArray[np.float32]:
    """Fractions of the incident beam without background and at the standard energy, where the parameters ask for it."""
    most, exponent = params.train.background_most, params.train.energy_exponent
    if most is not None:
        means = square_means(image, sampling_angstrom=params.base.sampling_angstrom)
        image = image - np.float32(background_level(means, most=most))
    return image if exponent is None else image * np.float32(energy_factor(energy_ev, exponent))


def drawn_effects(clean: npt.NDArray[np.float32], sample: int, *, params: Params) -> Effects:
    """A sample's fixed effects, those of :func:`render` without an epoch, as ranges of no width: its dose among them.

    Parameters
    ----------
    clean : (pixels, pixels) fractions of the incident beam
    """
    rng = generator(params.base.seed, Stream.EFFECTS, sample)
    return drawn(clean, effects=params.train.effects, sampling_angstrom=params.base.sampling_angstrom, rng=rng)
