from pathlib import Path

import h5py
import pytest
from serving_examples import calibrated, lattice_image, make_contract, write_model

from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap_serving.io import read_micrograph
from heamap_serving.io.acquisition_metadata import beam_scale
from heamap_serving.micrograph import BeamScale, Micrograph
from heamap_serving.score import score
from heamap_serving.session import load_model


def signal_of(quantity, **model):
    return {"metadata": {"Signal": {"quantity": quantity, "Noise_properties": {"Variance_linear_model": model}}}}


def test_gain_and_black_level_come_from_metadata_in_units_of_the_beam():
    found = beam_scale(signal_of("Intensity (fraction of incident beam)", gain_factor=2e-6, gain_offset=1200.0))
    assert found == BeamScale(2e-6, 1200.0)
    assert beam_scale(signal_of("Intensity (I/I0)")) == BeamScale(1.0, 0.0)


@pytest.mark.parametrize(
    "signal",
    [
        {},
        signal_of("Intensity", gain_factor=2e-6),
        signal_of("Electrons (Counts)", gain_factor=2e-6),
        signal_of("Intensity (I/I0)", gain_factor=0.0),
        signal_of("Intensity (I/I0)", gain_factor="none"),
        signal_of("Intensity (I/I0)", gain_factor=1.0, gain_offset=float("nan")),
    ],
)
def test_other_units_and_impossible_numbers_give_no_scale(signal):
    assert beam_scale(signal) is None


def test_digital_micrograph_states_its_brightness_where_its_mapping_says():
    place = "ImageList.TagGroup0.ImageData.Calibrations.Brightness"
    brightness = {"Units": "I/I0", "Scale": 1e-4, "Origin": 100.0}
    model = "Signal.Noise_properties.Variance_linear_model"
    signal = {
        "metadata": {"Signal": {"signal_type": ""}},
        "original_metadata": {"ImageList": {"TagGroup0": {"ImageData": {"Calibrations": {"Brightness": brightness}}}}},
        "mapping": {
            f"{place}.Units": ("Signal.quantity", lambda units: f"Intensity ({units})"),
            f"{place}.Scale": (f"{model}.gain_factor", None),
            f"{place}.Origin": (f"{model}.gain_offset", None),
        },
    }
    assert beam_scale(signal) == BeamScale(1e-4, 100.0)
    brightness["Units"] = "e-"
    assert beam_scale(signal) is None


def test_a_calibrated_dm4_file_is_read_with_its_scale():
    # The tags as the format's reader hands them on, from a real file where there is one.
    folder = Path(__file__).parents[3].parent / "shared" / "micrographs"
    if not (files := sorted(folder.glob("*.dm4"))):
        pytest.skip("no dm4 file at hand")
    from rsciio import digitalmicrograph

    signal = digitalmicrograph.file_reader(str(files[0]), lazy=True)[0]
    found = signal["original_metadata"]["ImageList"]["TagGroup0"]["ImageData"]["Calibrations"]["Brightness"]
    found.update({"Units": "I/I0", "Scale": 1e-4, "Origin": 100.0})
    assert beam_scale(signal) == BeamScale(1e-4, 100.0)


def test_an_image_brighter_than_its_beam_is_refused(model_of_fractions):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    wrong = 2 / float(image.max())
    with pytest.raises(InputError, match=r"2 times the incident beam by a gain of .* --beam-fraction-per-count"):
        score(Micrograph(image, (0.2, 0.2)), model_of_fractions, calibrated(None, wrong))


@pytest.fixture
def model_of_fractions(tmp_path):
    contract = make_contract(normalization="absolute")
    return load_model(write_model(tmp_path / "m.onnx", {METADATA_KEY: contract.to_json()}))


def test_a_calibrated_file_needs_no_option(tmp_path):
    image, centres = lattice_image((150, 150), (0.2, 0.2))
    path = tmp_path / "calibrated.hspy"
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
        experiment = file.create_group("Experiments/image")
        experiment.attrs.update({"package": "hyperspy", "package_version": "2.3.0"})
        experiment.create_dataset("data", data=image, chunks=image.shape)
        for index, name in enumerate("yx"):
            axis = {"name": name, "size": 150, "scale": 0.02, "offset": 0.0, "units": "nm", "navigate": False}
            experiment.create_group(f"axis-{index}").attrs.update(axis)
        stated = experiment.create_group("metadata/Signal")
        stated.attrs["quantity"] = "Intensity (fraction of incident beam)"
        model = stated.create_group("Noise_properties/Variance_linear_model")
        model.attrs.update({"gain_factor": 1e-4, "gain_offset": 100.0})
        experiment.create_group("original_metadata")
    contract = make_contract(normalization="absolute")
    model = load_model(write_model(tmp_path / "m.onnx", {METADATA_KEY: contract.to_json()}))
    scored = score(read_micrograph(path), model, calibrated(black_level=None))
    assert len(scored.counts) == len(centres)
    assert scored.image.min() == pytest.approx(0.0, abs=1e-4)
