"""Velox's EMD of every version: pixels, pixel size, and all that it states, of the right image."""

import h5py
import numpy as np
import pytest
from writers import velox
from writers.pictures import drifted, lattice, picture
from writers.velox import FFT, Image

from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph


def facts(micrograph):
    return {name: entry["value"] for name, entry in micrograph.known.record().items() if entry is not None}


@pytest.mark.parametrize("version", [6, 7, 8, 10, 11, 12])
def test_the_haadf_image_is_read_with_its_own_detector(tmp_path, version):
    images = [Image(picture()[::-1], "BF"), Image(picture()), Image(picture()[:, ::-1], "DF4")]
    velox.write(tmp_path / "a.emd", images, version)
    found = read_micrograph(tmp_path / "a.emd")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.dataset == "HAADF"
    assert found.frames is None
    stated = facts(found)
    assert stated["energy_ev"] == 200e3
    assert stated["semiangle_mrad"] == pytest.approx(21.3)
    assert stated["detector_mrad"] == pytest.approx([60, 200])
    assert stated["detector"] == "HAADF"
    assert stated["tilt_degree"] == pytest.approx([10, -1], abs=1e-4)
    assert stated["beam_current_pa"] == pytest.approx(20)
    assert stated["dwell_time_s"] == 2e-6
    assert stated["dose_per_square_angstrom"] == pytest.approx(2e-11 * 2e-6 / 1.602176634e-19 / (0.15 * 0.2))
    assert "beam_fraction_per_count" not in stated
    record = found.known.record()
    assert {entry["source"] for entry in record.values() if entry} == {"file"}
    assert record["beam_current_pa"]["derived"] == "last measured screen current"
    assert record["dose_per_square_angstrom"]["derived"] == "last measured screen current x dwell time / pixel area"


@pytest.mark.parametrize("version", [7, 8, 11])
def test_a_file_without_names_of_detectors_takes_them_from_its_operations_and_displays(tmp_path, version):
    images = [Image(picture()[::-1], "BF", named=False), Image(picture(), named=False)]
    velox.write(tmp_path / "a.emd", images, version, detectors={"Detector-0": {"DetectorName": "BF"}})
    found = read_micrograph(tmp_path / "a.emd")
    np.testing.assert_array_equal(found.image, picture())
    assert facts(found)["detector"] == "HAADF"
    assert "detector_mrad" not in facts(found)


def test_the_angles_are_those_of_the_image_s_own_detector(tmp_path):
    number = {"DetectorIndex": "0"}
    velox.write(tmp_path / "a.emd", [Image(picture(), binary=number)])
    assert facts(read_micrograph(tmp_path / "a.emd"))["detector_mrad"] == pytest.approx([60, 200])


@pytest.mark.parametrize(("begin", "end"), [("0", "0"), ("0.2", "0.06"), ("nan", "0.2"), ("", "")])
def test_angles_that_nobody_entered_are_unstated(tmp_path, begin, end):
    entry = {"DetectorName": "HAADF", "CollectionAngleRange": {"begin": begin, "end": end}}
    velox.write(tmp_path / "a.emd", [Image(picture())], detectors={"Detector-1": entry})
    assert "detector_mrad" not in facts(read_micrograph(tmp_path / "a.emd"))


def test_zeros_and_nonsense_are_unstated(tmp_path):
    optics = {"AccelerationVoltage": "0", "LastMeasuredScreenCurrent": "0", "BeamConvergence": "-1"}
    metadata = {"Optics": optics, "Scan": {"DwellTime": "x"}, "Stage": "", "Detectors": ""}
    velox.write(tmp_path / "a.emd", [Image(picture(), metadata=metadata)])
    assert set(facts(read_micrograph(tmp_path / "a.emd"))) == {"sampling_angstrom", "detector"}


def test_axes_may_have_different_units(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(picture(), step_m=(1.5e-5, 0.02), units=("µm", "nm"))])
    assert read_micrograph(tmp_path / "a.emd").sampling_angstrom == pytest.approx((0.15, 0.2))


def test_an_inverse_unit_is_no_pixel_size(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(picture(), step_m=(1e7, 1e7), units=("1/m", "1/m"))])
    found = read_micrograph(tmp_path / "a.emd")
    assert found.sampling_angstrom is None
    assert "1/m) is no length" in found.fault


def test_fourier_transforms_are_passed_over(tmp_path):
    transform = np.zeros((40, 29), FFT)
    images = [Image(transform, operation="FftOperation"), Image(picture())]
    velox.write(tmp_path / "a.emd", images)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.emd").image, picture())


