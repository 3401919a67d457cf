"""Batches for training: every rank gets its share of one global order, whatever the number of ranks."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heamap.dataset.ahead import results
from heamap.dataset.examples import render
from heamap.dataset.labels import column_weights, kernel_weights, label_maps
from heamap.dataset.store import Dataset
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.params import Params
from heamap.seeds import Stream, generator

READ_AHEAD = 2
"""Batches that are being made while one is trained on."""

WEIGHTS = {"weighted_mse": column_weights, "column_mse": kernel_weights}
"""What weighs the pixels of a loss; the others weigh them evenly."""


class Example(NamedTuple):
    """Input (side, side, 1), labels (side, side, 5), weights (side, side) of an image; a batch has one axis more."""

    image: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]


def epoch_order(samples: npt.NDArray[np.int64], *, seed: int, epoch: int, batch: int) -> npt.NDArray[np.int64]:
    """The samples of an epoch, shuffled anew, in whole batches.

    Returns
    -------
    (steps, batch) ; those that fill no whole batch wait for another epoch

    Raises
    ------
    InputError : fewer samples than one batch
    """
    steps = len(samples) // batch
    if not steps:
        raise InputError(f"train.batch {batch} is more than the {len(samples)} training samples; lower it")
    order = generator(seed, Stream.ORDER, epoch).permutation(samples)
    return order[: steps * batch].reshape(steps, batch)


@dataclass(frozen=True)
class Examples:
    """Makes examples of some samples of a dataset, the same from any thread in any order.

    Attributes
    ----------
    columns : by sample (n, 2 + 5), row, column and counts per element of every column of the particle
    """

    dataset: Dataset
    params: Params
    columns: dict[int, npt.NDArray[np.float64]]

    @classmethod
    def of(cls, dataset: Dataset, samples: npt.NDArray[np.int64], params: Params) -> "Examples":
        fields = ["row", "col", *ELEMENTS]
        columns = {
            int(sample): dataset.columns(int(sample), in_field=False)[fields].to_numpy(np.float64) for sample in samples
        }
        return cls(dataset, params, columns)

    def make(self, sample: int, epoch: int | None) -> Example:
        """The example of a sample in an epoch, or in its fixed form."""
        train = self.params.train
        columns = self.columns[sample]
        image, positions = render(
            self.dataset.image(sample),
            columns[:, :2],
            sample,
            params=self.params,
            epoch=epoch,
            energy_ev=self.dataset.energy_ev(sample),
        )
        shape = (image.shape[0], image.shape[1])
        sigma = train.label_sigma_angstrom / self.params.base.sampling_angstrom
        rows, cols = positions.T
        labels = label_maps(rows, cols, columns[:, 2:], shape=shape, sigma_pixels=sigma)
        weigh = WEIGHTS.get(train.loss)
        if weigh is None:
            return Example(image, labels, np.ones(shape, dtype=np.float32))
        return Example(image, labels, weigh(rows, cols, shape=shape, sigma_pixels=sigma))


def training_batches(
    examples: Examples, samples: npt.NDArray[np.int64], *, rank: int, ranks: int, first_epoch: int, threads: int
) -> Iterator[Example]:
    """Endless batches of one rank, epoch after epoch.

    The shares of all ranks, put together in their order, are the global batch of ``epoch_order``. Threads work ahead
    of the training across the epochs' ends, and end with the iterator. No ``tf.data`` generator: the first of them
    makes the C library give back every large array at once for the rest of the process (TensorFlow 2.21 sets
    ``M_TRIM_THRESHOLD``), which costs a quarter of the time an example takes.

    Returns
    -------
    iterator of :class:`Example` with a leading axis of ``train.batch / ranks``
    """
    batch = examples.params.train.batch
    share = batch // ranks

    def wanted() -> Iterator[tuple[int, int]]:
        epoch = first_epoch
        while True:
            order = epoch_order(samples, seed=examples.params.base.seed, epoch=epoch, batch=batch)
            for sample in order[:, rank * share : (rank + 1) * share].flat:
                yield int(sample), epoch
            epoch += 1

    early = READ_AHEAD * share
    with closing(results(lambda item: examples.make(*item), wanted(), early=early, threads=threads)) as made:
        while True:
            yield Example(*(np.stack(parts) for parts in zip(*islice(made, share), strict=True)))
