"""Training of the network on columns."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from heamap.columns import network
from heamap.columns.examples import Columns, Examples, batches, together
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.column_network import INPUTS
from heamap.evaluation.metrics import r2
from heamap.evaluation.targets import TARGETS, with_sums
from heamap.params import Params
from heamap.seeds import Stream, generator

WARMUP_STEPS = 200
GRADIENT_NORM = 5.0
WEIGHT_DECAY = 1e-4

SCALE_IMAGES = 64
"""Training images, in their fixed form, whose columns set the scale of the features."""

FORMS = (
    *((weight, (symbol,)) for symbol, weight in zip(ELEMENTS, (1.0, 0.2, 0.8, 0.2, 0.2), strict=True)),
    (0.8, ("Ni", "Co", "Fe")),
    (0.8, ELEMENTS),
)
"""Sums of elements whose squared errors the loss adds up, and their weights. Any such form is least for the expected
counts; the weights say what is learnt first: heavy, middle and light atoms and the total, which an image tells, before
Ni, Co and Fe apart, which it hardly does."""

Report = Callable[[int, dict[str, float]], None]
"""Told the number of each finished epoch and its metrics."""


@dataclass(frozen=True)
class Fitted:
    """A trained network, and the metrics by epoch."""

    network: keras.Model
    history: list[dict[str, float]]


def fit(params: Params, examples: Examples, *, threads: int, report: Report) -> Fitted:
    """Train on the training split to the last epoch; the same bits for the same parameters, data and machine.

    Raises
    ------
    InputError : fewer training samples than one batch; the loss is not finite
    """
    settings, samples = params.columns, examples.dataset.split("train")
    steps = len(samples) // settings.batch
    if not steps:
        raise InputError(f"columns.batch {settings.batch} is more than the {len(samples)} training samples; lower it")
    keras.utils.set_random_seed(int(generator(params.base.seed, Stream.WEIGHTS, 1).integers(2**31)))
    tf.config.experimental.enable_op_determinism()
    scale = together(examples.make(int(sample), None) for sample in samples[:SCALE_IMAGES]).around.features
    model = network.build(scale.mean(0), scale.var(0))
    step, predict = Step(model, total=settings.epochs * steps, rate=settings.learning_rate), inference(model)
    held_out = [examples.make(int(sample), None) for sample in examples.dataset.split("validation")]
    following = batches(examples, samples, batch=settings.batch, epochs=settings.epochs, threads=threads)
    history = []
    for epoch in range(settings.epochs):
        losses = [float(step(next(following))) for _ in range(steps)]
        metrics = {"columns_loss": float(np.mean(losses)), **validate(predict, held_out)}
        if not np.isfinite(metrics["columns_loss"]):
            raise InputError(f"the loss is no number in epoch {epoch + 1}; lower columns.learning_rate")
        history.append(metrics)
        report(epoch, metrics)
    return Fitted(model, history)


class Step:
    """Trains a network by AdamW (Loshchilov and Hutter, arXiv:1711.05101), its rate a cosine after a warm-up."""

    def __init__(self, model: keras.Model, *, total: int, rate: float) -> None:
        warmup = min(WARMUP_STEPS, total // 4)
        self._rates = [
            rate * min(1.0, (number + 1) / max(warmup, 1)) * (1 + math.cos(math.pi * number / total)) / 2
            for number in range(total)
        ]
        self._optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
        self._optimizer.build(model.trainable_variables)
        self._model, self._number = model, 0
        self._descend = tf.function(self._apply, input_signature=[*SIGNATURE, tf.TensorSpec((None, len(ELEMENTS)))])

    def __call__(self, columns: Columns) -> Any:
        """Descend once on a batch of columns; the loss in squared atoms."""
        self._optimizer.learning_rate.assign(self._rates[self._number])
        self._number += 1
        return self._descend(*inputs(columns), tf.constant(columns.counts))

    def _apply(self, *given: Any) -> Any:
        *around, counts = given
        weights = self._model.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(squared(self._model(around, training=True) - counts))
        gradients = tape.gradient(loss, [variable.value for variable in weights])
        gradients, _ = tf.clip_by_global_norm(gradients, GRADIENT_NORM)
        self._optimizer.apply(gradients, weights)
        return loss


def squared(errors: Any) -> Any:
    """Weighted squared errors (n,) of errors (n, 5), by ``FORMS``."""
    sums = np.array([[float(symbol in form) for _, form in FORMS] for symbol in ELEMENTS], np.float32)
    weights = np.array([weight for weight, _ in FORMS], np.float32)
    return tf.linalg.matvec(tf.square(tf.matmul(errors, tf.constant(sums))), tf.constant(weights))


SIGNATURE = [tf.TensorSpec((None, *shape), kind) for shape, kind in INPUTS.values()]


def inputs(columns: Columns) -> list[Any]:
    return [tf.constant(getattr(columns.around, name)) for name in INPUTS]


def inference(model: keras.Model) -> Callable[[Columns], npt.NDArray[np.float32]]:
    """Counts (n, 5) of columns, by the network's graph."""
    traced = tf.function(
        lambda *around: model(list(around), training=False),
        input_signature=SIGNATURE,
    )
    return lambda columns: np.asarray(traced(*inputs(columns)).numpy())


def validate(predict: Callable[[Columns], npt.NDArray[np.float32]], held_out: list[Columns]) -> dict[str, float]:
    """``columns_val_loss`` in squared atoms, and R2 of every target, over all columns of the validation images."""
    counted = np.concatenate([predict(columns) for columns in held_out])
    true = np.concatenate([columns.counts for columns in held_out])
    scores = zip(TARGETS, with_sums(true).T, with_sums(counted).T, strict=True)
    return {"columns_val_loss": float(np.mean(squared(counted - true)))} | {
        f"columns_val_r2_{target}": float(r2(truth, found)) for target, truth, found in scores
    }
