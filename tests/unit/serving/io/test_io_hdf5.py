"""HDF5 by what it holds: EMD of Berkeley, py4DSTEM and Prismatic, Nion Swift, HyperSpy, plain arrays."""

import json
import zipfile

import h5py
import numpy as np
import pytest
from writers import hdf5
from writers.pictures import drifted, picture

from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph

SUFFIXES = pytest.mark.parametrize("suffix", ["emd", "h5", "hdf5"])


def facts(micrograph):
    return {name: entry["value"] for name, entry in micrograph.known.record().items() if entry is not None}


@SUFFIXES
def test_berkeley_emd_is_read_by_the_names_of_its_axes(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    for data, axes in (
        (picture(), [("y", "[n_m]", 0.015), ("x", "[n_m]", 0.02)]),
        (picture().T, [("x", "[n_m]", 0.02), ("y", "[n_m]", 0.015)]),
        # Without names RosettaSciIO, which writes them so, takes the columns' index first.
        (picture().T, [("", "[n_m]", 0.02), ("", "[n_m]", 0.015)]),
    ):
        hdf5.write_emd(path, {"haadf": (data, axes)}, microscope={"voltage": 200.0, "voltage_units": "[kV]"})
        found = read_micrograph(path)
        np.testing.assert_array_equal(found.image, picture())
        assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
        assert found.dataset == "/data/haadf/data"
        assert facts(found)["energy_ev"] == 200e3
        assert facts(found)["detector"] == "HAADF"


@pytest.mark.parametrize(
    ("microscope", "energy"),
    [
        ({"voltage": 300.0}, 300e3),
        ({"accelerating voltage": 300000.0}, 300e3),
        ({"beam_energy": 80.0, "beam_energy_units": "keV"}, 80e3),
        ({"voltage": 5000.0}, None),
        ({"voltage": 0.0}, None),
        ({"voltage": "high"}, None),
        ({}, None),
    ],
)
def test_the_energy_of_berkeley_emd(tmp_path, microscope, energy):
    axes = [("y", "nm", 0.015), ("x", "nm", 0.02)]
    hdf5.write_emd(tmp_path / "a.emd", {"image": (picture(), axes)}, microscope=microscope)
    assert read_micrograph(tmp_path / "a.emd").known.value("energy_ev") == energy


@SUFFIXES
@pytest.mark.parametrize(("unit", "step"), [("A", 1.0), ("nm", 0.1)])
def test_py4dstem_s_real_slices_are_read_in_their_own_order(tmp_path, suffix, unit, step):
    axes = [("Rx", unit, 0.15 * step), ("Ry", unit, 0.2 * step)]
    pattern = [("Qx", "A^-1", 0.01), ("Qy", "A^-1", 0.01)]
    path = tmp_path / f"a.{suffix}"
    hdf5.write_emd(path, {"virtual": (picture(), axes), "dp_mean": (picture()[::-1], pattern)}, version=(1, 0))
    found = read_micrograph(path)
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))


def test_named_slices_of_a_stack_are_images_of_their_own(tmp_path):
    stack = np.stack([picture()[::-1], picture()], axis=2)
    axes = [("Rx", "A", 0.15), ("Ry", "A", 0.2), ("slices", "", ["BF", "HAADF"])]
    hdf5.write_emd(tmp_path / "a.h5", {"virtual": (stack, axes)}, version=(1, 0))
    found = read_micrograph(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.image, picture())
    assert found.dataset.split("/")[1:] == ["root", "virtual", "data", "HAADF"]


def test_four_dimensions_are_named_as_that(tmp_path):
    axes = [("Rx", "A", 1.0), ("Ry", "A", 1.0), ("Qx", "A^-1", 0.1), ("Qy", "A^-1", 0.1)]
    hdf5.write_emd(tmp_path / "a.h5", {"datacube": (np.zeros((3, 4, 40, 40)), axes)}, version=(1, 0))
    with pytest.raises(InputError, match=r"shape \(3, 4, 40, 40\): expected one image"):
        read_micrograph(tmp_path / "a.h5")


