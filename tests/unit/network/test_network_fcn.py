import keras
import numpy as np
import pytest

from heamap.network import fcn
from heamap.network.normalization import GroupedBatchNormalization

SMALL = (2, 3, 4, 5)


def test_the_papers_size_has_the_parameters_of_its_description():
    # 3 x 3 kernels: into each block, then 4 more; 1 x 1 kernels narrow 256 -> 128 -> 64 -> 32; 4 values a channel in
    # each normalisation; a head of 32 x 5 + 5.
    encoder = sum(9 * (before * after + 4 * after**2) for before, after in ((1, 32), (32, 64), (64, 128), (128, 256)))
    decoder = sum(before * after + 9 * 5 * after**2 for before, after in ((256, 128), (128, 64), (64, 32)))
    norms = 4 * (5 * (32 + 64 + 128 + 256) + 6 * (128 + 64 + 32))
    assert fcn.build((32, 64, 128, 256)).count_params() == encoder + decoder + norms + 32 * 5 + 5


def test_input_and_output_carry_the_contracts_names():
    network = fcn.build(SMALL)
    assert [tensor.name for tensor in network.inputs] == ["image"]
    assert network.output_names == ["counts"]


def test_any_multiple_of_the_stride_comes_out_in_its_own_size():
    network = fcn.build(SMALL)
    assert fcn.stride(SMALL) == 8
    for rows, cols in ((8, 8), (16, 40)):
        assert network(np.zeros((1, rows, cols, 1), "float32")).shape == (1, rows, cols, 5)


def test_mixed_precision_computes_in_bfloat16_and_answers_in_float32():
    network = fcn.build(SMALL, precision="mixed_bfloat16")
    assert network.get_layer("down0_in").compute_dtype == "bfloat16"
    assert network.get_layer("down0_in").kernel.dtype == "float32"
    assert network.output.dtype == "float32"
    assert fcn.build(SMALL).get_layer("down0_in").compute_dtype == "float32"


def test_skips_are_added_so_the_finest_level_reaches_the_output_past_the_bridge():
    # With other first weights the small bridge may be silent altogether.
    keras.utils.set_random_seed(0)
    network = fcn.build(SMALL)
    image = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype("float32")
    before = np.asarray(network(image))
    bridge = network.get_layer("narrow0")
    bridge.set_weights([np.zeros_like(weight) for weight in bridge.get_weights()])
    after = np.asarray(network(image))
    assert np.abs(after).max() > 0
    assert np.abs(after - before).max() > 0


def test_two_groups_together_are_normalised_like_each_alone():
    inputs = np.random.default_rng(1).normal(3, 2, (4, 3, 3, 2)).astype("float32")
    layer = GroupedBatchNormalization(2)
    together = np.asarray(layer(inputs, training=True))
    alone = [np.asarray(GroupedBatchNormalization(2)(half, training=True)) for half in (inputs[:2], inputs[2:])]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)
    np.testing.assert_allclose(together[:2].mean((0, 1, 2)), 0, atol=1e-6)


def test_moving_statistics_follow_the_mean_over_the_groups():
    inputs = np.random.default_rng(2).normal(3, 2, (4, 3, 3, 2)).astype("float32")
    layer = GroupedBatchNormalization(2, momentum=0.75)
    layer(inputs, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.25 * inputs.mean((0, 1, 2)), rtol=1e-5)
    variance = inputs.reshape(2, -1, 2).var(axis=1, ddof=1).mean(0)
    np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * variance, rtol=1e-5)


def test_inference_is_plain_batch_normalisation_with_the_same_weights():
    layer, plain = GroupedBatchNormalization(2), keras.layers.BatchNormalization()
    inputs = np.random.default_rng(3).normal(3, 2, (4, 3, 3, 2)).astype("float32")
    layer(inputs, training=True)
    plain.build(inputs.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(inputs), plain(inputs))


def test_a_batch_without_whole_groups_is_refused():
    with pytest.raises(ValueError, match="batch of 3 does not hold whole groups of 2"):
        GroupedBatchNormalization(2)(np.zeros((3, 2, 2, 1), "float32"), training=True)
