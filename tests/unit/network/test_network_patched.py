import keras
import numpy as np
import pytest

from heamap.network import patched

FILTERS = (4, 6)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """With last weights of the blocks that are not 0, as after training."""
    keras.utils.set_random_seed(5)
    network = patched.build(FILTERS)
    for layer in network.layers:
        if layer.name.endswith("_out"):
            layer.kernel.assign(keras.random.normal(layer.kernel.shape, stddev=0.3))
    return network


def maps(network: keras.Model, image: np.ndarray) -> np.ndarray:
    return np.asarray(network(image[None, ..., None], training=False))[0]


def test_the_released_size_fits_into_25_megabytes_of_float32():
    stem = 9 * 4 * 32 + 32 + 9 * 32 * 32 + 32 + 16 * 32 * 256 + 256 + 256 * 128 + 128
    arms = 8 * (9 * 128**2 + 128 + 128**2 + 128)
    bridge = 4 * 128 * 256 + 256 + 6 * (9 * 256**2 + 256 + 256**2 + 256) + 256 * 128 + 128
    head = 128 * 256 + 256 + 256 * 320 + 320
    assert patched.build((128, 256)).count_params() == stem + arms + bridge + head
    assert 4 * (stem + arms + bridge + head) < 24e6


def test_any_multiple_of_the_stride_comes_out_in_its_own_size_under_the_contracts_names(network):
    assert patched.stride(FILTERS) == 16
    for rows, cols in ((16, 16), (32, 80)):
        assert network(np.zeros((1, rows, cols, 1), "float32")).shape == (1, rows, cols, 5)
    assert [tensor.name for tensor in network.inputs] == ["image"]
    assert network.output_names == ["counts"]


def test_every_block_begins_as_the_identity():
    network = patched.build(FILTERS)
    bridge = keras.Model(
        network.input, [network.get_layer(name).output for name in ("halve0", "bridge_0_in", "bridge_5_add")]
    )
    image = np.random.default_rng(0).normal(size=(1, 32, 32, 1)).astype("float32")
    before, inside, after = map(np.asarray, bridge(image))
    assert np.abs(inside).max() > 0
    np.testing.assert_array_equal(after, before)


def test_maps_follow_an_image_moved_by_the_stride_and_by_no_less(network):
    # No edge is seen: the maps of the square in the middle end before it.
    step = patched.stride(FILTERS)
    side = 2 * patched.reach(FILTERS) + 16 + 2 * step
    side += -side % step
    image = np.zeros((side, side), np.float32)
    image[side // 2 - 8 : side // 2 + 8, side // 2 - 8 : side // 2 + 8] = np.random.default_rng(1).normal(size=(16, 16))
    whole = maps(network, image)
    moved = maps(network, np.roll(image, (step, -step), axis=(0, 1)))
    scale = np.abs(whole).max()
    np.testing.assert_allclose(moved, np.roll(whole, (step, -step), axis=(0, 1)), atol=1e-5 * scale)
    other = maps(network, np.roll(image, (8, 0), axis=(0, 1)))
    assert np.abs(other - np.roll(whole, (8, 0), axis=(0, 1))).max() > 1e-2 * scale


def test_training_and_use_compute_the_same(network):
    assert not network.non_trainable_variables
    image = np.random.default_rng(2).normal(size=(2, 32, 32, 1)).astype("float32")
    np.testing.assert_array_equal(network(image, training=True), network(image, training=False))


def test_mixed_precision_computes_in_bfloat16_and_answers_in_float32():
    network = patched.build(FILTERS, precision="mixed_bfloat16")
    assert network.get_layer("down0_0_in").compute_dtype == "bfloat16"
    assert network.get_layer("patch_counts").compute_dtype == "float32"
    assert network.output.dtype == "float32"
