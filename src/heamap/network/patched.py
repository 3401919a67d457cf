"""Residual blocks without any normalisation, on patches of 8 x 8 pixels.

Columns lie 11 pixels apart at .2 Angstrom, so that a patch of 1.6 Angstrom holds one at most, and nothing is decided at
a finer scale than that, but where in its patch a column lies. So the fine levels of the fcn, which take most of its
time, are gone, and what they cost goes into blocks at the scale of columns and of groups of them:

* the stem folds squares of 2 x 2 pixels to channels, passes two 3 x 3 convolutions, and makes each 4 x 4 of these one
  vector of a patch;
* a block adds to its input a 3 x 3 convolution, ReLU, and a 1 x 1 convolution whose weights are 0 at first: every block
  begins as the identity, which lets a deep network learn without normalisation (Zhang, Dauphin and Ma, ICLR 2019,
  arXiv:1901.09321). Statistics of a few images in training and of all in use are two functions where images differ as
  much as thin and thick particles do; here both are the same one;
* a level below has half the patches along each side; the way back narrows, enlarges by nearest neighbours, and adds
  what the level had, as in the fcn;
* the head makes of each vector the 8 x 8 pixels of its patch in five maps (sub-pixel convolution).

With 128 and 256 channels this has 5.7 million parameters and half the products of the folded network of 4.5 million.
"""

from collections.abc import Sequence
from typing import Any

import keras

from heamap.contract import INPUT_NAME, OUTPUT_NAME
from heamap.elements import ELEMENTS
from heamap.network import fcn
from heamap.network.folding import Fold, Unfold

FOLD, GATHERED = 2, 4
PATCH = FOLD * GATHERED
"""Pixels along each side of a patch."""
STEM_CHANNELS, HEAD_CHANNELS = 32, 256
ARM_BLOCKS, BRIDGE_BLOCKS = 4, 6
"""Blocks of a level on the way down, and as many on the way up; of the bridge."""


def stride(filters: Sequence[int]) -> int:
    """What the sides of an image must be a multiple of."""
    return PATCH * fcn.stride(filters)


def reach(filters: Sequence[int]) -> int:
    """Pixels to each side of a pixel of the maps that it depends on.

    A block sees one patch of its level: 8 (s - 1) patches of 8 pixels for both arms, s being the fcn's stride, 6 s for
    the bridge; s - 1 more because the patches below lie where they lie, 7 pixels for the patch, 4 for the stem.
    """
    scale = fcn.stride(filters)
    patches = 2 * ARM_BLOCKS * (scale - 1) + BRIDGE_BLOCKS * scale + scale - 1
    return PATCH * patches + PATCH - 1 + 2 * FOLD


def build(
    filters: Sequence[int], *, precision: str = "float32", normalization: fcn.Normalization | None = None
) -> keras.Model:
    """Build the network; parameters and result as of :func:`heamap.network.fcn.build`.

    Parameters
    ----------
    filters : channels of the levels, from the patches' own, then of the bridge
    normalization : of the other networks; this one has none
    """
    del normalization
    *levels, _ = filters

    def convolution(inputs: Any, channels: int, name: str, *, size: int = 1, step: int = 1, relu: bool = False) -> Any:
        return keras.layers.Conv2D(
            channels,
            size,
            strides=step,
            padding="same" if step == 1 else "valid",
            activation="relu" if relu else None,
            kernel_initializer="he_normal" if relu else "glorot_uniform",
            dtype=precision,
            name=name,
        )(inputs)

    def blocks(inputs: Any, count: int, name: str) -> Any:
        for number in range(count):
            channels = inputs.shape[-1]
            change = convolution(inputs, channels, f"{name}_{number}_in", size=3, relu=True)
            change = keras.layers.Conv2D(
                channels, 1, kernel_initializer="zeros", dtype=precision, name=f"{name}_{number}_out"
            )(change)
            inputs = keras.layers.Add(dtype=precision, name=f"{name}_{number}_add")([inputs, change])
        return inputs

    image = keras.Input((None, None, 1), name=INPUT_NAME)
    outputs = Fold(FOLD, dtype=precision, name="fold")(image)
    for number in range(2):
        outputs = convolution(outputs, STEM_CHANNELS, f"stem{number}", size=3, relu=True)
    outputs = convolution(outputs, 2 * filters[0], "gather", size=GATHERED, step=GATHERED, relu=True)
    outputs = convolution(outputs, filters[0], "patch")
    skips = []
    for level, below in enumerate(filters[1:]):
        skips.append(blocks(outputs, ARM_BLOCKS, f"down{level}"))
        outputs = convolution(skips[-1], below, f"halve{level}", size=2, step=2)
    outputs = blocks(outputs, BRIDGE_BLOCKS, "bridge")
    for level, channels in reversed(list(enumerate(levels))):
        outputs = convolution(outputs, channels, f"narrow{level}")
        outputs = keras.layers.UpSampling2D(interpolation="nearest", dtype=precision, name=f"enlarge{level}")(outputs)
        outputs = keras.layers.Add(dtype=precision, name=f"skip{level}")([outputs, skips[level]])
        outputs = blocks(outputs, ARM_BLOCKS, f"up{level}")
    outputs = convolution(outputs, HEAD_CHANNELS, "head", relu=True)
    counts = keras.layers.Conv2D(PATCH**2 * len(ELEMENTS), 1, dtype="float32", name="patch_counts")(outputs)
    return keras.Model(image, Unfold(PATCH, dtype="float32", name=OUTPUT_NAME)(counts), name="patched")
