"""Squares of pixels to channels and back, without loss (Shi et al., CVPR 2016, arXiv:1609.05158)."""

from typing import Any

import keras


class _Squares(keras.layers.Layer):
    """What both ways share.

    Parameters
    ----------
    size : pixels along each side of a square
    **options : those of every Keras layer
    """

    def __init__(self, size: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="heamap")
class Fold(_Squares):
    """Squares of pixels to channels, in reading order.

    Input and output shape
    ----------------------
    (batch, rows, cols, channels) to (batch, rows / size, cols / size, size^2 channels); rows and cols are multiples of
    the size
    """

    def call(self, inputs: Any) -> Any:
        return keras.ops.space_to_depth(inputs, self.size)


@keras.saving.register_keras_serializable(package="heamap")
class Unfold(_Squares):
    """Channels to squares of pixels, undoing :class:`Fold`.

    Input and output shape
    ----------------------
    (batch, rows, cols, size^2 channels) to (batch, size rows, size cols, channels)
    """

    def call(self, inputs: Any) -> Any:
        return keras.ops.depth_to_space(inputs, self.size)
