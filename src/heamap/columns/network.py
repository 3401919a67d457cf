"""Messages between neighbouring columns, and what their particle has in common.

An image is a set of columns here, each with the brightness on rings around it (``heamap.evaluation.surroundings``). In
every round a column hears from its neighbours what they know and where they stand, and takes the mean and the mean
square of that (Gilmer et al., ICML 2017, arXiv:1704.01212); and it learns the mean and the spread of what all columns
of its particle know: composition and microscope are the same for all of them. Where a column lies among the pixels is
no riddle that has to be learnt, and 320 thousand weights cannot learn images by heart.
"""

from typing import Any

import keras
from keras import ops

from heamap.elements import ELEMENTS
from heamap.evaluation.column_network import INPUTS, OUTPUT, ROUNDS

CHANNELS, MESSAGE = 64, 32


def build(mean: Any, variance: Any) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    mean, variance : (F,) of the features of the training columns

    Returns
    -------
    network from features (n, F), neighbours (n, K), offsets (n, K, 4), particles (n,) and shares (n, particles), each
    column's share in the means of its particle, to counts (n, 5) in atoms
    """
    features, neighbours, offsets, particle, shares = (
        keras.Input(shape, dtype=kind, name=name) for name, (shape, kind) in INPUTS.items()
    )
    present = offsets[:, :, -1:]
    heard = ops.sum(present, axis=1) + 1e-3
    # Not keras.layers.Normalization, whose constants the converter to ONNX takes for inputs.
    scale = keras.layers.BatchNormalization(center=False, scale=False, epsilon=1e-6, trainable=False, name="scale")
    scaled = scale(features)
    scale.set_weights([mean, variance])
    known = _dense(scaled, "known", 2 * CHANNELS)
    first = known
    for number in range(ROUNDS):
        name = f"round{number}"
        spoken = keras.layers.LayerNormalization(name=f"{name}_norm")(known)
        said = keras.layers.Dense(MESSAGE, name=f"{name}_said")(spoken)
        way = _dense(offsets, f"{name}_way", MESSAGE, out=MESSAGE)
        messages = ops.silu(ops.take(said, neighbours, axis=0) + ops.expand_dims(said, 1) + way) * present
        mean_of, square_of = (ops.sum(part, axis=1) / heard for part in (messages, messages * messages))
        common = _common(_dense(spoken, f"{name}_common", CHANNELS, out=MESSAGE), shares, particle)
        told = ops.concatenate([spoken, mean_of, square_of, *common, first], axis=-1)
        known = known + _dense(told, f"{name}_learn", 2 * CHANNELS)
    return keras.Model(
        [features, neighbours, offsets, particle, shares],
        _dense(known, OUTPUT, CHANNELS, out=len(ELEMENTS)),
        name="columns",
    )


def _common(values: Any, shares: Any, particle: Any) -> list[Any]:
    """Mean and standard deviation (n, C) over each column's particle of values (n, C)."""
    means, squares = (ops.matmul(ops.transpose(shares), part) for part in (values, values * values))
    spreads = ops.sqrt(ops.relu(squares - means * means) + 1e-4)
    return [ops.take(part, particle, axis=0) for part in (means, spreads)]


def _dense(inputs: Any, name: str, hidden: int, *, out: int = CHANNELS) -> Any:
    """Two layers with a smooth bend between them."""
    bent = keras.layers.Dense(hidden, activation="silu", name=f"{name}_hidden")(inputs)
    return keras.layers.Dense(out, name=name)(bent)
