"""The network on columns: what it hears, how it learns, and that its file says the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pandas as pd
import pytest
from tensorflow.python.framework import config

from heamap.columns import export, network
from heamap.columns.examples import Columns, Examples, batches, together
from heamap.columns.fit import FORMS, Step, fit, inference, squared
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation import column_network, reading
from heamap.evaluation.column_network import ColumnNetwork
from heamap.evaluation.counter import Counter
from heamap.evaluation.surroundings import FEATURES, Surroundings, surroundings
from heamap.params import Params, load

ROOT = Path(__file__).parents[3]
SAMPLING = 0.2


def drawn(columns: int, *, side: float = 60.0, seed: int = 0) -> tuple[Columns, np.ndarray]:
    """Columns of a made-up image, whose counts follow from their own brightness and their neighbours'; places."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, side, (columns, 2)) / SAMPLING
    image = np.zeros((int(side / SAMPLING), int(side / SAMPLING)), np.float32)
    around = surroundings(lambda rows, cols: image[rows, cols], image.shape, places, sampling_angstrom=SAMPLING)
    features = rng.normal(2, 0.5, (columns, FEATURES)).astype(np.float32)
    present = around.offsets[..., -1]
    heard = (features[around.neighbours, 0] * present).sum(1) / np.maximum(present.sum(1), 1)
    counts = np.stack([features[:, 0] + 2 * heard * place for place in range(len(ELEMENTS))], axis=1)
    return Columns(replace(around, features=features), counts.astype(np.float32)), places


@pytest.fixture(autouse=True)
def _undeterministic_again() -> Iterator[None]:
    """``fit`` binds all of TensorFlow to deterministic operators; the process's other tests must not inherit that."""
    yield
    config.disable_op_determinism()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(5)
    built = network.build(np.full(FEATURES, 2.0), np.full(FEATURES, 0.25))
    # The last layers of the rounds begin small: make neighbours matter.
    for layer in built.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.set_weights([part * 1.5 for part in layer.get_weights()])
    return built


@pytest.fixture(scope="module")
def exported(model: keras.Model) -> bytes:
    return export.to_onnx(model, opset=17)


def test_the_file_says_what_keras_says(model: keras.Model, exported: bytes) -> None:
    images = [drawn(columns, seed=columns)[0] for columns in (1, 7, 150)]
    counts = np.concatenate([inference(model)(columns) for columns in images])
    assert np.abs(counts).max() > 0.1
    assert export.largest_difference(model, exported, images) < 1e-4 * float(np.abs(counts).max())


def test_the_same_network_is_the_same_file_each_time(model: keras.Model, exported: bytes) -> None:
    assert export.to_onnx(model, opset=17) == exported
    weights = model.get_weights()
    model.set_weights([weights[0] + 0.5, *weights[1:]])
    try:
        assert export.to_onnx(model, opset=17) != exported
    finally:
        model.set_weights(weights)


def test_a_file_settles_alike_whatever_its_names_and_order(exported: bytes) -> None:
    found = onnx.load_from_string(exported)
    graph = found.graph
    renamed = {name: f"other_{place}" for place, node in enumerate(graph.node[:-1]) for name in node.output}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for kept in (graph.node, graph.initializer):
        backwards = list(reversed(kept))
        del kept[:]
        kept.extend(backwards)
    assert found.SerializeToString() != exported
    export.settle(graph)
    assert found.SerializeToString() == exported


def test_the_order_of_the_columns_does_not_matter(exported: bytes) -> None:
    (around, _), places = drawn(80)
    count = ColumnNetwork(exported)
    order = np.random.default_rng(1).permutation(80)
    back = np.argsort(order)
    shuffled = Surroundings(
        around.features[order],
        back[around.neighbours[order]].astype(np.int32),
        around.offsets[order],
        around.particle[order],
    )
    straight = count(around, places * SAMPLING)
    np.testing.assert_allclose(count(shuffled, places[order] * SAMPLING), straight[order], atol=1e-4)


def two_particles() -> tuple[Surroundings, np.ndarray]:
    """Columns and places in Angstrom of a particle of 300 columns and of one of 60 beside it, shuffled."""
    rng = np.random.default_rng(2)
    sizes = np.array([[60.0, 60.0]] * 300 + [[25.0, 25.0]] * 60)
    corners = np.array([[0.0, 0.0]] * 300 + [[10.0, 90.0]] * 60)
    places = rng.permutation(corners + rng.uniform(0, 1, (360, 2)) * sizes) / SAMPLING
    image = np.zeros((320, 640), np.float32)
    around = surroundings(lambda rows, cols: image[rows, cols], image.shape, places, sampling_angstrom=SAMPLING)
    features = rng.normal(2, 0.5, (360, FEATURES)).astype(np.float32)
    return replace(around, features=features), places * SAMPLING


