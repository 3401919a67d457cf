from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from heamap.network.normalization import GroupedBatchNormalization
from heamap.params import Train, load
from heamap.training.horovod import World
from heamap.training.step import Step, inference_network, learning_rate, training_network, weighted_mse

ALONE = World(rank=0, size=1, threads=1)


def settings(**changes) -> Train:
    values = load(Path(__file__).parents[3] / "params.yaml").train
    small = {"filters": (4, 6), "statistics_images": 2, "batch": 4, "mixed_precision": False}
    return values.model_copy(update=small | changes)


def batch(size: int = 4) -> list[tf.Tensor]:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(size, 16, 16, 1)).astype(np.float32)
    labels = np.abs(images) * np.arange(1, 6, dtype=np.float32)
    return [tf.constant(part) for part in (images, labels, np.ones((size, 16, 16), np.float32))]


def make(train: Train) -> Step:
    keras.utils.set_random_seed(3)
    return Step(training_network(train), rate=1e-2, xla=train.xla, world=ALONE)


# Four channels of a folded pixel are taken to twenty, which needs a few more between.
@pytest.mark.parametrize(("network", "filters"), [("fcn", (4, 6)), ("folded", (12, 16)), ("patched", (12, 16))])
def test_descending_lowers_the_loss(network, filters):
    step = make(settings(network=network, filters=filters))
    losses = [float(step(*batch(), rate=1e-2)) for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("share", [0.25, 4.0])
def test_a_gradient_above_its_norm_is_scaled_down_to_it_and_a_smaller_one_is_left_alone(share):
    train = settings()
    gradients = [np.asarray(gradient) for gradient in make(train).gradients(*batch())[1]]
    norm = float(np.sqrt(sum((gradient**2).sum() for gradient in gradients)))
    keras.utils.set_random_seed(3)
    step = Step(training_network(train), rate=1e-2, xla=False, world=ALONE, gradient_norm=share * norm)
    step(*batch(), rate=1e-2)
    # Adam's first moments after the first step are a tenth of the gradient that it was given.
    moments = [np.asarray(moment) for moment in step.optimizer._momentums]
    for moment, gradient in zip(moments, gradients, strict=True):
        np.testing.assert_allclose(moment, 0.1 * min(1.0, share) * gradient, rtol=1e-3, atol=1e-5 * norm)


def test_gradients_of_two_halves_average_to_that_of_the_whole():
    step = make(settings())
    whole = step.gradients(*batch())[1]
    halves = [step.gradients(*(part[half] for part in batch()))[1] for half in (slice(0, 2), slice(2, 4))]
    for one, first, second in zip(whole, *halves, strict=True):
        np.testing.assert_allclose((first + second) / 2, one, rtol=1e-4, atol=1e-5)


def test_xla_compiles_the_gradients_only_when_asked():
    compiled, plain = make(settings(xla=True)), make(settings(xla=False))
    assert "HloModule" in compiled.gradients.experimental_get_compiler_ir(*batch())(stage="hlo")
    with pytest.raises(ValueError, match="jit_compile"):
        plain.gradients.experimental_get_compiler_ir(*batch())(stage="hlo")
    for one, two in zip(compiled.gradients(*batch())[1], plain.gradients(*batch())[1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


def test_mixed_precision_multiplies_in_bfloat16_and_keeps_gradients_in_float32():
    mixed = make(settings(mixed_precision=True))
    graph = mixed.gradients.get_concrete_function(*batch()).graph
    kinds = {op.outputs[0].dtype for op in graph.get_operations() if op.type == "Conv2D"}
    assert tf.bfloat16 in kinds
    assert {gradient.dtype for gradient in mixed.gradients(*batch())[1]} == {tf.float32}


@pytest.mark.parametrize("network", ["fcn", "folded", "patched"])
def test_the_files_network_is_plain_float32_and_the_same_function(network):
    train = settings(network=network)
    step = make(train)
    step(*batch(), rate=1e-2)
    network = inference_network(train, step.network.get_weights())
    assert network.name == train.network
    norms = {type(layer) for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)}
    assert norms == (set() if train.network == "patched" else {keras.layers.BatchNormalization})
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}
    image = batch()[0]
    np.testing.assert_allclose(network(image), step.network(image, training=False), atol=1e-5)


def test_measured_statistics_are_those_of_all_images():
    step = make(settings())
    images = [batch()[0] * scale + scale for scale in (1.0, 3.0, 9.0)]
    step.measure_statistics(images)
    first = next(layer for layer in step.network.layers if isinstance(layer, GroupedBatchNormalization))
    seen = keras.Model(step.network.inputs, first.input)(np.concatenate(images)).numpy()
    np.testing.assert_allclose(first.moving_mean, seen.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(first.moving_variance, seen.var(axis=(0, 1, 2)), rtol=5e-3)


@pytest.mark.parametrize("mixed", [False, True])
def test_frozen_training_computes_what_inference_does_and_keeps_the_statistics(mixed):
    step = make(settings(mixed_precision=mixed))
    step.measure_statistics([batch()[0]])
    step.freeze()
    kept = [value.numpy() for value in step.statistics]
    losses = [float(step(*batch(), rate=1e-2)) for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]
    for before, after in zip(kept, step.statistics, strict=True):
        np.testing.assert_array_equal(before, after)
    image = batch()[0]
    trained, used = step.network(image, training=True), step.network(image, training=False)
    np.testing.assert_allclose(trained, used, atol=0.2 if mixed else 1e-4)


def test_frozen_images_do_not_change_each_other():
    step = make(settings())
    step.measure_statistics([batch()[0]])
    image = batch()[0]
    other = tf.concat([image[:1], 5 * image[1:]], 0)
    moved = step.network(other, training=True)[0] - step.network(image, training=True)[0]
    step.freeze()
    frozen = step.network(other, training=True)[0] - step.network(image, training=True)[0]
    assert float(tf.reduce_max(tf.abs(moved))) > 1e-2
    np.testing.assert_allclose(frozen, 0, atol=1e-5)


def test_the_rate_warms_up_from_that_of_one_image():
    train = settings(learning_rate=0.8, batch=8, warmup_epochs=2.0, schedule="constant")
    rates = [learning_rate(step, steps_per_epoch=5, train=train) for step in range(12)]
    np.testing.assert_allclose(np.diff(rates[:10]), (0.8 - 0.1) / 10)
    assert rates[0] == pytest.approx(0.1 + 0.07)
    assert rates[9:] == pytest.approx([0.8] * 3)
    assert (
        learning_rate(0, steps_per_epoch=5, train=settings(warmup_epochs=0.0, learning_rate=0.8, schedule="constant"))
        == 0.8
    )


def test_the_cosine_schedule_ends_at_zero_and_is_half_way_in_the_middle():
    train = settings(learning_rate=0.8, batch=8, warmup_epochs=2.0, epochs=12, schedule="cosine")
    rates = [learning_rate(step, steps_per_epoch=5, train=train) for step in range(60)]

    assert rates[9] == pytest.approx(0.8)
    assert rates[34] == pytest.approx(0.4)
    assert rates[59] == pytest.approx(0.0, abs=1e-12)


def test_weights_scale_the_squared_error_of_their_pixels():
    predicted, labels = np.zeros((1, 1, 2, 5), np.float32), np.zeros((1, 1, 2, 5), np.float32)
    labels[0, 0, 1] = 3
    assert float(weighted_mse(predicted, labels, np.ones((1, 1, 2), np.float32))) == pytest.approx(4.5)
    assert float(weighted_mse(predicted, labels, np.array([[[1.6, 0.4]]], np.float32))) == pytest.approx(1.8)


def test_the_total_weighs_beside_the_elements():
    labels = np.zeros((1, 1, 2, 5), np.float32)
    swapped, added = labels.copy(), labels.copy()
    swapped[0, 0, 0, :2] = 2, -2
    added[0, 0, 0, :2] = 2, 2
    ones = np.ones((1, 1, 2), np.float32)
    for errors, total in ((swapped, 0.0), (added, 16.0)):
        assert float(weighted_mse(errors, labels, ones)) == pytest.approx(0.8)
        assert float(weighted_mse(errors, labels, ones, total_weight=0.5)) == pytest.approx(0.8 + 0.5 * total / 10)


def test_an_images_mean_error_weighs_beside_its_pixels():
    labels = np.zeros((2, 1, 2, 5), np.float32)
    scattered, shifted = labels.copy(), labels.copy()
    scattered[0, 0, :, 0] = 2, -2
    shifted[0, 0, :, 0] = 2, 2
    ones = np.ones((2, 1, 2), np.float32)
    for errors, mean in ((scattered, 0.0), (shifted, 2.0)):
        assert float(weighted_mse(errors, labels, ones)) == pytest.approx(0.4)
        assert float(weighted_mse(errors, labels, ones, image_weight=3.0)) == pytest.approx(0.4 + 3 * mean**2 / 2 / 5)


def test_gradients_of_two_halves_average_to_that_of_the_whole_with_every_weight():
    step = Step(training_network(settings()), rate=1e-2, xla=False, world=ALONE, total_weight=1.0, image_weight=3.0)
    whole = step.gradients(*batch())[1]
    halves = [step.gradients(*(part[half] for part in batch()))[1] for half in (slice(0, 2), slice(2, 4))]
    for one, first, second in zip(whole, *halves, strict=True):
        np.testing.assert_allclose((first + second) / 2, one, rtol=1e-4, atol=1e-5)