def test_a_file_of_a_fourier_transform_alone_is_named_as_that(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(np.zeros((40, 29), FFT), operation="FftOperation")])
    with pytest.raises(InputError, match=r"^a Fourier transform"):
        read_micrograph(tmp_path / "a.emd")


@pytest.mark.parametrize("groups", [["Data/SpectrumImage/x"], ["Data/SpectrumImage/x", "Data/SpectrumStream/x"]])
def test_the_haadf_frames_beside_an_edx_spectrum_image_are_added(tmp_path, groups):
    frames = drifted([(0, 0), (0, 0), (0, 0)])
    maps = Image(picture(96, 112), "SuperXG21", title="Fe")
    velox.write(tmp_path / "a.emd", [maps, Image(np.moveaxis(frames, 0, 2))], 11, groups=groups)
    found = read_micrograph(tmp_path / "a.emd")
    np.testing.assert_allclose(found.image, frames.sum(0, dtype=float), rtol=1e-6)
    assert (found.frames.number, found.frames.way, found.frames.chosen) == (3, "align", False)


@pytest.mark.parametrize("group", ["SpectrumImage", "Spectrum"])
def test_spectra_without_an_image_are_named_as_that(tmp_path, group):
    velox.write(tmp_path / "a.emd", [], groups=[f"Data/{group}/x"])
    with pytest.raises(InputError, match=r"without an image of the scan; export the HAADF image"):
        read_micrograph(tmp_path / "a.emd")


@pytest.mark.parametrize("version", [7, 10, 11])
def test_a_drift_corrected_sum_is_taken_only_by_name(tmp_path, version):
    frames = drifted([(0, 0), (1, 2)])
    corrected = Image(lattice().astype(np.float32), operation="IntegrationOperation", title="HAADF DCFI")
    velox.write(tmp_path / "a.emd", [corrected, Image(np.moveaxis(frames, 0, 2))], version)
    assert read_micrograph(tmp_path / "a.emd").frames.number == 2
    named = read_micrograph(tmp_path / "a.emd", selection=Selection(image="dcfi"))
    assert named.frames is None
    np.testing.assert_allclose(named.image, lattice(), rtol=1e-6)
    velox.write(tmp_path / "b.emd", [corrected], version)
    with pytest.raises(InputError, match=r"no image as the detector recorded it; take one with --image NAME: .*DCFI"):
        read_micrograph(tmp_path / "b.emd")


def test_two_haadf_images_are_listed_and_one_is_taken_by_number(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(picture()), Image(picture())])
    with pytest.raises(InputError, match=r"holds 2 images; take one with --image NAME: HAADF #1 \(40 x 56\), HAADF #2"):
        read_micrograph(tmp_path / "a.emd")
    assert read_micrograph(tmp_path / "a.emd", selection=Selection(image="HAADF #2")).dataset == "HAADF #2"


def test_without_haadf_the_others_are_listed(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(picture(), "DF4"), Image(picture(), "BF")])
    with pytest.raises(InputError, match=r"holds 2 images; take one with --image NAME: .*DF4"):
        read_micrograph(tmp_path / "a.emd")
    velox.write(tmp_path / "b.emd", [Image(picture(), "BF")])
    with pytest.raises(InputError, match=r"of the detector BF, not HAADF; take one with --image NAME: BF"):
        read_micrograph(tmp_path / "b.emd")
    assert facts(read_micrograph(tmp_path / "b.emd", selection=Selection("bf")))["detector_mrad"] == pytest.approx(
        [0, 20]
    )


def test_three_frames_of_bytes_are_no_colours(tmp_path):
    frames = (drifted([(0, 0), (1, 1), (2, 0)]) // 200).astype(np.uint8)
    velox.write(tmp_path / "a.emd", [Image(np.moveaxis(frames, 0, 2))])
    assert read_micrograph(tmp_path / "a.emd").frames.number == 3


def test_an_image_of_a_camera_is_named_as_that(tmp_path):
    camera = {"Detector-0": {"DetectorName": "BM-Ceta", "DetectorType": "ImagingDetector"}}
    velox.write(tmp_path / "a.emd", [Image(picture(), "BM-Ceta")], detectors=camera)
    with pytest.raises(InputError, match="an image of the camera BM-Ceta, not of a scan"):
        read_micrograph(tmp_path / "a.emd")


def test_an_unreadable_image_does_not_hide_the_good_ones(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(picture()[::-1], "DF4"), Image(picture())])
    with h5py.File(tmp_path / "a.emd", "r+") as file:
        bad = next(group for group in file["Data/Image"].values() if group["Data"][0, 0, 0] != picture()[0, 0])
        del bad["Data"]
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.emd").image, picture())


