"""Training from the first epoch, or from where a killed run stopped, to the last or to the early stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from heamap.dataset.input import Example, Examples, training_batches
from heamap.dataset.store import Dataset
from heamap.errors import InputError
from heamap.params import Params
from heamap.seeds import Stream, generator
from heamap.training import checkpoint
from heamap.training.checkpoint import State
from heamap.training.horovod import World
from heamap.training.step import Step, inference_network, learning_rate, training_network
from heamap.training.validation import Validation, inference

Report = Callable[[int, dict[str, float]], None]
"""Told the number of each finished epoch and its metrics, on the leading rank."""


@dataclass(frozen=True)
class Fitted:
    """A trained network for inference, with the weights of its best epoch, and the metrics by epoch."""

    network: keras.Model
    history: list[dict[str, float]]


def fit(params: Params, dataset: Dataset, *, world: World, folder: Path, report: Report) -> Fitted:
    """Train on the training split, choose by the loss on the validation split.

    Every rank calls this. The result is the same, bit for bit, for the same parameters, data and number of ranks on
    the same kind of machine, also if the training was killed in between and started again. With XLA that is not
    promised.

    Parameters
    ----------
    world : the ranks, from ``horovod.start``
    folder : of the checkpoint; only the leading rank reads and writes it

    Returns
    -------
    Fitted, the same on every rank

    Raises
    ------
    InputError : fewer training samples than one batch; the loss is not finite
    """
    train = params.train
    keras.utils.set_random_seed(int(generator(params.base.seed, Stream.WEIGHTS).integers(2**31)))
    if not train.xla:
        # Under this setting XLA refuses the gradient of max-pooling: it knows no deterministic one.
        tf.config.experimental.enable_op_determinism()
    samples, held_out = dataset.split("train"), dataset.split("validation")
    step = Step(
        training_network(train),
        rate=train.learning_rate,
        xla=train.xla,
        world=world,
        gradient_norm=train.gradient_norm,
        total_weight=train.total_weight,
        image_weight=train.image_weight,
    )
    identity = checkpoint.fingerprint(params, dataset)
    best, history = _restore(step, folder, identity, world)

    examples = Examples.of(dataset, np.concatenate([samples, held_out]), params)
    validate = Validation(examples, held_out, world=world)
    predict = inference(step.network)
    steps = len(samples) // train.batch

    def follow(epoch: int) -> Iterator[Example]:
        return training_batches(
            examples, samples, rank=world.rank, ranks=world.size, first_epoch=epoch, threads=world.threads
        )

    batches = follow(len(history))
    for epoch in range(len(history), train.epochs):
        if _is_stale(history, train.patience, world):
            break
        begun = perf_counter()
        if not step.frozen and epoch >= train.epochs - train.frozen_epochs:
            if epoch == train.epochs - train.frozen_epochs:
                step.measure_statistics(images for images, _, _ in islice(follow(epoch), steps))
            step.freeze()
        losses = []
        for number in range(epoch * steps, (epoch + 1) * steps):
            rate = learning_rate(number, steps_per_epoch=steps, train=train)
            losses.append(step(*next(batches), rate=rate))
        if not step.frozen:
            world.average_variables(step.statistics)
        loss = float(world.total(np.mean([losses], axis=1, dtype=np.float64))[0] / world.size)
        metrics = {"loss": loss, **validate(predict), "learning_rate": rate}
        if not np.isfinite(metrics["loss"] + metrics["val_loss"]):
            raise InputError(
                f"the loss is {loss} in epoch {epoch + 1}; lower train.learning_rate {train.learning_rate}, or set "
                f"train.gradient_norm ({train.gradient_norm}) lower"
            )
        history.append(metrics)
        if _best(history) == epoch:
            best = step.network.get_weights()
        if world.leads:
            variables = [variable.numpy() for variable in step.variables]
            checkpoint.save(folder, State(variables, best, history), fingerprint=identity)
            report(epoch, metrics | {"seconds": perf_counter() - begun})
    return Fitted(inference_network(train, best), history)


def _restore(step: Step, folder: Path, identity: str, world: World) -> tuple[checkpoint.Arrays, list[dict[str, float]]]:
    """Set every rank's variables to the checkpoint's, or to the leading rank's first ones."""
    state = checkpoint.load(folder, fingerprint=identity) if world.leads else None
    if state:
        for variable, value in zip(step.variables, state.variables, strict=True):
            variable.assign(value)
    world.broadcast(step.variables)
    return world.agree((state.best, state.history) if state else (step.network.get_weights(), []))


def _best(history: list[dict[str, float]]) -> int:
    return int(np.argmin([metrics["val_loss"] for metrics in history]))


def _is_stale(history: list[dict[str, float]], patience: int, world: World) -> bool:
    return world.agree(bool(history) and len(history) - 1 - _best(history) >= patience)
