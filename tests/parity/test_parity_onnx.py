"""Keras and onnxruntime say the same, and the graph is the one that was meant."""

from collections import Counter as Tally
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from heamap.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, Contract, Lineage, TrainingRanges
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation import reading
from heamap.evaluation.counter import Counter
from heamap.lifecycle import export
from heamap.network import patched
from heamap.network.architectures import ARCHITECTURES
from heamap.seal import seal_fault
from heamap_serving.calibration import Calibration
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import score
from heamap_serving.session import load_model

FILTERS = {"fcn": (4, 8, 12), "folded": (4, 8, 12), "patched": (8, 12)}
CONTRACT = Contract(
    elements=ELEMENTS,
    sampling_angstrom=0.2,
    normalization="local",
    label_sigma_angstrom=0.5,
    intensity_scale=1.0,
    stride=4,
    ranges=TrainingRanges(
        energy_ev=(180e3, 220e3),
        semiangle_mrad=(15, 20),
        detector_mrad=(60, 95),
        dose_per_square_angstrom=(1e5, 4e5),
        column_total=(1, 15),
        nearest_column_angstrom=2.27,
    ),
    lineage=Lineage(run_id="r", commit="c", data={"data/images": "i.dir"}),
)


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def contract(network: str) -> Contract:
    kind = ARCHITECTURES[network]
    return CONTRACT.model_copy(update={"stride": kind.stride(FILTERS[network]), "reach": kind.reach(FILTERS[network])})


