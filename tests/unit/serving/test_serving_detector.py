import h5py
import numpy as np
import pytest
from serving_examples import lattice_image, make_contract, write_model

from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap_serving.detector import beam_scale, detector_scale, in_beam_fractions
from heamap_serving.micrograph import BeamScale, Micrograph
from heamap_serving.readers import read_micrograph
from heamap_serving.score import Calibration, score
from heamap_serving.session import load_model


def metadata(quantity, **model):
    return {"Signal": {"quantity": quantity, "Noise_properties": {"Variance_linear_model": model}}}


def test_gain_and_black_level_come_from_metadata_in_units_of_the_beam():
    found = beam_scale(metadata("Intensity (fraction of incident beam)", gain_factor=2e-6, gain_offset=1200.0))
    assert found == BeamScale(2e-6, 1200.0)
    assert beam_scale(metadata("Intensity (I/I0)")) == BeamScale(1.0, 0.0)


@pytest.mark.parametrize(
    "signal",
    [
        {},
        metadata("Intensity", gain_factor=2e-6),
        metadata("Electrons (Counts)", gain_factor=2e-6),
        metadata("Intensity (I/I0)", gain_factor=0.0),
        metadata("Intensity (I/I0)", gain_factor="none"),
        metadata("Intensity (I/I0)", gain_factor=1.0, gain_offset=float("nan")),
    ],
)
def test_other_units_and_impossible_numbers_give_no_scale(signal):
    assert beam_scale(signal) is None


def test_the_options_go_before_the_file():
    micrograph = Micrograph(np.full((2, 2), 1300.0, np.float32), (0.2, 0.2), beam=BeamScale(1e-4, 300.0))
    for per_count, black_level in ((None, 0.0), (1e-3, 1200.0)):
        scale = detector_scale(micrograph, needed=True, per_count=per_count, black_level=black_level)
        np.testing.assert_allclose(in_beam_fractions(micrograph.image, scale), 0.1, rtol=1e-5)


def test_without_either_a_model_of_fractions_refuses_and_names_both_options():
    plain = Micrograph(np.ones((2, 2), np.float32), (0.2, 0.2))
    with pytest.raises(InputError, match=r"--beam-fraction-per-count .* and --black-level"):
        detector_scale(plain, needed=True, per_count=None, black_level=0.0)
    assert detector_scale(plain, needed=False, per_count=None, black_level=0.0) is None
    assert in_beam_fractions(plain.image, None) is plain.image


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
    scored = score(read_micrograph(path), model, Calibration())
    assert len(scored.counts) == len(centres)
    assert scored.image.min() == pytest.approx(0.0, abs=1e-4)