def test_damaged_metadata_cost_the_facts_alone(tmp_path):
    velox.write(tmp_path / "a.emd", [Image(picture(), damaged=True)])
    found = read_micrograph(tmp_path / "a.emd")
    np.testing.assert_array_equal(found.image, picture())
    assert facts(found) == {"detector": "HAADF"}


@pytest.mark.parametrize(
    ("binary", "gain", "black"),
    [
        ({"IntensityScale": "1", "IntensityOffset": "0"}, None, None),
        ({"IntensityScale": "4e-17", "IntensityOffset": "-2e-14"}, 2e-6, 500),
        ({"IntensityScale": "4e-17", "IntensityOffset": "0", "IntensityUnit": "A"}, 2e-6, 0),
        ({"IntensityScale": "2e-6", "IntensityOffset": "-1e-3", "IntensityUnit": "I/I0"}, 2e-6, 500),
        ({"IntensityScale": "4e-17", "IntensityOffset": "500"}, None, None),
        ({"IntensityScale": "4e-17", "IntensityOffset": "0", "IntensityUnit": "e"}, None, None),
        ({"IntensityScale": "0.5", "IntensityOffset": "3"}, None, None),
        ({"IntensityScale": "-4e-17", "IntensityOffset": "0"}, None, None),
        ({"IntensityScale": "4e-17"}, None, None),
        # A count of more than the whole beam.
        ({"IntensityScale": "4e-9", "IntensityOffset": "0"}, None, None),
    ],
)
def test_gain_and_black_level_come_from_a_scale_that_is_a_current(tmp_path, binary, gain, black):
    velox.write(tmp_path / "a.emd", [Image(picture(), binary=binary)])
    known = read_micrograph(tmp_path / "a.emd").known
    assert known.value("beam_fraction_per_count") == (None if gain is None else pytest.approx(gain))
    assert known.value("black_level") == (None if black is None else pytest.approx(black))
    if gain is not None:
        assert known.beam_fraction_per_count.derived.startswith("IntensityScale and IntensityOffset, in ")


def test_gain_black_level_dwell_time_and_dose_of_added_frames_are_those_of_the_sum(tmp_path):
    frames = np.moveaxis(drifted([(0, 0)] * 4), 0, 2)
    velox.write(tmp_path / "a.emd", [Image(frames, binary={"IntensityScale": "4e-17", "IntensityOffset": "-2e-14"})])
    for way, number in (("sum", 4), ("align", 4), ("3", 1)):
        found = read_micrograph(tmp_path / "a.emd", selection=Selection(frames=way))
        assert found.known.value("beam_fraction_per_count") == pytest.approx(2e-6 / number)
        assert found.known.value("black_level") == pytest.approx(500 * number)
        assert found.known.value("dwell_time_s") == pytest.approx(2e-6 * number)
        assert found.known.value("dose_per_square_angstrom") == pytest.approx(8325 * number / 1, rel=1e-2)
        words = found.known.beam_fraction_per_count.derived
        assert ("that of one frame / 4 added frames" in words) == (number == 4)


def test_angles_are_found_by_the_name_that_the_operation_gives(tmp_path):
    # Neither BinaryResult.Detector nor DetectorIndex, but operations that name the detector of each image.
    velox.write(tmp_path / "a.emd", [Image(picture()[::-1], "BF", named=False), Image(picture(), named=False)], 8)
    stated = facts(read_micrograph(tmp_path / "a.emd"))
    assert stated["detector"] == "HAADF"
    assert stated["detector_mrad"] == pytest.approx([60, 200])


@pytest.mark.parametrize("detector", ["BF", "DF4", "SE", "LAADF", "iDPC"])
def test_the_only_image_is_not_taken_where_it_is_another_detector_s(tmp_path, detector):
    velox.write(tmp_path / "a.emd", [Image(picture(), detector)])
    with pytest.raises(InputError, match=f"of the detector {detector}, not HAADF; take one"):
        read_micrograph(tmp_path / "a.emd")
    found = read_micrograph(tmp_path / "a.emd", selection=Selection(image=detector))
    np.testing.assert_array_equal(found.image, picture())
