"""The fully convolutional network that turns one image into a map of atoms per element.

Ragone et al., Comput. Mater. Sci. 201 (2022) 110905, describe an encoder-decoder with residual blocks. Where the text
leaves a choice, this is the reading taken here:

* a convolution is 3 x 3, then batch normalisation, then ReLU, without a bias of its own (the normalisation has one);
* a block is one convolution, three more whose result is added to the first one's, and one last convolution;
* a level of the decoder narrows the channels by a 1 x 1 convolution, enlarges by nearest neighbours, adds the encoder's
  output of that level, and passes a block. Narrowing first gives the same values as narrowing last, at a quarter of
  the cost, because a 1 x 1 convolution treats each pixel alone;
* the head is linear: a count has no upper bound, and a ReLU there would stop the gradient where a map starts below 0.

With 32, 64, 128 channels and a bridge of 256 this has 4.6 million parameters.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from heamap.contract import INPUT_NAME, OUTPUT_NAME
from heamap.elements import ELEMENTS

Normalization = Callable[..., keras.layers.Layer]


def stride(filters: Sequence[int]) -> int:
    """What the sides of an image must be a multiple of: every level below the first halves them."""
    return int(2 ** (len(filters) - 1))


def reach(filters: Sequence[int]) -> int:
    """Pixels to each side of a pixel of the maps that it depends on.

    Five 3 x 3 convolutions see 5 pixels of their level: 10 (s - 1) for the levels of both arms, s being the stride,
    5 s for the bridge; s - 1 more because the squares of the pooling lie where they lie.
    """
    return 16 * stride(filters) - 11


def build(
    filters: Sequence[int],
    *,
    precision: str = "float32",
    normalization: Normalization = keras.layers.BatchNormalization,
) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    filters : channels of the encoder's levels, from the finest, then of the bridge
    precision : Keras policy of every layer but the head, such as ``mixed_bfloat16``
    normalization : makes a normalisation layer from ``name`` and ``dtype``; the weights fit any kind of batch
        normalisation in the same order

    Returns
    -------
    Functional model from ``image`` (batch, rows, cols, 1) to ``counts`` (batch, rows, cols, 5), float32, in atoms
    """
    image = keras.Input((None, None, 1), name=INPUT_NAME)
    features = encode_decode(image, filters, precision=precision, normalization=normalization)
    counts = keras.layers.Conv2D(len(ELEMENTS), 1, dtype="float32", name=OUTPUT_NAME)(features)
    return keras.Model(image, counts, name="fcn")


def encode_decode(inputs: Any, filters: Sequence[int], *, precision: str, normalization: Normalization) -> Any:
    """The network without its head.

    Parameters
    ----------
    inputs : symbolic (batch, rows, cols, channels)
    filters, precision, normalization : see :func:`build`

    Returns
    -------
    symbolic (batch, rows, cols, first of ``filters``)
    """
    *levels, bridge = filters

    def convolution(inputs: Any, channels: int, name: str, *, size: int = 3) -> Any:
        outputs = keras.layers.Conv2D(
            channels, size, padding="same", use_bias=False, kernel_initializer="he_normal", dtype=precision, name=name
        )(inputs)
        outputs = normalization(name=f"{name}_norm", dtype=precision)(outputs)
        return keras.layers.ReLU(dtype=precision, name=f"{name}_relu")(outputs)

    def block(inputs: Any, channels: int, name: str) -> Any:
        entry = convolution(inputs, channels, f"{name}_in")
        outputs = entry
        for step in range(3):
            outputs = convolution(outputs, channels, f"{name}_residual{step}")
        outputs = keras.layers.Add(dtype=precision, name=f"{name}_add")([entry, outputs])
        return convolution(outputs, channels, f"{name}_out")

    outputs = inputs
    skips = []
    for level, channels in enumerate(levels):
        outputs = block(outputs, channels, f"down{level}")
        skips.append(outputs)
        outputs = keras.layers.MaxPooling2D(dtype=precision, name=f"pool{level}")(outputs)
    outputs = block(outputs, bridge, "bridge")
    for level, channels in reversed(list(enumerate(levels))):
        outputs = convolution(outputs, channels, f"narrow{level}", size=1)
        outputs = keras.layers.UpSampling2D(interpolation="nearest", dtype=precision, name=f"enlarge{level}")(outputs)
        outputs = keras.layers.Add(dtype=precision, name=f"skip{level}")([outputs, skips[level]])
        outputs = block(outputs, channels, f"up{level}")
    return outputs
