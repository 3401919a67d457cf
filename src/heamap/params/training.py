"""Parameters of training: the network, its optimiser, and what an image suffers."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from heamap.checking import Block, Count, Fraction, NonNegative, NonNegativeRange, Positive, PositiveRange


class Effects(Block):
    """Ranges of the experimental effects, drawn anew for each image and epoch."""

    dose_per_square_angstrom: PositiveRange
    source_fwhm_angstrom: NonNegativeRange
    background_fraction: NonNegativeRange
    """Support and contamination, as fractions of the incident beam."""
    pixel_jitter_angstrom: NonNegativeRange
    line_jitter_angstrom: NonNegativeRange
    drift_fraction: NonNegativeRange
    """Field distortion by linear drift: displacement over the frame as a share of the frame."""
    readout_noise: NonNegativeRange
    """Gaussian noise of the read-out in fractions of the image's own maximum."""
    bits: Annotated[int, Field(ge=0, le=32)]
    """Quantisation of the digitiser; 0 leaves the values alone."""


class Augment(Block):
    contrast: PositiveRange
    """Exponent on the normalised image."""
    illumination: NonNegative
    """Largest relative slope of brightness across the field."""
    blur_sigma_angstrom: NonNegativeRange
    symmetry: bool
    """Quarter turns and flips."""


class Train(Block):
    ranks: Count
    epochs: Count
    batch: Count
    """Global batch: shared among the ranks."""
    crop_pixels: Annotated[int, Field(ge=32, multiple_of=8)]
    """Side of the random crop that one training example is; at most ``base.pixels``."""
    learning_rate: Positive
    warmup_epochs: NonNegative
    schedule: Literal["constant", "cosine"]
    """Of the learning rate after the warm-up; the paper's is constant."""
    gradient_norm: Positive | None
    """What the gradient of a step, over all weights and ranks, is scaled down to where it is larger; null: it is not.
    A network without normalisation needs it: one steep step leads to steeper ones, until the loss is no number."""
    patience: Count
    """Epochs without a better validation loss before every rank stops."""
    network: Literal["fcn", "folded", "patched"]
    """``fcn`` as in the paper; ``folded`` runs on squares of 2 x 2 pixels, so that wider filters cost the same;
    ``patched`` on patches of 8 x 8, with residual blocks and without normalisation."""
    filters: Annotated[tuple[Count, ...], Field(min_length=2)]
    """Channels of the encoder levels, then of the bridge."""
    statistics_images: Count
    """Images that are batch-normalised together; every rank's share of a batch is a multiple of it."""
    frozen_epochs: Annotated[int, Field(ge=0)]
    """Last epochs, in which every image is normalised by statistics of the whole training split, as in use."""
    label_sigma_angstrom: Positive
    loss: Literal["mse", "weighted_mse", "column_mse"]
    """``mse`` as in the paper; ``weighted_mse`` gives columns and background the same say; ``column_mse`` weighs pixels
    by what their errors do to the counts."""
    total_weight: NonNegative
    """Of the squared error of the total, beside those of the five elements; the paper's is 0."""
    image_weight: NonNegative
    """Of the squared mean error of an image, beside the mean squared error of its pixels; the paper's is 0."""
    normalization: Literal["local", "absolute"]
    energy_exponent: Positive | None
    """Images of ``absolute`` normalisation are brought to one beam energy, by brightness falling as this power of it
    (``heamap.imaging.normalize.energy_factor``); null: the energy is not used, and a micrograph's need not be known."""
    background_most: Positive | None
    """Of images of ``absolute`` normalisation the level of the darkest squares is taken off, where it is no more than
    this fraction of the beam, the brightest background that ``effects`` draws
    (``heamap.imaging.normalize.background_level``); null: nothing is."""
    mixed_precision: bool | Literal["auto"]
    """Products in bfloat16, weights in float32; ``auto``: where the machine has such products."""
    xla: bool
    augment: Augment
    effects: Effects

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        if self.batch % self.ranks:
            raise ValueError(f"train.batch {self.batch} cannot be shared by {self.ranks} ranks")
        if (self.batch // self.ranks) % self.statistics_images:
            raise ValueError(
                f"a rank's share of {self.batch // self.ranks} images is not a multiple of train.statistics_images "
                f"{self.statistics_images}"
            )
        if self.frozen_epochs > self.epochs:
            raise ValueError(f"train.frozen_epochs {self.frozen_epochs} are more than train.epochs {self.epochs}")
        if self.frozen_epochs and self.network == "patched":
            raise ValueError(f"train.frozen_epochs {self.frozen_epochs}: patched normalises by no statistics; set 0")
        for name in ("energy_exponent", "background_most"):
            if getattr(self, name) is not None and self.normalization != "absolute":
                raise ValueError(f"train.{name} needs train.normalization absolute; with local it changes nothing")
        if self.crop_pixels % self.stride:
            raise ValueError(
                f"train.crop_pixels {self.crop_pixels} is not a multiple of {self.stride}, as {len(self.filters)} "
                f"levels of train.filters need in the network {self.network}"
            )
        return self

    @property
    def stride(self) -> int:
        """What the sides of an image must be a multiple of: every level below the first halves them, after folding."""
        folded = {"fcn": 1, "folded": 2, "patched": 8}[self.network]
        return int(folded * 2 ** (len(self.filters) - 1))


class Columns(Block):
    """The network on columns, which counts beside the network on pixels (``heamap.columns``)."""

    epochs: Annotated[int, Field(ge=0)]
    """0: there is none, and counts are read off the maps alone."""
    batch: Count
    """Images."""
    learning_rate: Positive
    weight: Fraction
    """Of its counts in the counts that are given, beside those off the maps; of no say in its training."""

    @property
    def counts(self) -> bool:
        """Whether there is such a network, and it has a say."""
        return self.epochs > 0 and self.weight > 0
