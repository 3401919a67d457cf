import keras
import numpy as np
import pytest

from heamap.network import fcn, folded

FILTERS = (2, 3, 4)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(11)
    return folded.build(FILTERS)


def maps(network: keras.Model, image: np.ndarray) -> np.ndarray:
    return np.asarray(network(image[None, ..., None], training=False))[0]


def test_a_square_of_pixels_becomes_the_channels_of_one_in_reading_order():
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    squares = np.asarray(folded.Fold()(image))
    assert squares[0].tolist() == [[[0, 1, 4, 5], [2, 3, 6, 7]], [[8, 9, 12, 13], [10, 11, 14, 15]]]


def test_unfolding_undoes_folding_bit_for_bit():
    images = np.random.default_rng(0).normal(size=(2, 6, 8, 5)).astype(np.float32)
    np.testing.assert_array_equal(folded.Unfold()(folded.Fold()(images)), images)


def test_any_multiple_of_the_stride_comes_out_in_its_own_size_under_the_contracts_names(network):
    assert folded.stride(FILTERS) == 8
    for rows, cols in ((8, 8), (16, 40)):
        assert network(np.zeros((1, rows, cols, 1), "float32")).shape == (1, rows, cols, 5)
    assert [tensor.name for tensor in network.inputs] == ["image"]
    assert network.output_names == ["counts"]


def test_the_inner_part_is_the_fcns_on_four_channels_and_the_head_gives_four_pixels():
    inner = fcn.build(FILTERS).count_params() - (2 * 5 + 5) + 9 * 3 * 2
    assert folded.build(FILTERS).count_params() == inner + 2 * 20 + 20


def test_maps_follow_an_image_moved_by_the_stride_and_by_no_less(network):
    # No edge is seen: the maps of the square in the middle end before it.
    side = 2 * folded.reach(FILTERS) + 16 + 2 * folded.stride(FILTERS)
    side -= side % folded.stride(FILTERS)
    image = np.zeros((side, side), np.float32)
    image[side // 2 - 8 : side // 2 + 8, side // 2 - 8 : side // 2 + 8] = np.random.default_rng(1).normal(size=(16, 16))
    whole = maps(network, image)
    step = folded.stride(FILTERS)
    moved = maps(network, np.roll(image, (step, -step), axis=(0, 1)))
    scale = np.abs(whole).max()
    np.testing.assert_allclose(moved, np.roll(whole, (step, -step), axis=(0, 1)), atol=1e-5 * scale)
    other = maps(network, np.roll(image, (1, 0), axis=(0, 1)))
    assert np.abs(other - np.roll(whole, (1, 0), axis=(0, 1))).max() > 1e-2 * scale


def test_without_pooling_on_the_way_maps_follow_any_even_shift(network):
    level = keras.Model(network.input, network.get_layer("down0_out_relu").output)
    image = np.zeros((64, 64), np.float32)
    image[24:40, 26:42] = np.random.default_rng(2).normal(size=(16, 16))
    whole, moved = (maps(level, part) for part in (image, np.roll(image, (2, 4), axis=(0, 1))))
    np.testing.assert_allclose(moved, np.roll(whole, (1, 2), axis=(0, 1)), atol=1e-5)
    assert np.abs(whole).max() > 0.1


def test_mixed_precision_computes_in_bfloat16_and_answers_in_float32():
    network = folded.build(FILTERS, precision="mixed_bfloat16")
    assert network.get_layer("down0_in").compute_dtype == "bfloat16"
    assert network.get_layer("folded_counts").compute_dtype == "float32"
    assert network.output.dtype == "float32"
