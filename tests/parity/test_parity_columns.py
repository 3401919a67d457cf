"""A model file that carries a network on columns: loaded, held to its contract, and counted with."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from heamap.columns import export as columns_export
from heamap.columns import network
from heamap.contract import COLUMNS_KEY, METADATA_KEY, ColumnShare, Contract, Lineage, TrainingRanges
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.surroundings import FEATURES, surroundings
from heamap.lifecycle import export
from heamap.network.architectures import ARCHITECTURES
from heamap.seal import seal_fault
from heamap_serving.calibration import Calibration
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import Scored, score
from heamap_serving.session import Model, load_model

KIND, FILTERS, WEIGHT, SAMPLING = ARCHITECTURES["patched"], (8, 12), 0.25, 0.2


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(
        elements=ELEMENTS,
        sampling_angstrom=SAMPLING,
        normalization="local",
        label_sigma_angstrom=0.5,
        intensity_scale=1.0,
        stride=KIND.stride(FILTERS),
        reach=KIND.reach(FILTERS),
        readout="fit",
        columns=ColumnShare(weight=WEIGHT),
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


@pytest.fixture(scope="module")
def columns() -> bytes:
    keras.utils.set_random_seed(3)
    return columns_export.to_onnx(network.build(np.zeros(FEATURES), np.ones(FEATURES)), opset=17)


@pytest.fixture(scope="module")
def path(contract: Contract, columns: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(4)
    model = KIND.build(FILTERS)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([part + np.float32(0.02) for part in layer.get_weights()])
    written = tmp_path_factory.mktemp("model") / "model.onnx"
    onnx.save(export.to_onnx(model, opset=17, contract=contract, columns=columns), written)
    return written


def micrograph(rows: int = 220, cols: int = 180) -> Micrograph:
    row, col = np.mgrid[:rows, :cols]
    noise = np.random.default_rng(0).normal(0, 2, (rows, cols))
    image = 100 + 50 * np.cos(row / 2.3) * np.cos(col / 2.1) + row / 5 + noise
    return Micrograph(image.astype(np.float32), (SAMPLING, SAMPLING))


def scaled(path: Path) -> Model:
    """Weights drawn at random: scaled so that the maps hold columns of atoms."""
    model = load_model(path)
    plain = score(micrograph(), model, Calibration())
    scale = 30 / float(plain.maps.sum(axis=-1).max())
    return replace(model, contract=model.contract.model_copy(update={"intensity_scale": scale}))


@pytest.fixture(scope="module")
def model(path: Path) -> Model:
    return scaled(path)


@pytest.fixture(scope="module")
def scored(model: Model) -> Scored:
    found = score(micrograph(), model, Calibration())
    assert len(found.counts) > 100
    return found


def test_counts_are_the_mean_of_both_networks(model: Model, scored: Scored) -> None:
    off_maps = model.counter.readout(scored.maps, *scored.positions.T)
    only = replace(model, contract=model.contract.model_copy(update={"columns": ColumnShare(weight=1.0)}))
    by_columns = score(micrograph(), only, Calibration()).counts
    assert np.abs(by_columns - off_maps).max() > 0.1
    np.testing.assert_allclose(scored.counts, (1 - WEIGHT) * off_maps + WEIGHT * by_columns, atol=1e-4)


def test_the_network_on_columns_sees_the_image_as_the_other_does(model: Model, scored: Scored) -> None:
    seen: list[np.ndarray] = []

    def spy(image: np.ndarray) -> np.ndarray:
        seen.append(image[0, ..., 0].copy())
        return Model.predict(model, image)

    class Spied(Model):
        predict = staticmethod(spy)

    score(micrograph(), Spied(**vars(model)), Calibration())
    (whole,) = seen
    around = surroundings(
        lambda rows, cols: whole[rows, cols], (220, 180), scored.positions, sampling_angstrom=SAMPLING
    )
    own = model.columns(around, scored.positions[:, 0] * SAMPLING)
    off_maps = model.counter.readout(scored.maps, *scored.positions.T)
    np.testing.assert_allclose(scored.counts, (1 - WEIGHT) * off_maps + WEIGHT * own, atol=1e-3)


def test_tiles_leave_no_seams_in_the_counts(model: Model) -> None:
    wide = micrograph(700, 620)
    whole = score(wide, model, Calibration())
    tiled = score(wide, model, Calibration(), tile_pixels=460 * 460)
    assert (whole.cut.tiles, tiled.cut.tiles > 1) == (1, True)
    np.testing.assert_allclose(tiled.positions, whole.positions, atol=1e-3)
    np.testing.assert_allclose(tiled.counts, whole.counts, atol=0.02)


def test_the_file_is_sealed_with_it_and_needs_it(path: Path, columns: bytes, tmp_path: Path) -> None:
    assert seal_fault(path.read_bytes()) == ""
    loaded = onnx.load(path)
    held = {entry.key: entry.value for entry in loaded.metadata_props}
    assert held[COLUMNS_KEY] == b64encode(columns).decode()
    for value, words in (("", "lacks"), ("no base 64!", "lacks"), (b64encode(b"x").decode(), "no usable network")):
        onnx.helper.set_model_props(
            loaded, {METADATA_KEY: held[METADATA_KEY]} | ({COLUMNS_KEY: value} if value else {})
        )
        onnx.save(loaded, tmp_path / "broken.onnx")
        with pytest.raises(InputError, match=words):
            load_model(tmp_path / "broken.onnx")
