"""The same network on an image folded to half its size, where each square of 2 x 2 pixels is one pixel of 4 channels.

Folding loses nothing, so that the finest level need not run at full size, which takes most of the fcn's time: columns
lie 11 pixels apart at .2 Angstrom, and 5 apart is enough for convolutions of 3 x 3. What is saved pays for channels.
At the end, channels are unfolded to pixels (sub-pixel convolution).
"""

from collections.abc import Sequence

import keras

from heamap.contract import INPUT_NAME, OUTPUT_NAME
from heamap.elements import ELEMENTS
from heamap.network import fcn
from heamap.network.folding import Fold, Unfold

FOLD = 2
"""Pixels along each side of the squares."""


def stride(filters: Sequence[int]) -> int:
    """What the sides of an image must be a multiple of."""
    return FOLD * fcn.stride(filters)


def reach(filters: Sequence[int]) -> int:
    """Pixels to each side of a pixel of the maps that it depends on: so many squares, and the rest of its own."""
    return FOLD * fcn.reach(filters) + FOLD - 1


def build(
    filters: Sequence[int],
    *,
    precision: str = "float32",
    normalization: fcn.Normalization = keras.layers.BatchNormalization,
) -> keras.Model:
    """Build the network; parameters and result as of :func:`heamap.network.fcn.build`."""
    image = keras.Input((None, None, 1), name=INPUT_NAME)
    folded = Fold(FOLD, dtype=precision, name="fold")(image)
    features = fcn.encode_decode(folded, filters, precision=precision, normalization=normalization)
    counts = keras.layers.Conv2D(FOLD**2 * len(ELEMENTS), 1, dtype="float32", name="folded_counts")(features)
    return keras.Model(image, Unfold(FOLD, dtype="float32", name=OUTPUT_NAME)(counts), name="folded")