def test_a_column_hears_of_its_own_particle_alone(exported: bytes) -> None:
    around, places = two_particles()
    assert np.bincount(around.particle).tolist() in ([300, 60], [60, 300])
    count = ColumnNetwork(exported)
    before = count(around, places)
    spoken = int(np.argmax(places[:, 0]))
    around.features[spoken] += 3
    change = np.abs(count(around, places) - before).max(axis=1)
    own = around.particle == around.particle[spoken]
    # Matrix products of other sizes round otherwise.
    assert change[~own].max() < 1e-5
    assert (change[own] > 1e-5).mean() > 0.9
    assert np.median(change[around.neighbours[spoken]]) > 3 * np.median(change[own])


def test_particles_are_counted_together_or_one_by_one(exported: bytes) -> None:
    around, places = two_particles()
    count = ColumnNetwork(exported)
    whole = count(around, places)
    np.testing.assert_allclose(count(around, places, at_once=300), whole, atol=1e-5 * float(np.abs(whole).max()))


def test_a_large_particle_is_counted_in_parts_that_hear_all_their_neighbours(exported: bytes) -> None:
    (around, _), places = drawn(3000, side=230.0)
    assert around.particle.max() == 0
    count, places = ColumnNetwork(exported), places * SAMPLING
    whole, parted = count(around, places), count(around, places, at_once=1000)
    # What a part has in common is not quite what all of the particle has.
    assert 0 < np.abs(parted - whole).max() < 0.05 * np.abs(whole).max()


def test_a_large_particle_is_halved_across_its_longer_side() -> None:
    places = np.random.default_rng(4).uniform(0, 1, (4000, 2)) * [100.0, 380.0]
    chosen = np.arange(0, 4000, 2)
    parts = list(column_network._halved(chosen, places, 500))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), chosen)
    assert [len(part) for part in parts] == [500] * 4
    sides = np.array([np.ptp(places[part], axis=0) for part in parts])
    assert sides.max() < 105


def test_many_crumbs_are_counted_a_few_at_a_time(exported: bytes) -> None:
    image = np.zeros((2000, 2000), np.float32)
    places = 20.0 + 100 * np.argwhere(np.ones((19, 19)))
    around = surroundings(lambda rows, cols: image[rows, cols], image.shape, places, sampling_angstrom=SAMPLING)
    assert around.particle.max() == 360
    around.features[:, 0] = np.arange(361)
    counts = ColumnNetwork(exported)(around, places * SAMPLING)
    assert counts.shape == (361, 5)
    assert (np.abs(np.diff(counts[:, 0])) > 0).all()


def test_no_columns_are_no_counts(exported: bytes) -> None:
    (around, _), _ = drawn(4)
    assert ColumnNetwork(exported)(around.of(np.arange(0)), np.empty((0, 2))).shape == (0, 5)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x01"])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="network on columns"):
        ColumnNetwork(content)


def test_a_missing_file_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.onnx: .*columns stage"):
        ColumnNetwork.read(tmp_path / "absent.onnx")


def test_images_side_by_side_do_not_hear_each_other(model: keras.Model) -> None:
    first, second = drawn(40, seed=1)[0], drawn(25, seed=2)[0]
    both = inference(model)(together([first, second]))
    apart = np.concatenate([inference(model)(part) for part in (first, second)])
    np.testing.assert_allclose(both, apart, atol=1e-4)


def test_the_loss_adds_up_the_squares_of_its_sums() -> None:
    errors = np.array([[1.0, 2.0, -1.0, 3.0, -2.0], [0.0, 1.0, 0.0, -1.0, 0.0]], np.float32)
    expected = [
        sum(weight * sum(row[ELEMENTS.index(symbol)] for symbol in form) ** 2 for weight, form in FORMS)
        for row in errors
    ]
    np.testing.assert_allclose(np.asarray(squared(errors)), expected, rtol=1e-6)


def test_it_learns_what_neighbours_say() -> None:
    keras.utils.set_random_seed(1)
    built = network.build(np.full(FEATURES, 2.0), np.full(FEATURES, 0.25))
    step = Step(built, total=300, rate=0.003)
    parts = [drawn(120, seed=seed)[0] for seed in range(9)]
    for number in range(300):
        step(parts[number % 8])
    unseen = parts[-1]
    error = inference(built)(unseen) - unseen.counts
    # Without the neighbours, the second element's spread would stay: they make half of it.
    assert (error**2).mean() < 0.15 * unseen.counts.var(axis=0).mean()


