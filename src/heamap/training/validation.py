"""Loss and R2 on the validation split, over all ranks."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from heamap.dataset.input import Example, Examples
from heamap.evaluation import reading
from heamap.evaluation.targets import TARGETS, with_sums
from heamap.training.horovod import World
from heamap.training.step import weighted_mse

SCORES: dict[str, reading.Name] = {"val_r2": "peak", "val_fit_r2": "fit"}
"""Metrics of the columns' counts, and how these are read."""


class Validation:
    """The validation images of one rank, in their fixed form.

    Parameters
    ----------
    samples : of all ranks; each rank looks at its own
    """

    def __init__(self, examples: Examples, samples: npt.NDArray[np.int64], *, world: World) -> None:
        self._world = world
        train = examples.params.train
        self._weights = {"total_weight": train.total_weight, "image_weight": train.image_weight}
        sigma = examples.params.train.label_sigma_angstrom / examples.params.base.sampling_angstrom
        self._readouts = {prefix: reading.make(name, sigma_pixels=sigma) for prefix, name in SCORES.items()}
        mine = [int(sample) for sample in samples[world.rank :: world.size]]
        self._examples: list[Example] = [examples.make(sample, None) for sample in mine]
        self._columns = [
            _in_field(examples.columns[sample], example) for sample, example in zip(mine, self._examples, strict=True)
        ]

    def __call__(self, predict: Any) -> dict[str, float]:
        """Metrics of a function from images (1, rows, cols, 1) to maps (1, rows, cols, 5).

        Returns
        -------
        ``val_loss`` in squared atoms, and over every column in the field, zeros included, ``val_r2_<target>`` of the
        heights at the columns and ``val_fit_r2_<target>`` of the fitted ones, for every one of
        ``heamap.evaluation.targets.TARGETS``: whichever ``evaluate.readout`` names, runs can be compared by both
        """
        losses = np.zeros(2)
        sums = np.zeros((len(self._readouts), 4, len(TARGETS)))
        for example, columns in zip(self._examples, self._columns, strict=True):
            image, labels, weights = (tf.constant(part[None]) for part in example)
            maps = predict(image)
            losses += float(weighted_mse(maps, labels, weights, **self._weights)), 1
            truth = with_sums(columns[:, 2:])
            counted = np.full(len(TARGETS), len(truth))
            for part, readout in zip(sums, self._readouts.values(), strict=True):
                error = truth - with_sums(readout(maps.numpy()[0], columns[:, 0], columns[:, 1]))
                part += counted, truth.sum(0), (truth**2).sum(0), (error**2).sum(0)
        totals = self._world.total(np.concatenate([losses, sums.ravel()]))
        count, first, second, residual = totals[2:].reshape(sums.shape).transpose(1, 0, 2)
        spread = second - first**2 / np.maximum(count, 1)
        r2 = np.where(spread > 0, 1 - residual / np.where(spread > 0, spread, 1), np.nan)
        return {"val_loss": float(totals[0] / totals[1])} | {
            f"{prefix}_{target}": float(value)
            for prefix, values in zip(self._readouts, r2, strict=True)
            for target, value in zip(TARGETS, values, strict=True)
        }


def inference(network: keras.Model) -> Any:
    """The network's graph in inference mode, traced once for images of any size."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)], jit_compile=False)
    def predict(images: Any) -> Any:
        return network(images, training=False)

    return predict


def _in_field(columns: npt.NDArray[np.float64], example: Example) -> npt.NDArray[np.float64]:
    last = np.array(example.labels.shape[:2]) - 1
    return columns[((columns[:, :2] >= 0) & (columns[:, :2] <= last)).all(axis=1)]
