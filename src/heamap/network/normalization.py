"""Batch normalisation whose result does not depend on how a batch is shared among ranks."""

from enum import Enum
from typing import Any

import keras
import tensorflow as tf


class Statistics(Enum):
    """Where a layer in training takes mean and variance from, and what becomes of its moving statistics."""

    OF_GROUPS = "groups"
    """From each group of images; the moving statistics follow."""
    GATHERED = "gathered"
    """From each group of images; the moving statistics sum up means and second moments."""
    FROZEN = "frozen"
    """From the moving statistics, which stay: training computes what inference does."""


class GroupedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation over groups of a fixed number of consecutive images.

    Each group is normalised by its own mean and variance (ghost batch normalisation: Hoffer, Hubara and Soudry,
    NeurIPS 2017). One process on a whole batch and several on whole groups of it therefore compute the same, without
    an exchange in every layer. The moving statistics follow the mean over the groups. Weights and inference are those
    of ``keras.layers.BatchNormalization``.

    Inference normalises by one mean and variance for all images, training by those of a few: where images differ, as
    calibrated ones of thick and thin particles do, these are two functions. :meth:`gather`, :meth:`settle` and
    :meth:`freeze` measure the statistics of the whole training split with the weights held, and train on with them
    (Wu and Johnson, arXiv:2105.07576).

    Parameters
    ----------
    images : size of a group; the batch must be a multiple of it
    **options : those of ``keras.layers.BatchNormalization``

    Attributes
    ----------
    statistics : what training uses; a function traced before a change of it keeps what it was traced with

    Input and output shape
    ----------------------
    (batch, rows, cols, channels), with a known batch size in training
    """

    def __init__(self, images: int, **options: Any) -> None:
        super().__init__(**options)
        self.images = images
        self.statistics = Statistics.OF_GROUPS

    def gather(self) -> None:
        """From now on, sum up the groups' means and second moments in the moving statistics."""
        self.statistics = Statistics.GATHERED
        for moving in (self.moving_mean, self.moving_variance):
            moving.assign(tf.zeros_like(moving.value))

    def settle(self, groups: int) -> None:
        """Turn the sums over so many groups into the mean and the variance of all their pixels."""
        mean, square = self.moving_mean.value / groups, self.moving_variance.value / groups
        self.moving_mean.assign(mean)
        self.moving_variance.assign(tf.maximum(square - tf.square(mean), 0.0))

    def freeze(self) -> None:
        """From now on, normalise by the moving statistics in training too, and keep them."""
        self.statistics = Statistics.FROZEN

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training:
            return super().call(inputs, training=training, mask=mask)
        # TensorFlow's fused kernel passes over the data once and takes bfloat16; Keras's own operations do neither.
        if self.statistics is Statistics.FROZEN:
            return tf.compat.v1.nn.fused_batch_norm(
                inputs,
                self.gamma.value,
                self.beta.value,
                mean=self.moving_mean.value,
                variance=self.moving_variance.value,
                epsilon=self.epsilon,
                is_training=False,
            )[0]
        batch = inputs.shape[0]
        if batch is None or batch % self.images:
            raise ValueError(f"a batch of {batch} does not hold whole groups of {self.images} images")
        groups = [
            tf.compat.v1.nn.fused_batch_norm(
                group, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
            )
            for group in tf.split(inputs, batch // self.images)
        ]
        outputs, means, variances = zip(*groups, strict=True)
        if self.statistics is Statistics.GATHERED:
            squares = [variance + tf.square(mean) for mean, variance in zip(means, variances, strict=True)]
            self.moving_mean.assign_add(tf.add_n(means))
            self.moving_variance.assign_add(tf.add_n(squares))
        else:
            for moving, values in ((self.moving_mean, means), (self.moving_variance, variances)):
                moving.assign(moving * self.momentum + tf.add_n(values) * ((1 - self.momentum) / len(values)))
        return tf.concat(outputs, 0) if len(outputs) > 1 else outputs[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "images": self.images}
