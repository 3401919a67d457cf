"""Batch normalisation whose result does not depend on how a batch is shared among ranks."""

from typing import Any

import keras
import tensorflow as tf


class GroupedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation over groups of a fixed number of consecutive images.

    Each group is normalised by its own mean and variance (ghost batch normalisation: Hoffer, Hubara and Soudry,
    NeurIPS 2017). One process on a whole batch and several on whole groups of it therefore compute the same, without
    an exchange in every layer. The moving statistics follow the mean over the groups. Weights and inference are those
    of ``keras.layers.BatchNormalization``.

    Parameters
    ----------
    images : size of a group; the batch must be a multiple of it
    **options : those of ``keras.layers.BatchNormalization``

    Input and output shape
    ----------------------
    (batch, rows, cols, channels), with a known batch size in training
    """

    def __init__(self, images: int, **options: Any) -> None:
        super().__init__(**options)
        self.images = images

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training:
            return super().call(inputs, training=training, mask=mask)
        batch = inputs.shape[0]
        if batch is None or batch % self.images:
            raise ValueError(f"a batch of {batch} does not hold whole groups of {self.images} images")
        # TensorFlow's fused kernel passes over the data once and takes bfloat16; Keras's own operations do neither.
        groups = [
            tf.compat.v1.nn.fused_batch_norm(
                group, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
            )
            for group in tf.split(inputs, batch // self.images)
        ]
        outputs, means, variances = zip(*groups, strict=True)
        for moving, values in ((self.moving_mean, means), (self.moving_variance, variances)):
            moving.assign(moving * self.momentum + tf.add_n(values) * ((1 - self.momentum) / len(values)))
        return tf.concat(outputs, 0) if len(outputs) > 1 else outputs[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "images": self.images}