class Particles:
    """Training and validation images of columns that are as bright as they are thick."""

    def split(self, name: str) -> np.ndarray:
        return {"train": np.arange(6), "validation": np.arange(6, 8)}[name]

    def columns(self, sample: int, *, in_field: bool) -> pd.DataFrame:
        assert not in_field
        row, col = (axis.ravel() for axis in np.mgrid[6:60:12, 6:60:12])
        table = pd.DataFrame({"row": row.astype(float), "col": col.astype(float)})
        table[list(ELEMENTS)] = np.random.default_rng(sample).integers(0, 4, (row.size, len(ELEMENTS)))
        return table

    def image(self, sample: int) -> np.ndarray:
        columns = self.columns(sample, in_field=False)
        pixel = np.mgrid[:64, :64]
        away = sum(
            (axis[..., None] - columns[name].to_numpy()) ** 2 for axis, name in zip(pixel, ("row", "col"), strict=True)
        )
        return (0.01 * np.exp(-away / 12) @ columns[list(ELEMENTS)].sum(axis=1).to_numpy()).astype(np.float32)

    def energy_ev(self, _sample: int) -> float:
        return 2e5


@pytest.fixture(scope="module")
def params() -> Params:
    whole = load(ROOT / "tests/pipeline/params.tiny.yaml")
    return whole.model_copy(update={"columns": whole.columns.model_copy(update={"epochs": 3, "batch": 2})})


def test_training_is_the_same_with_any_number_of_threads(params: Params) -> None:
    told: list[tuple[int, dict[str, float]]] = []
    fits = [
        fit(params, Examples(Particles(), params), threads=threads, report=lambda *said: told.append(said))
        for threads in (1, 3)
    ]
    assert [epoch for epoch, _ in told] == [0, 1, 2, 0, 1, 2]
    assert fits[0].history == fits[1].history
    for one, other in zip(fits[0].network.get_weights(), fits[1].network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert {"columns_loss", "columns_val_loss", "columns_val_r2_Pt"} <= set(fits[0].history[-1])
    assert fits[0].history[-1]["columns_loss"] < fits[0].history[0]["columns_loss"]


def test_training_columns_move_and_go_unseen_and_held_out_ones_do_not(params: Params) -> None:
    examples = Examples(Particles(), params)
    fixed = examples.make(6, None)
    assert len(fixed.around) == 25
    np.testing.assert_allclose(fixed.around.offsets[:, 0, 2] * 5, 12 * SAMPLING, rtol=1e-6)
    drawn_again = [examples.make(0, epoch) for epoch in range(40)]
    assert {len(columns.around) for columns in drawn_again} > {25}
    gaps = np.concatenate([columns.around.offsets[:, 0, 2] * 5 for columns in drawn_again])
    assert 0.02 < gaps.std() < 0.12
    np.testing.assert_array_equal(examples.make(0, 3).around.features, drawn_again[3].around.features)


def test_an_epoch_shows_every_sample_once(params: Params) -> None:
    shown: list[tuple[int | None, int]] = []

    class Noting(Examples):
        def make(self, sample: int, epoch: int | None) -> Columns:
            shown.append((epoch, sample))
            return super().make(sample, epoch)

    made = list(batches(Noting(Particles(), params), np.arange(6), batch=3, epochs=2, threads=1))
    assert len(made) == 4
    assert sorted(shown) == [(epoch, sample) for epoch in range(2) for sample in range(6)]
    assert [sample for epoch, sample in shown if epoch == 0] != [sample for epoch, sample in shown if epoch == 1]


def test_more_images_a_batch_than_there_are_is_refused(params: Params) -> None:
    many = params.model_copy(update={"columns": params.columns.model_copy(update={"batch": 7})})
    with pytest.raises(InputError, match=r"columns\.batch 7 is more than the 6"):
        fit(many, Examples(Particles(), many), threads=1, report=lambda *_: None)


def test_the_counts_given_are_the_weighted_mean_of_both(exported: bytes) -> None:
    rng = np.random.default_rng(0)
    image, maps = rng.random((80, 70, 1), np.float32), rng.random((80, 70, 5), np.float32)
    places = np.array([[20.0, 30.0], [22.5, 44.0], [61.0, 12.25]])
    readout = reading.make("peak", sigma_pixels=2.5)
    count = {
        weight: Counter(readout, SAMPLING, ColumnNetwork(exported), weight)(image, maps, places)
        for weight in (0.0, 0.25, 1.0)
    }
    np.testing.assert_allclose(count[0.0], readout(maps, *places.T))
    np.testing.assert_allclose(count[0.25], 0.75 * count[0.0] + 0.25 * count[1.0])
    assert np.abs(count[1.0] - count[0.0]).min() > 1e-3
    np.testing.assert_array_equal(Counter(readout, SAMPLING)(image, maps, places), count[0.0])
