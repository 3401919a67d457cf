"""Batches of columns for training: whole images, their columns side by side."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heamap.dataset.ahead import results
from heamap.dataset.examples import example
from heamap.dataset.store import Dataset
from heamap.elements import ELEMENTS
from heamap.evaluation.surroundings import Surroundings, surroundings
from heamap.params import Params
from heamap.seeds import Stream, generator

READ_AHEAD = 2
"""Batches that are being made while one is trained on."""

JITTER_ANGSTROM = 0.04
"""Standard deviation of the places of training columns: in use they are those of maxima of maps (.038 and .040 along
rows and columns, measured; docs/benchmarks.md, "A network on columns")."""

MISSED = 0.005
"""Share of the training columns that go unseen, as in use (13 of 2,484)."""


class Columns(NamedTuple):
    """Columns of one image or several, with their true counts (n, 5)."""

    around: Surroundings
    counts: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """Makes the columns of some samples of a dataset, the same from any thread in any order."""

    dataset: Dataset
    params: Params

    def make(self, sample: int, epoch: int | None) -> Columns:
        """The columns of a sample in an epoch, or of its fixed form, at their true places."""
        image, columns = example(self.dataset, sample, params=self.params, epoch=epoch)
        places, sampling = columns[["row", "col"]].to_numpy(np.float64), self.params.base.sampling_angstrom
        counts = columns[list(ELEMENTS)].to_numpy(np.float32)
        if epoch is not None:
            rng = generator(self.params.base.seed, Stream.AUGMENT, epoch, sample, 1)
            places = places + rng.normal(0, JITTER_ANGSTROM / sampling, places.shape)
            kept = rng.random(len(places)) >= MISSED
            places, counts = places[kept], counts[kept]
        seen = image[..., 0]
        around = surroundings(lambda rows, cols: seen[rows, cols], seen.shape, places, sampling_angstrom=sampling)
        return Columns(around, counts)


def together(parts: Iterable[Columns]) -> Columns:
    """The columns of several images side by side; none has a neighbour in another image."""
    every = list(parts)
    firsts = np.cumsum([0, *(len(part.around) for part in every[:-1])])
    neighbours = [part.around.neighbours + np.int32(first) for part, first in zip(every, firsts, strict=True)]
    others = np.cumsum([0, *(part.around.particle.max(initial=-1) + 1 for part in every[:-1])])
    particle = [part.around.particle + np.int32(first) for part, first in zip(every, others, strict=True)]
    return Columns(
        Surroundings(
            np.concatenate([part.around.features for part in every]),
            np.concatenate(neighbours),
            np.concatenate([part.around.offsets for part in every]),
            np.concatenate(particle),
        ),
        np.concatenate([part.counts for part in every]),
    )


def batches(
    examples: Examples, samples: npt.NDArray[np.int64], *, batch: int, epochs: int, threads: int
) -> Iterator[Columns]:
    """Batches of all epochs, shuffled anew in each; those samples that fill no whole batch wait for another epoch."""
    steps = len(samples) // batch

    def wanted() -> Iterator[tuple[int, int]]:
        for epoch in range(epochs):
            # A stream of its own: the network on pixels draws its order from the same words without the last.
            order = generator(examples.params.base.seed, Stream.ORDER, epoch, 1).permutation(samples)
            for sample in order[: steps * batch]:
                yield int(sample), epoch

    early = READ_AHEAD * batch
    with closing(results(lambda item: examples.make(*item), wanted(), early=early, threads=threads)) as made:
        while parts := list(islice(made, batch)):
            yield together(parts)
