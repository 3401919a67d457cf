"""DigitalMicrograph's dm3 and dm4."""

import numpy as np
import pytest
from writers import digital_micrograph as dm
from writers.digital_micrograph import Image
from writers.pictures import drifted, picture

from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph

TAGS = {
    "Microscope Info": {
        "Voltage": 200000.0,
        "Illumination Mode": "STEM",
        "Probe Current (nA)": 0.03,
        "Stage Position": {"Stage Alpha": 2.0, "Stage Beta": -1.0},
    },
    "DigiScan": {"Sample Time": 12.0},
    "EELS": {"Experimental Conditions": {"Convergence semi-angle (mrad)": 24.0}},
    "DataBar": {"Signal Name": "HAADF"},
}


def facts(micrograph):
    return {name: entry["value"] for name, entry in micrograph.known.record().items() if entry is not None}


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32", "uint8"])
def test_an_image_with_all_that_its_tags_state(tmp_path, version, dtype):
    image = (picture() / (40 if dtype == "uint8" else 1)).astype(dtype)
    path = tmp_path / f"a.dm{version}"
    dm.write(path, [Image(image, "Scan 1", tags=TAGS)], version)
    found = read_micrograph(path)
    np.testing.assert_array_equal(found.image, image)
    stated = facts(found)
    assert stated.pop("dose_per_square_angstrom") == pytest.approx(3e-11 * 12e-6 / 1.602176634e-19 / 0.03)
    assert stated == {
        "sampling_angstrom": pytest.approx([0.15, 0.2]),
        "energy_ev": 200e3,
        "semiangle_mrad": 24.0,
        "detector": "HAADF",
        "beam_current_pa": pytest.approx(30.0),
        "dwell_time_s": pytest.approx(12e-6),
        "tilt_degree": [2.0, -1.0],
    }
    assert found.dataset == "Scan 1"


def test_numbers_that_the_microscope_did_not_know_are_unstated(tmp_path):
    info = {"Voltage": 0.0, "Probe Current (nA)": 0.0}
    tags = {"Microscope Info": info, "EELS": {"Experimental Conditions": {"Convergence semi-angle (mrad)": 0.0}}}
    dm.write(tmp_path / "a.dm4", [Image(picture(), "x", tags=tags)])
    assert set(facts(read_micrograph(tmp_path / "a.dm4"))) == {"sampling_angstrom"}


@pytest.mark.parametrize(
    ("units", "gain"), [("I/I0", 2e-6), ("fraction of incident beam", 2e-6), ("e-", None), ("", None)]
)
def test_the_brightness_is_a_gain_in_units_of_the_beam(tmp_path, units, gain):
    brightness = {"Origin": 100.0, "Scale": 2e-6, "Units": units}
    dm.write(tmp_path / "a.dm4", [Image(picture(), brightness=brightness)])
    known = read_micrograph(tmp_path / "a.dm4").known
    assert known.value("beam_fraction_per_count") == gain
    assert known.value("black_level") == (None if gain is None else 100.0)


def test_the_haadf_series_is_taken_and_never_another_detector_s_image(tmp_path):
    frames = drifted([(0, 0), (1.5, 2)])
    dm.write(tmp_path / "a.dm4", [Image(picture(), "LAADF"), Image(frames, "HAADF")])
    found = read_micrograph(tmp_path / "a.dm4")
    assert (found.dataset, found.frames.number) == ("HAADF", 2)
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    brightness = {"Origin": 100.0, "Scale": 2e-6, "Units": "I/I0"}
    dm.write(tmp_path / "b.dm4", [Image(frames, brightness=brightness)])
    known = read_micrograph(tmp_path / "b.dm4").known
    assert (known.value("beam_fraction_per_count"), known.value("black_level")) == (1e-6, 200.0)


def test_a_survey_image_beside_the_haadf_is_passed_over(tmp_path):
    images = [Image(picture()[::-1], "SI Survey Image"), Image(picture(), "SI HAADF")]
    dm.write(tmp_path / "a.dm4", images)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.dm4").image, picture())
    tags = {"DataBar": {"Signal Name": "HAADF"}}
    dm.write(
        tmp_path / "c.dm4", [Image(picture()[::-1], "SI Survey Image", tags=tags), Image(picture(), "SI", tags=tags)]
    )
    np.testing.assert_array_equal(read_micrograph(tmp_path / "c.dm4").image, picture())
    dm.write(tmp_path / "b.dm4", [Image(picture()[::-1], "SI Survey Image"), Image(picture(), "Copy of image")])
    line = r"holds 2 images; take one with --image NAME: SI Survey Image \(40 x 56\), Copy of image \(40 x 56\)"
    with pytest.raises(InputError, match=line):
        read_micrograph(tmp_path / "b.dm4")
    np.testing.assert_array_equal(
        read_micrograph(tmp_path / "b.dm4", selection=Selection(image="copy")).image, picture()
    )


def test_a_colour_copy_is_named_and_does_not_hide_the_data(tmp_path):
    colour = Image(np.zeros((40, 56), np.uint32), "HAADF (display)", colour=True)
    dm.write(tmp_path / "a.dm4", [colour])
    with pytest.raises(InputError, match=r"^a colour image \(R/G/B/A\): its grey values are a display copy"):
        read_micrograph(tmp_path / "a.dm4")
    dm.write(tmp_path / "b.dm4", [colour, Image(picture())])
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.dm4").image, picture())


def test_a_complex_image_is_named(tmp_path):
    dm.write(tmp_path / "a.dm4", [Image(np.zeros((40, 56), np.complex64), "FFT of HAADF")])
    with pytest.raises(InputError, match="a Fourier transform or another complex image"):
        read_micrograph(tmp_path / "a.dm4")


def test_a_spectrum_image_is_named(tmp_path):
    tags = {"Meta Data": {"Format": "Spectrum image", "Signal": "EELS"}}
    cube = Image(np.zeros((50, 4, 5), np.float32), "EELS", tags=tags)
    dm.write(tmp_path / "a.dm4", [cube])
    with pytest.raises(InputError) as caught:
        read_micrograph(tmp_path / "a.dm4")
    assert "damaged" not in str(caught.value)


def test_a_flipped_axis_has_a_length_all_the_same(tmp_path):
    dm.write(tmp_path / "a.dm4", [Image(picture(), steps=(-0.015, 0.02))])
    assert read_micrograph(tmp_path / "a.dm4").sampling_angstrom == pytest.approx((0.15, 0.2))
