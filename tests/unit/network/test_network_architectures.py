from pathlib import Path

import keras
import numpy as np
import pytest

from heamap.network.architectures import ARCHITECTURES
from heamap.params import Train, load

ROOT = Path(__file__).parents[3]


def settings(**changes) -> Train:
    return load(ROOT / "params.yaml").train.model_copy(update=changes)


def seen(network: keras.Model, side: int, pixel: int) -> int:
    """How far the changes reach that one pixel makes when every path is open: all weights positive, no pixel dark."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, *bias = layer.get_weights()
            layer.set_weights([np.full_like(kernel, 1 / kernel[..., 0].size), *bias])
    image = np.ones((1, side, side, 1), np.float32)
    before = np.asarray(network(image))
    image[0, pixel, pixel] = 1e20
    rows, cols = np.nonzero((np.asarray(network(image)) != before).any(axis=(0, -1)))
    return int(np.abs(np.stack([rows, cols]) - pixel).max())


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("filters", [(1, 1), (1, 1, 1)])
def test_the_reach_is_exact(name, filters):
    kind = ARCHITECTURES[name]
    network, stride, reach = kind.build(filters), kind.stride(filters), kind.reach(filters)
    middle = -(-(reach + stride) // stride) * stride
    side = 2 * middle + stride
    assert max(seen(network, side, middle + phase) for phase in range(stride)) == reach


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("filters", [(1, 1), (1, 1, 1, 1)])
def test_parameters_know_the_stride_of_every_network(name, filters):
    assert settings(network=name, filters=filters).stride == ARCHITECTURES[name].stride(filters)
