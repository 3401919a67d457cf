import numpy as np
import pytest
from serving_examples import WEIGHTS, calibrated, lattice_image, make_contract, write_model

from heamap.acquisition import Fact
from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap.evaluation import reading
from heamap_serving.calibration import Calibration
from heamap_serving.micrograph import Micrograph
from heamap_serving.outputs import column_table, fractions
from heamap_serving.region import Region
from heamap_serving.score import score
from heamap_serving.session import load_model


def nearest(found, true):
    return np.linalg.norm(found[:, None] - true[None], axis=-1)


@pytest.mark.parametrize("step", [(0.2, 0.2), (0.1, 0.1), (0.1, 0.14)])
def test_every_column_is_found_in_pixels_of_the_original_image(model_file, step):
    image, centres = lattice_image((int(30 / step[0]), int(34 / step[1])), step)
    scored = score(Micrograph(image, step), load_model(model_file), Calibration())
    table = column_table(scored, 0.2)
    assert len(table) == len(centres)
    distance = nearest(table[["row_px", "col_px"]].to_numpy(), centres)
    assert distance.min(axis=0).max() < 0.5
    np.testing.assert_allclose(table["x_angstrom"], table["col_px"] * step[1])
    np.testing.assert_allclose(table["y_angstrom"], table["row_px"] * step[0])


def test_counts_keep_the_element_order_and_fractions_sum_to_one(model_file):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    table = column_table(score(Micrograph(image, (0.2, 0.2)), load_model(model_file), Calibration()), 0.2)
    ratios = table[["Pt", "Ni", "Pd", "Co", "Fe"]].to_numpy() / table[["Fe"]].to_numpy()
    np.testing.assert_allclose(ratios, np.broadcast_to(WEIGHTS, ratios.shape), rtol=1e-4)
    np.testing.assert_allclose(table.filter(like="fraction_").sum(axis=1), 1.0)


def test_negative_counts_have_no_share():
    np.testing.assert_allclose(
        fractions(np.array([[3.0, -1.0, 1.0, 0, 0], [0, 0, 0, 0, 0]])).tolist()[0][:3], [0.75, 0, 0.25]
    )
    assert fractions(np.array([[-1.0, 0, 0, 0, 0]])).sum() == 0


def test_tiled_and_whole_images_give_the_same_counts(model_file):
    image, _ = lattice_image((330, 420), (0.2, 0.2))
    model = load_model(model_file)
    whole = score(Micrograph(image, (0.2, 0.2)), model, Calibration())
    tiled = score(Micrograph(image, (0.2, 0.2)), model, Calibration(), tile_pixels=256 * 256)
    assert whole.cut.tiles == 1
    assert tiled.cut.tiles > 1
    np.testing.assert_allclose(tiled.positions, whole.positions, atol=1e-6)
    np.testing.assert_allclose(tiled.counts, whole.counts, atol=1e-4)


@pytest.mark.parametrize("readout", ["peak", "fit"])
def test_counts_are_read_as_the_contract_says_with_the_neighbours_that_a_mask_takes_out(tmp_path, readout):
    contract = make_contract(readout=readout)
    model = load_model(write_model(tmp_path / "model.onnx", {METADATA_KEY: contract.to_json()}))
    image, _ = lattice_image((150, 150), (0.2, 0.2), spacing=1.8)
    micrograph = Micrograph(image, (0.2, 0.2))
    whole = score(micrograph, model, Calibration())
    expected = reading.of_contract(contract)(whole.maps, *whole.positions.T)
    np.testing.assert_allclose(whole.counts, expected, atol=1e-9)
    mask = np.zeros((150, 150), bool)
    mask[:, 70:] = True
    masked = score(micrograph, model, Calibration(), Region(mask=mask))
    kept = np.rint(whole.positions[:, 1]) >= 70
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(masked.counts, whole.counts[kept])


def test_brightness_and_offset_do_not_matter_to_a_local_model(model_file):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    model = load_model(model_file)
    plain = score(Micrograph(image, (0.2, 0.2)), model, Calibration())
    other = score(Micrograph(3 * image + 500, (0.2, 0.2)), model, Calibration())
    np.testing.assert_allclose(other.counts, plain.counts, atol=1e-2)


def test_no_pixel_size_is_refused_and_the_option_gives_it(model_file):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    model = load_model(model_file)
    with pytest.raises(
        InputError,
        match=r"no pixel size in the file; not known.* pixel size \(--sampling-angstrom X\); give it as an option",
    ):
        score(Micrograph(image, None), model, Calibration())
    scored = score(Micrograph(image, None), model, Calibration(sampling_angstrom=0.2))
    assert scored.known.sampling_angstrom == Fact((0.2, 0.2), "option")


@pytest.mark.parametrize("step", [2e-3, 1.5, 2e9])
def test_an_implausible_pixel_size_is_refused(model_file, step):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    with pytest.raises(InputError, match=r"pixel size .* columns 2.27 Angstrom apart"):
        score(Micrograph(image, (step, step)), load_model(model_file), Calibration())


def test_a_field_without_room_for_columns_is_refused(model_file):
    with pytest.raises(InputError, match="field of view 4 x 30 Angstrom"):
        score(Micrograph(np.eye(20, 150, dtype=np.float32), (0.2, 0.2)), load_model(model_file), Calibration())


def test_an_absolute_model_needs_the_detectors_calibration(tmp_path):
    contract = make_contract(normalization="absolute")
    model = load_model(write_model(tmp_path / "m.onnx", {METADATA_KEY: contract.to_json()}))
    image, centres = lattice_image((150, 150), (0.2, 0.2))
    with pytest.raises(InputError, match="--beam-fraction-per-count"):
        score(Micrograph(image, (0.2, 0.2)), model, Calibration())
    calibration = calibrated(beam_fraction_per_count=1e-4, black_level=100.0)
    scored = score(Micrograph(image, (0.2, 0.2)), model, calibration)
    assert len(scored.counts) == len(centres)
    assert scored.image.min() == pytest.approx(0.0, abs=1e-4)
    assert 0.1 < scored.image.max() < 0.2


@pytest.mark.parametrize(
    ("values", "option"),
    [
        ({"sampling_angstrom": 0.0}, "--sampling-angstrom"),
        ({"sampling_angstrom": float("nan")}, "--sampling-angstrom"),
        ({"beam_fraction_per_count": -1.0}, "--beam-fraction-per-count"),
        ({"black_level": float("inf")}, "--black-level"),
        ({"detector_mrad": (95.0, 60.0)}, "--detector-mrad must be an inner and a larger outer angle, got 95 60"),
        ({"detector_mrad": (-1.0, 60.0)}, "--detector-mrad"),
        ({"detector_mrad": (60.0, float("inf"))}, "--detector-mrad"),
        ({"detector_mrad": (float("nan"), 60.0)}, "--detector-mrad"),
    ],
)
def test_impossible_options_are_refused_by_name(values, option):
    with pytest.raises(InputError, match=option):
        Calibration(**values)
