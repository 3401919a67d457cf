"""The ranks of a training and what they agree on; alone, every exchange is the identity."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import horovod.tensorflow as hvd
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from threadpoolctl import threadpool_limits

from heamap.errors import InputError

Agreed = TypeVar("Agreed")


@dataclass(frozen=True)
class World:
    """Rank of this process among ``size``, and the cores that each process of this machine may use."""

    rank: int
    size: int
    threads: int

    @property
    def leads(self) -> bool:
        """Whether this process writes files and records."""
        return self.rank == 0

    def average(self, tensors: Sequence[Any]) -> list[Any]:
        """Mean over the ranks of each tensor; may be called inside a graph, but not inside a compiled one."""
        if self.size == 1:
            return list(tensors)
        # A group is reduced whole, so the order of the sums does not depend on which gradient was ready first.
        return list(hvd.grouped_allreduce(list(tensors), op=hvd.Average))

    def total(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sum over the ranks."""
        if self.size == 1:
            return values
        return np.asarray(hvd.allreduce(tf.constant(values), op=hvd.Sum, name="total"))

    def agree(self, value: Agreed) -> Agreed:
        """What the leading rank says; the others' values are ignored."""
        if self.size == 1:
            return value
        agreed: Agreed = hvd.broadcast_object(value, root_rank=0, name="agree")
        return agreed

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Set Keras variables to the leading rank's values."""
        if self.size > 1:
            hvd.broadcast_variables([variable.value for variable in variables], root_rank=0)

    def average_variables(self, variables: Sequence[Any]) -> None:
        """Set Keras variables to their mean over the ranks; there may be none."""
        if self.size > 1 and variables:
            for variable, mean in zip(variables, self.average([v.value for v in variables]), strict=True):
                variable.assign(mean)


def start(ranks: int) -> World:
    """Join the other ranks and share the machine's cores with those on it.

    Call it before TensorFlow has run anything.

    Raises
    ------
    InputError : another number of processes was started than ``ranks``
    """
    hvd.init()
    if hvd.size() != ranks:
        raise InputError(
            f"train.ranks is {ranks}, but {hvd.size()} ranks were started; start horovodrun --gloo -np {ranks}, or set "
            f"train.ranks to {hvd.size()}"
        )
    threads = max(1, len(os.sched_getaffinity(0)) // hvd.local_size())
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    # NumPy's matrix products, which make the labels, are small, and as many examples are made at once as there are
    # threads: products that are shared among threads besides take two to four times the CPU time in waiting.
    threadpool_limits(limits=1)
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        mine = gpus[hvd.local_rank() % len(gpus)]
        tf.config.set_visible_devices(mine, "GPU")
        tf.config.experimental.set_memory_growth(mine, True)
    return World(hvd.rank(), hvd.size(), threads)