@SUFFIXES
def test_prismatic_s_real_slice(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    hdf5.write_prismatic(path, picture().astype(np.float32), parameters={"E": 200.0, "sa": 0.021})
    found = read_micrograph(path)
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.dataset.endswith("annular_detector_depth0000/realslice")
    assert (facts(found)["energy_ev"], facts(found)["semiangle_mrad"]) == (200e3, 21.0)


@SUFFIXES
def test_nion_swift(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    hdf5.write_nion(path, picture(), hdf5.nion_properties(picture().shape))
    found = read_micrograph(path)
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.dataset == "HAADF"
    assert facts(found)["energy_ev"] == 100e3
    assert facts(found)["dwell_time_s"] == pytest.approx(4e-6)
    assert facts(found)["detector"] == "HAADF"


def test_older_properties_of_nion_swift_stand_in_the_data_source(tmp_path):
    properties = hdf5.nion_properties(picture().shape)
    inner = {"spatial_calibrations": properties.pop("dimensional_calibrations")}
    hdf5.write_nion(tmp_path / "a.h5", picture(), properties | {"data_source": inner})
    assert read_micrograph(tmp_path / "a.h5").sampling_angstrom == pytest.approx((0.15, 0.2))


def test_a_sequence_of_nion_swift_is_a_series_and_a_collection_is_not(tmp_path):
    frames = drifted([(0, 0), (2, 1)])
    hdf5.write_nion(tmp_path / "a.h5", frames, hdf5.nion_properties(frames.shape))
    assert read_micrograph(tmp_path / "a.h5").frames.number == 2
    more = {"is_sequence": False, "collection_dimension_count": 2, "datum_dimension_count": 1}
    hdf5.write_nion(tmp_path / "b.h5", frames, hdf5.nion_properties(frames.shape, **more))
    with pytest.raises(InputError, match="a spectrum image"):
        read_micrograph(tmp_path / "b.h5")
    more = {"is_sequence": False, "collection_dimension_count": 1, "datum_dimension_count": 2}
    hdf5.write_nion(tmp_path / "c.h5", frames, hdf5.nion_properties(frames.shape, **more))
    with pytest.raises(InputError, match="diffraction patterns of a scan"):
        read_micrograph(tmp_path / "c.h5")


def test_the_intensity_calibration_of_nion_swift(tmp_path):
    intensity = {"offset": -2e-4, "scale": 2e-6, "units": "I/I0"}
    hdf5.write_nion(tmp_path / "a.h5", picture(), hdf5.nion_properties((40, 56), intensity_calibration=intensity))
    known = read_micrograph(tmp_path / "a.h5").known
    assert (known.value("beam_fraction_per_count"), known.value("black_level")) == (2e-6, pytest.approx(100))


def test_nion_swift_s_archive(tmp_path):
    np.save(tmp_path / "data.npy", picture())
    with zipfile.ZipFile(tmp_path / "a.ndata1", "w") as archive:
        archive.write(tmp_path / "data.npy", "data.npy")
        archive.writestr("metadata.json", json.dumps(hdf5.nion_properties(picture().shape)))
    found = read_micrograph(tmp_path / "a.ndata1")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))


AXES = [("y", "nm", 0.015, False), ("x", "nm", 0.02, False)]

METADATA = {
    "Acquisition_instrument": {
        "TEM": {
            "beam_energy": 300.0,
            "convergence_angle": 21.0,
            "beam_current": 0.05,
            "dwell_time": 1e-5,
            "Stage": {"tilt_alpha": 3.0, "tilt_beta": -2.0},
            "Detector": {
                "HAADF": {"inner_angle": 60.0, "outer_angle": 200.0},
                "EELS": {"collection_angle": 30.0},
            },
        }
    },
    "Signal": {
        "quantity": "Intensity (I/I0)",
        "Noise_properties": {"Variance_linear_model": {"gain_factor": 2e-6, "gain_offset": 100.0}},
    },
}


