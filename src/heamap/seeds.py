"""Random streams that depend on what is drawn, never on who draws it or when."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a random stream decides; the first word of its spawn key."""

    MOTIFS = 1
    STRUCTURE = 2
    MICROSCOPE = 3
    PHONONS = 4
    SPLIT = 5
    AUGMENT = 6
    EFFECTS = 7
    WEIGHTS = 8
    ORDER = 9
    BOOTSTRAP = 10
    EXAMPLE = 11
    ENGINE = 12
    BOUNDS = 13
    AGGREGATION = 14
    TREES = 15
    COUNTERFACTUALS = 16


def sequence(seed: int, stream: Stream, *index: int) -> np.random.SeedSequence:
    """The seed sequence of item ``index`` in a stream: ``SeedSequence(seed, spawn_key=(stream, *index))``."""
    return np.random.SeedSequence(seed, spawn_key=(int(stream), *index))


def generator(seed: int, stream: Stream, *index: int) -> np.random.Generator:
    """An independent generator for item ``index`` of a stream, the same with any number of workers."""
    return np.random.Generator(np.random.PCG64(sequence(seed, stream, *index)))
