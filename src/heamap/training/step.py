"""One step of gradient descent, shared among the ranks."""

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from heamap.network.architectures import ARCHITECTURES
from heamap.network.normalization import GroupedBatchNormalization
from heamap.params import Train
from heamap.training.horovod import World

MOMENTUM = 0.9
"""Memory of the moving statistics: Keras's .99 spans more steps than a short training has."""

Tensor = Any


def weighted_mse(
    predicted: Tensor, labels: Tensor, weights: Tensor, *, total_weight: float = 0.0, image_weight: float = 0.0
) -> Tensor:
    """Weighted squared error in squared atoms, over the elements.

    Any such quadratic form is least for the same maps, those of the expected counts. What it weighs decides what is
    learnt first: of the errors' mean square over the elements, most is of elements that one image cannot tell apart,
    and a total or a composition that is wrong in a whole image is a small part of it.

    Parameters
    ----------
    predicted, labels : (batch, rows, cols, 5)
    weights : (batch, rows, cols) of mean 1
    total_weight : of the squared error of the sum over the elements, beside those of the elements
    image_weight : of the squared weighted mean of an image's errors, beside the mean of their squares
    """
    errors = predicted - labels

    def square(errors: Tensor) -> Tensor:
        return tf.reduce_sum(tf.square(errors), -1) + total_weight * tf.square(tf.reduce_sum(errors, -1))

    pixels = tf.reduce_mean(square(errors) * weights)
    images = tf.reduce_mean(square(tf.reduce_mean(errors * weights[..., None], [1, 2])))
    return (pixels + image_weight * images) / errors.shape[-1]


def training_network(train: Train) -> keras.Model:
    """The network with the precision and the normalisation of training.

    Raises
    ------
    ValueError : ``train.mixed_precision`` is not settled (:func:`heamap.training.precision.settled`)
    """
    if train.mixed_precision == "auto":
        raise ValueError("train.mixed_precision is still to be settled")
    return ARCHITECTURES[train.network].build(
        train.filters,
        precision="mixed_bfloat16" if train.mixed_precision else "float32",
        normalization=partial(GroupedBatchNormalization, train.statistics_images, momentum=MOMENTUM),
    )


def inference_network(train: Train, weights: list[Any]) -> keras.Model:
    """The same function in float32 with plain batch normalisation, for files and export."""
    network = ARCHITECTURES[train.network].build(
        train.filters, normalization=partial(keras.layers.BatchNormalization, momentum=MOMENTUM)
    )
    network.set_weights(weights)
    return network


def learning_rate(step: int, *, steps_per_epoch: int, train: Train) -> float:
    """Rate of a step: a linear warm-up from ``learning_rate / batch`` to ``learning_rate``, then the schedule.

    By the linear scaling rule (Goyal et al., arXiv:1706.02677) a batch of n images bears n times the rate of one, and
    the warm-up starts from the rate of the unscaled batch. ``batch`` is the global one, so that the rate grows with it
    when ranks are added and it grows with them, and does not change when the same batch is shared among more ranks.
    ``cosine`` falls to zero at the last step (Loshchilov and Hutter, arXiv:1608.03983); ``constant`` stays.
    """
    warmup = train.warmup_epochs * steps_per_epoch
    progress = min(1.0, (step + 1) / warmup) if warmup else 1.0
    first = train.learning_rate / train.batch
    risen = first + (train.learning_rate - first) * progress
    if train.schedule == "constant" or step < warmup:
        return risen
    return risen * (1 + math.cos(math.pi * (step + 1 - warmup) / (train.epochs * steps_per_epoch - warmup))) / 2


class Step:
    """Trains a network with Adam on one batch at a time.

    Parameters
    ----------
    gradient_norm : largest norm of the gradient over all weights, in the loss's units; a larger one is scaled down to
        it, in its direction (Pascanu, Mikolov and Bengio, ICML 2013, arXiv:1211.5063)
    **weights : those of :func:`weighted_mse`, by name

    Attributes
    ----------
    network, optimizer : what is trained, and by what
    gradients : (images, labels, weights) -> (loss, gradients) of this rank's share; compiled by XLA if asked
    frozen : whether the statistics of the normalisation stay as they are
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        rate: float,
        xla: bool,
        world: World,
        gradient_norm: float | None = None,
        **weights: float,
    ) -> None:
        self.network = network
        self.optimizer = keras.optimizers.Adam(rate)
        self.optimizer.build(network.trainable_variables)
        self._world = world
        self._xla = xla
        self._gradient_norm = gradient_norm
        self._weights = weights
        self.frozen = False
        self._trace()

    def _trace(self) -> None:
        # Keras turns XLA on by itself where it sees a GPU: say it explicitly. Horovod's operations stay outside.
        self.gradients = tf.function(self._gradients, jit_compile=self._xla)
        self._descend = tf.function(self._apply, jit_compile=False)

    def __call__(self, images: Tensor, labels: Tensor, weights: Tensor, *, rate: float) -> Tensor:
        """Descend once on this rank's share of a batch; the loss is this rank's."""
        self.optimizer.learning_rate.assign(rate)
        return self._descend(images, labels, weights)

    def measure_statistics(self, batches: Iterable[Tensor]) -> None:
        """Set the statistics of the normalisation to those of these images, over all ranks, with the weights held.

        Parameters
        ----------
        batches : images of this rank, (batch, rows, cols, 1); as many batches on every rank
        """
        forward = tf.function(lambda images: self.network(images, training=True), jit_compile=False)
        groups = 0
        for layer in self._normalizations:
            layer.gather()
        for images in batches:
            forward(images)
            groups += len(images) // self._normalizations[0].images
        self._world.average_variables(self.statistics)
        for layer in self._normalizations:
            layer.settle(groups)

    def freeze(self) -> None:
        """From now on, normalise by the statistics as they are."""
        for layer in self._normalizations:
            layer.freeze()
        self.frozen = True
        self._trace()

    @property
    def _normalizations(self) -> list[GroupedBatchNormalization]:
        return [layer for layer in self.network.layers if isinstance(layer, GroupedBatchNormalization)]

    @property
    def statistics(self) -> list[Any]:
        """The moving statistics, which each rank gathers from its own share."""
        return list(self.network.non_trainable_variables)

    @property
    def variables(self) -> list[Any]:
        """All that another process needs to go on: the network's variables, then the optimizer's."""
        return [*self.network.variables, *self.optimizer.variables]

    def _gradients(self, images: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, list[Tensor]]:
        with tf.GradientTape() as tape:
            maps = self.network(images, training=True)
            loss = weighted_mse(maps, labels, weights, **self._weights)
        return loss, tape.gradient(loss, [variable.value for variable in self.network.trainable_variables])

    def _apply(self, images: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        loss, gradients = self.gradients(images, labels, weights)
        gradients = self._world.average(gradients)
        if self._gradient_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._gradient_norm)
        self.optimizer.apply(gradients, self.network.trainable_variables)
        return loss