@pytest.mark.parametrize("suffix", ["hspy", "h5", "emd"])
def test_hyperspy_s_metadata(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    hdf5.write_hspy(path, {"HAADF": (picture(), AXES, METADATA)})
    found = read_micrograph(path)
    np.testing.assert_array_equal(found.image, picture())
    stated = facts(found)
    dose = stated.pop("dose_per_square_angstrom")
    assert dose == pytest.approx(5e-11 * 1e-5 / 1.602176634e-19 / 0.03)
    assert stated == {
        "sampling_angstrom": pytest.approx([0.15, 0.2]),
        "beam_fraction_per_count": 2e-6,
        "black_level": 100.0,
        "energy_ev": 300e3,
        "semiangle_mrad": 21.0,
        "detector_mrad": [60.0, 200.0],
        "detector": "HAADF",
        "beam_current_pa": pytest.approx(50.0),
        "dwell_time_s": 1e-5,
        "tilt_degree": [3.0, -2.0],
    }


@pytest.mark.parametrize(("unit", "name"), [("nm", "thickness"), ("°", "tilt"), ("mrad", "beam tilt")])
def test_images_along_another_axis_than_time_are_not_added_unasked(tmp_path, unit, name):
    frames = drifted([(0, 0), (2, -1)])
    hdf5.write_hspy(tmp_path / "a.hspy", {"HAADF": (frames, [(name, unit, 1.0, True), *AXES], {})})
    with pytest.raises(InputError, match=rf"2 images along {name} \({unit}\), .*--frames N \(1 to 2\)"):
        read_micrograph(tmp_path / "a.hspy")
    assert read_micrograph(tmp_path / "a.hspy", selection=Selection(frames="align")).frames.number == 2
    hdf5.write_hspy(tmp_path / "b.hspy", {"HAADF": (frames, [("time", "s", 1.0, True), *AXES], {})})
    assert read_micrograph(tmp_path / "b.hspy").frames.number == 2


def test_the_angles_of_another_detector_are_none_of_the_image_s(tmp_path):
    detectors = {"BF": {"inner_angle": 0.0, "outer_angle": 10.0}, "EELS": {"collection_angle": 30.0}}
    metadata = {"Acquisition_instrument": {"TEM": {"Detector": detectors}}}
    hdf5.write_hspy(tmp_path / "a.hspy", {"HAADF": (picture(), AXES, metadata)})
    assert "detector_mrad" not in facts(read_micrograph(tmp_path / "a.hspy"))


def test_of_several_signals_the_haadf_one_is_taken_whatever_its_rank(tmp_path):
    frames = drifted([(0, 0), (2, 1), (3, 3)])
    stack = (frames, [("t", "s", 1.0, True), *AXES], {})
    hdf5.write_hspy(tmp_path / "a.hspy", {"LAADF": (picture(), AXES, {}), "HAADF": stack})
    found = read_micrograph(tmp_path / "a.hspy")
    assert (found.dataset, found.frames.number) == ("HAADF", 3)
    named = read_micrograph(tmp_path / "a.hspy", selection=Selection(image="laadf"))
    np.testing.assert_array_equal(named.image, picture())
    with pytest.raises(InputError, match=r"--image aadf: several have that name; .*HAADF \(96 x 112, 3 frames\)"):
        read_micrograph(tmp_path / "a.hspy", selection=Selection(image="aadf"))
    with pytest.raises(InputError, match=r"--image eels: none has that name; take one with --image NAME: .*LAADF"):
        read_micrograph(tmp_path / "a.hspy", selection=Selection(image="eels"))


def test_a_haadf_that_cannot_be_scored_is_not_replaced(tmp_path):
    signals = {"LAADF": (picture(), AXES, {}), "HAADF": (picture().astype(complex), AXES, {})}
    hdf5.write_hspy(tmp_path / "a.hspy", signals)
    with pytest.raises(InputError, match=r"HAADF cannot be scored: pixels of type complex128.*--image NAME: LAADF"):
        read_micrograph(tmp_path / "a.hspy")


@pytest.mark.parametrize(
    ("shape", "axes", "line"),
    [
        (
            (4, 5, 60),
            [("y", "nm", 1.0, True), ("x", "nm", 1.0, True), ("Energy", "eV", 0.5, False)],
            "a spectrum image",
        ),
        ((4, 5, 60), [("y", "nm", 1.0, True), ("x", "nm", 1.0, True), ("w", "px", 0.5, False)], "spectra of a scan"),
        ((40, 60), [("x", "nm", 1.0, True), ("E", "keV", 0.5, False)], "spectra"),
        ((40, 60), [("x", "nm", 1.0, True), ("w", "px", 0.5, False)], "spectra along a line"),
        ((2, 2, 40, 40), [(name, "nm", 1.0, name in "ab") for name in "abyx"], "4-dimensional data"),
    ],
)
def test_what_is_no_image_is_named_as_what_it_is(tmp_path, shape, axes, line):
    hdf5.write_hspy(tmp_path / "a.hspy", {"scan": (np.zeros(shape), axes, {})})
    with pytest.raises(InputError, match=line) as caught:
        read_micrograph(tmp_path / "a.hspy")
    assert "damaged" not in str(caught.value)


def test_small_arrays_and_axes_of_length_one_do_not_count(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"], file["positions"] = np.eye(3), np.zeros((500, 2))
        file["scan/image"] = picture()[None, :, :, None]
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.h5").image, picture())


def test_of_plain_arrays_that_named_haadf_is_taken_else_the_one_nearest_to_the_root(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"], file["fit/residual"] = picture(), picture()[::-1]
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.h5").image, picture())
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["image"], file["haadf_session/bf"], file["haadf_session/haadf"] = (
            picture()[::-1],
            picture()[::-1],
            picture(),
        )
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.h5").image, picture())


def test_numbers_that_lie_in_other_files_are_refused(tmp_path):
    picture().tofile(tmp_path / "secret.raw")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["image"] = picture()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("image", (40, 56), "u2", external=[(str(tmp_path / "secret.raw"), 0, 4480)])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        layout = h5py.VirtualLayout((40, 56), "u2")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "image", (40, 56))
        file.create_virtual_dataset("image", layout)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["image"] = h5py.ExternalLink(tmp_path / "other.h5", "image")
    hdf5.write_hspy(tmp_path / "d.hspy", {"HAADF": (picture(), AXES, {})})
    with h5py.File(tmp_path / "d.hspy", "r+") as file:
        del file["Experiments/HAADF/data"]
        file["Experiments/HAADF/data"] = h5py.ExternalLink(tmp_path / "other.h5", "image")
    for path in sorted(tmp_path.glob("?.*")):
        with pytest.raises(InputError, match=r"another file|other files") as caught:
            read_micrograph(path)
        assert str(tmp_path) not in str(caught.value)


def test_names_of_a_file_do_not_reach_the_terminal_as_they_are(tmp_path):
    evil = "a\nheamap: good.tif: all fine\x1b]0;x\x07" + "x" * 60_000
    axes = [("y", f"u\n\x1b[2J{evil}", 0.015, False), ("x", "nm", 0.02, False)]
    hdf5.write_hspy(tmp_path / "a.hspy", {"one": (picture(), axes, {"General": {"title": evil}})})
    found = read_micrograph(tmp_path / "a.hspy")
    assert found.dataset.isprintable()
    assert len(found.dataset) <= 120
    assert found.fault.isprintable()
    assert len(found.fault) <= 200
    signals = {name: (picture(), axes, {"General": {"title": name + evil}}) for name in ("one", "two")}
    hdf5.write_hspy(tmp_path / "b.hspy", signals)
    with pytest.raises(InputError) as caught:
        read_micrograph(tmp_path / "b.hspy")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 1000
    np.save(tmp_path / "c.npy", np.zeros((40, 40), dtype=[(evil[:90], "u1"), ("b", "u1")]))
    with pytest.raises(InputError) as caught:
        read_micrograph(tmp_path / "c.npy")
    assert str(caught.value).isprintable()


def test_a_filter_that_is_not_installed_is_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((40, 56))
        # Number 32001 is Blosc; optional, so that writing does without it.
        properties.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((40, 56))
        h5py.h5d.create(file.id, b"image", h5py.h5t.NATIVE_UINT16, space, properties)
    with pytest.raises(InputError, match=r"compressed by the HDF5 filter .* not installed"):
        read_micrograph(tmp_path / "a.h5")


def test_dm5_is_named(tmp_path):
    with h5py.File(tmp_path / "a.dm5", "w") as file:
        file["ImageList/[0]/ImageData/Data"] = picture()
    with pytest.raises(InputError, match=r"a DM5 file of DigitalMicrograph.*save it as dm4"):
        read_micrograph(tmp_path / "a.dm5")