@pytest.fixture(scope="module")
def stored(network: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in mixed precision as if trained: normalisations have seen data, blocks and biases are not 0."""
    keras.utils.set_random_seed(7)
    model = ARCHITECTURES[network].build(FILTERS[network], precision="mixed_bfloat16")
    rng = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(0, 0.2, size))
            layer.moving_variance.assign(rng.uniform(0.5, 2.0, size))
            layer.gamma.assign(rng.uniform(0.5, 1.5, size))
            layer.beta.assign(rng.normal(0, 0.2, size))
        if network == "patched" and isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            last = rng.normal(0, 0.5 / np.sqrt(kernel.shape[-1]), kernel.shape)
            layer.set_weights([kernel if kernel.any() else last, rng.normal(0, 0.1, bias.shape)])
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def float32(stored: Path) -> keras.Model:
    return export.load_float32(stored)


@pytest.fixture(scope="module")
def exported(float32: keras.Model, contract: Contract, stored: Path) -> Path:
    path = stored.with_name("model.onnx")
    onnx.save(export.to_onnx(float32, opset=17, contract=contract), path)
    return path


def images(batch: int, rows: int, cols: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(batch, rows, cols, 1)).astype(np.float32)


def test_the_float32_model_has_the_weights_of_the_mixed_one(stored: Path, float32: keras.Model) -> None:
    mixed = keras.models.load_model(stored, compile=False)
    assert {layer.dtype_policy.name for layer in float32.layers} == {"float32"}
    assert all(
        np.array_equal(one, other) for one, other in zip(mixed.get_weights(), float32.get_weights(), strict=True)
    )
    image = images(1, 32, 32)
    difference = np.abs(export.keras_predict(mixed)(image) - export.keras_predict(float32)(image)).max()
    assert 0 < difference < 0.1 * np.abs(export.keras_predict(float32)(image)).max()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 12, 20), (2, 2, 4)])
def test_any_batch_and_size_gives_the_same_maps(
    float32: keras.Model, exported: Path, contract: Contract, shape: tuple[int, int, int]
) -> None:
    batch, rows, cols = shape[0], *(contract.stride * side // 2 for side in shape[1:])
    image = images(batch, rows, cols)
    expected = export.keras_predict(float32)(image)
    found = export.session_predict(exported)(image)
    assert found.shape == (batch, rows, cols, len(ELEMENTS))
    assert np.abs(found - expected).max() < 1e-5 * max(1.0, float(np.abs(expected).max()))


def test_the_graph_is_lean_and_has_no_stray_transpose_or_reshape(exported: Path, network: str) -> None:
    model = onnx.load(exported)
    operators = Tally(node.op_type for node in model.graph.node)
    levels = len(FILTERS[network]) - 1
    folding = {} if network == "fcn" else {"SpaceToDepth": 1, "DepthToSpace": 1}
    if network == "patched":
        # Stem, gathering, patch and head are six; each level halves and narrows.
        blocks = 2 * patched.ARM_BLOCKS * levels + patched.BRIDGE_BLOCKS
        layers = {"Conv": 2 * blocks + 6 + 2 * levels, "Relu": blocks + 4, "Add": blocks + levels}
    else:
        # A level has two blocks and a narrowing; five convolutions and an addition make a block; the bridge is one
        # more.
        convolutions = 5 * (2 * levels + 1) + levels
        layers = {
            "Conv": convolutions + 1,
            "Relu": convolutions,
            "Add": 2 * levels + 1 + levels,
            "MaxPool": levels,
        }
    assert operators == {**folding, **layers, "Resize": levels, "Transpose": 2}
    assert [model.graph.node[place].op_type for place in (0, -1)] == ["Transpose", "Transpose"]
    assert {initializer.data_type for initializer in model.graph.initializer} == {onnx.TensorProto.FLOAT}


@pytest.fixture(scope="module", params=[2, 4])
def orientations(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def averaging(float32: keras.Model, contract: Contract, stored: Path, orientations: int) -> Path:
    path = stored.with_name(f"averaging_{orientations}.onnx")
    several = contract.model_copy(update={"orientations": orientations})
    onnx.save(export.to_onnx(float32, opset=17, contract=several), path)
    return path


def oriented(images: np.ndarray, orientations: int) -> list[np.ndarray]:
    """Images, or maps on their way back, in each orientation."""
    if orientations == 2:
        return [images, images.swapaxes(1, 2)]
    return [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32, 32), (1, 48, 80)])
def test_orientations_give_the_mean_of_their_maps(
    float32: keras.Model, exported: Path, averaging: Path, orientations: int, shape: tuple[int, int, int]
) -> None:
    image = images(*shape)
    found, once = export.session_predict(averaging)(image), export.session_predict(exported)
    maps = [once(np.ascontiguousarray(turned)) for turned in oriented(image, orientations)]
    # The way back of a turn is the turn that makes it whole.
    back = [oriented(one, orientations)[-place % orientations] for place, one in enumerate(maps)]
    largest = max(1.0, float(np.abs(found).max()))
    assert all(np.abs(one - back[0]).max() > 0.01 * largest for one in back[1:])
    np.testing.assert_allclose(found, np.mean(back, axis=0), atol=1e-6 * largest)
    expected = export.keras_predict(float32, orientations=orientations)(image)
    np.testing.assert_allclose(found, expected, atol=1e-5 * largest)


def test_orientations_share_their_weights_and_the_face_of_one(
    exported: Path, averaging: Path, orientations: int
) -> None:
    one, several = onnx.load(exported).graph, onnx.load(averaging).graph
    assert [value.SerializeToString() for value in (*several.input, *several.output)] == [
        value.SerializeToString() for value in (*one.input, *one.output)
    ]
    single, all_of_them = (Tally(node.op_type for node in graph.node) for graph in (one, several))
    turning = {2: {"Transpose": 2}, 4: {"Transpose": 4, "Slice": 8}}[orientations]
    mean = {"Add": orientations - 1, "Mul": 1}
    assert all_of_them == Tally({kind: orientations * times for kind, times in single.items()}) + Tally(
        turning
    ) + Tally(mean)
    weights = {item.name for item in one.initializer}
    assert weights <= {item.name for item in several.initializer}
    assert sum(np.prod(item.dims, initial=1) for item in several.initializer if item.name not in weights) < 10
    assert load_model(averaging).contract.orientations == orientations


def test_orientations_do_not_care_how_an_image_lies(averaging: Path, orientations: int) -> None:
    model, image = load_model(averaging), images(1, 48, 80)
    straight = model.predict(image)
    for place, turned in enumerate(oriented(image, orientations)):
        maps = model.predict(np.ascontiguousarray(turned))
        np.testing.assert_array_equal(oriented(maps, orientations)[-place % orientations], straight)


def test_a_flipped_bit_breaks_the_seal(exported: Path, tmp_path: Path) -> None:
    content = exported.read_bytes()
    assert seal_fault(content) == ""
    for place in (200, len(content) // 2, len(content) - 20):
        damaged = bytearray(content)
        damaged[place] ^= 1
        assert "checksum" in seal_fault(bytes(damaged))
    path = tmp_path / "damaged.onnx"
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="checksum"):
        load_model(path)


def test_the_face_is_named_and_free_in_batch_and_size(exported: Path) -> None:
    model = onnx.load(exported)
    assert model.opset_import[0].version == 17
    for value, name in ((model.graph.input, INPUT_NAME), (model.graph.output, OUTPUT_NAME)):
        assert [entry.name for entry in value] == [name]
        assert [axis.dim_param for axis in value[0].type.tensor_type.shape.dim[:3]] == ["batch", "rows", "cols"]


def test_the_scorer_accepts_the_file_and_its_contract(exported: Path, contract: Contract) -> None:
    assert load_model(exported).contract == contract
    assert METADATA_KEY in {entry.key for entry in onnx.load(exported).metadata_props}


def test_saving_again_keeps_the_bytes(exported: Path, tmp_path: Path) -> None:
    onnx.save_model(onnx.load(exported), tmp_path / "again.onnx", save_as_external_data=False)
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()


def test_parity_sees_a_difference_of_values_and_of_counts(float32: keras.Model, exported: Path) -> None:
    same = export.session_predict(exported)
    counter = Counter(reading.make("peak", sigma_pixels=2.5), sampling_angstrom=0.2)
    examples = [(images(1, 32, 32)[0], np.array([[4.0, 5.5], [20.25, 9.0]]))]
    agreed = export.compare(export.keras_predict(float32), same, examples, counter=counter)
    peak = float(np.abs(same(examples[0][0][None])).max())
    assert agreed.max_error < 1e-5 * peak
    assert (agreed.count_mismatch, agreed.counts, agreed.images) == (0.0, 10, 1)
    differing = export.compare(same, lambda batch: same(batch) + np.float32(1.0), examples, counter=counter)
    assert differing.max_error == pytest.approx(1.0, rel=1e-3)
    assert differing.count_mismatch == 1.0


@pytest.mark.parametrize("tile_pixels", [160 * 160, 200 * 240, 60_000])
def test_tiles_of_any_size_leave_no_seams_in_maps_or_counts(exported: Path, tile_pixels: int) -> None:
    model = load_model(exported)
    # Wide enough for several tiles, however far the network sees.
    sides = [2 * int(model.contract.reach) + more for more in (297, 244)]
    rows, cols = np.mgrid[: sides[0], : sides[1]]
    image = (100 + 50 * np.cos(rows / 2.3) * np.cos(cols / 2.1) + images(1, *sides)[0, ..., 0]).astype(np.float32)
    plain = score(Micrograph(image, (0.2, 0.2)), model, Calibration())
    # Weights drawn at random: scaled so that the maps hold columns of atoms.
    scale = 30 / float(plain.maps.sum(axis=-1).max())
    model = replace(model, contract=model.contract.model_copy(update={"intensity_scale": scale}))
    whole = score(Micrograph(image, (0.2, 0.2)), model, Calibration())
    tiled = score(Micrograph(image, (0.2, 0.2)), model, Calibration(), tile_pixels=tile_pixels)
    assert whole.cut.tiles == 1
    assert tiled.cut.tiles > 3
    assert tiled.cut.rows[1].keep_start - tiled.cut.rows[1].start >= model.contract.reach
    assert len(whole.counts) > 100
    np.testing.assert_allclose(tiled.maps, whole.maps, atol=1e-4)
    np.testing.assert_allclose(tiled.positions, whole.positions, atol=1e-3)
    np.testing.assert_array_equal(np.rint(tiled.counts), np.rint(whole.counts))


def test_a_batch_gives_what_its_images_give_one_by_one(exported: Path) -> None:
    model = load_model(exported)
    batch = images(3, 64, 80)
    together = model.predict(batch)
    for image, maps in zip(batch, together, strict=True):
        np.testing.assert_allclose(model.predict(image[None])[0], maps, atol=1e-6)
