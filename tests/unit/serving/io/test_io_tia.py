"""TIA's ser and emi."""

import numpy as np
import pytest
from writers import tia
from writers.pictures import drifted, picture

from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph

CONDITIONS = {"High tension": ("200", "kV"), "Stage A": ("1.5", "deg"), "Stage B": ("-2", "deg"), "Mode": ("STEM", "")}


def facts(micrograph):
    return {name: entry["value"] for name, entry in micrograph.known.record().items() if entry is not None}


def pair(tmp_path, images, objects, name="12.30.01 Scanning [2] Acquire"):
    tia.write_emi(tmp_path / f"{name}.emi", objects)
    for index, frames in enumerate(images, 1):
        tia.write_ser(tmp_path / f"{name}_{index}.ser", frames)
    return tmp_path / f"{name}.emi", tmp_path / f"{name}_1.ser"


def test_both_files_give_the_image_and_what_the_emi_states(tmp_path):
    tags = {"DwellTimePath": "8E-06", "DetectorName": "HAADF Detector"}
    for path in pair(tmp_path, [picture()[None]], [(CONDITIONS, tags)]):
        found = read_micrograph(path)
        np.testing.assert_array_equal(found.image, picture())
        assert facts(found) == {
            "sampling_angstrom": pytest.approx([0.15, 0.2]),
            "energy_ev": 200e3,
            "detector": "HAADF",
            "dwell_time_s": 8e-6,
            "tilt_degree": [1.5, -2.0],
        }


def test_a_ser_alone_has_its_pixel_size(tmp_path):
    tia.write_ser(tmp_path / "scan_1.ser", picture()[None])
    found = read_micrograph(tmp_path / "scan_1.ser")
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert set(facts(found)) == {"sampling_angstrom"}


def test_an_emi_of_several_detectors_lists_them_or_takes_the_haadf(tmp_path):
    images = [picture()[None], picture()[None, ::-1]]
    emi, _ = pair(tmp_path, images, [(CONDITIONS, {})] * 2)
    with pytest.raises(InputError, match=r"holds 2 images; take one with --image NAME: .*Acquire_1 .*Acquire_2"):
        read_micrograph(emi)
    found = read_micrograph(emi, selection=Selection(image="acquire_2"))
    np.testing.assert_array_equal(found.image, picture()[::-1])
    named = [(CONDITIONS, {"DetectorName": name}) for name in ("BF", "HAADF")]
    emi, _ = pair(tmp_path, images, named)
    np.testing.assert_array_equal(read_micrograph(emi).image, picture()[::-1])


def test_a_time_series_is_added(tmp_path):
    frames = drifted([(0, 0), (1, -2), (2, -3)])
    _, ser = pair(tmp_path, [frames], [(CONDITIONS, {"DwellTimePath": "2e-6"})])
    found = read_micrograph(ser)
    assert found.frames.number == 3
    np.testing.assert_allclose(found.frames.shifts_px, [(0, 0), (1, -2), (2, -3)], atol=0.15)
    assert facts(found)["dwell_time_s"] == pytest.approx(6e-6)
    np.testing.assert_array_equal(read_micrograph(ser, selection=Selection(frames="2")).image, frames[1])


def test_frames_that_were_not_finished_are_left_out(tmp_path):
    frames = drifted([(0, 0), (1, -2), (2, -3)])
    tia.write_ser(tmp_path / "a_1.ser", frames, finished=2)
    assert read_micrograph(tmp_path / "a_1.ser").frames.number == 2
    tia.write_ser(tmp_path / "b_1.ser", frames, finished=0)
    with pytest.raises(InputError, match=r"^no frame of the scan was finished"):
        read_micrograph(tmp_path / "b_1.ser")


def test_an_emi_without_its_ser_says_what_is_missing(tmp_path):
    tia.write_emi(tmp_path / "a.emi", [(CONDITIONS, {})])
    with pytest.raises(InputError, match=r"no file a_1.ser beside it.*copy both"):
        read_micrograph(tmp_path / "a.emi")


def test_a_pattern_of_a_camera_is_no_image(tmp_path):
    emi, ser = pair(tmp_path, [picture()[None]], [(CONDITIONS, {"CameraNamePath": "BM-Ceta", "Mode": "STEM nP"})])
    for path in (emi, ser):
        with pytest.raises(InputError, match="a diffraction pattern of a camera"):
            read_micrograph(path)


def test_a_damaged_emi_costs_the_facts_alone(tmp_path):
    _, ser = pair(tmp_path, [picture()[None]], [])
    (tmp_path / "12.30.01 Scanning [2] Acquire.emi").write_bytes(b"<ObjectInfo><a></ObjectInfo>")
    np.testing.assert_array_equal(read_micrograph(ser).image, picture())
