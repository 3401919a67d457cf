"""Files of users and of other programs, where they are at hand: ``../shared/failing``, ``../shared/micrographs``."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph

ROOT = Path(__file__).resolve().parents[4]
SHARED = ROOT.parent / "shared"
FAILING = SHARED / "failing"
EXAMPLE = ROOT / "examples" / "micrographs" / "PtNiPdCoFe.tif"
STEP = pytest.approx((0.15, 0.15))

pytestmark = pytest.mark.skipif(not FAILING.is_dir(), reason="the shared files are not here")

WHOLE = {
    "velox_haadf.emd": (STEP, "HAADF"),
    "velox_haadf_df4_bf.emd": (STEP, "HAADF"),
    "velox_haadf_and_fft.emd": (STEP, "HAADF"),
    "py4dstem_realslice.h5": (STEP, "/".join(("", "root", "haadf", "data"))),
    "py4dstem_realslice_same_bytes.emd": (STEP, "/".join(("", "root", "haadf", "data"))),
    "imagej_microns.tif": (STEP, ""),
    "imagej_nanometers.tif": (STEP, ""),
    "imagej_mm.tif": (STEP, ""),
    "nanometers.hspy": (STEP, "HAADF"),
    "angstrom_swedish.hspy": (STEP, "HAADF"),
    "negative_scale.hspy": (STEP, "HAADF"),
    "tia_pair/12.30.01 Scanning Acquire.emi": (STEP, "12.30.01 Scanning Acquire_1"),
    "tia_pair/12.30.01 Scanning Acquire_1.ser": (STEP, "12.30.01 Scanning Acquire_1"),
    "data_and_thumbnail_page.tif": (None, ""),
    "trailing_axis.h5": (None, "/image"),
    "matrix_at_root.h5": (None, "/scan/haadf"),
    "energy_300kV.dm4": (STEP, "HAADF"),
}
"""Files of heamap's own example: pixel size and dataset."""


@pytest.fixture(scope="module")
def example():
    return tifffile.imread(EXAMPLE).astype(np.float32)


@pytest.mark.parametrize("name", WHOLE)
def test_the_example_is_read_from_every_kind_of_file(name, example):
    found = read_micrograph(FAILING / name)
    step, dataset = WHOLE[name]
    # The writer of the handed TIA pair left the rows in the order of an image; TIA's run upwards.
    np.testing.assert_array_equal(found.image, example[::-1] if "tia" in name else example)
    assert found.sampling_angstrom == step
    assert (found.dataset, found.frames) == (dataset, None)


@pytest.mark.parametrize(
    ("name", "energy"),
    [
        ("velox_haadf.emd", 200e3),
        ("energy_300kV.dm4", 300e3),
        ("tia_pair/12.30.01 Scanning Acquire.emi", 200e3),
        ("tia_pair/12.30.01 Scanning Acquire_1.ser", 200e3),
    ],
)
def test_the_energy_is_the_file_s(name, energy):
    found = read_micrograph(FAILING / name).known.energy_ev
    assert (found.value, found.source) == (energy, "file")


def test_the_linear_functions_of_imagej_are_applied(example):
    signed = read_micrograph(FAILING / "imagej_signed16.tif")
    np.testing.assert_array_equal(signed.image, example - 30_000)
    beam = read_micrograph(FAILING / "imagej_intensity_calibrated.tif")
    np.testing.assert_allclose(beam.image, 1.145e-6 * example + 0.000774, rtol=1e-5)
    assert (beam.known.value("beam_fraction_per_count"), beam.known.value("black_level")) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "number"), [("velox_series.emd", 4), ("velox_edx_spectrum_image.emd", 4), ("series_and_laadf.dm4", 3)]
)
def test_the_frames_of_the_haadf_are_added(name, number, example):
    found = read_micrograph(FAILING / name)
    assert found.dataset == "HAADF"
    assert (found.frames.number, found.frames.way) == (number, "align")
    if "edx" not in name:
        np.testing.assert_allclose(found.image, number * example, rtol=1e-5)
    single = read_micrograph(FAILING / name, selection=Selection(frames="1"))
    assert single.frames.number == 1


def test_prismatic_has_its_pixel_size():
    assert read_micrograph(FAILING / "prismatic_realslice.h5").sampling_angstrom == STEP


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dm_rgb_display_copy.dm4", "a colour image .* display copy"),
        ("no_valid_frame_1.ser", "no frame of the scan was finished"),
        ("image.zspy", r"a \.zspy that holds no signal"),
    ],
)
def test_what_cannot_be_read_is_named_as_what_it_is(name, line):
    with pytest.raises(InputError, match=line) as caught:
        read_micrograph(FAILING / name)
    assert "damaged" not in str(caught.value)


def test_the_one_laadf_image_is_taken_where_it_is_asked_for():
    found = read_micrograph(FAILING / "series_and_laadf.dm4", selection=Selection(image="LAADF"))
    assert (found.dataset, found.frames) == ("LAADF", None)


def test_real_micrographs():
    folder = SHARED / "micrographs"
    found = read_micrograph(folder / "ingrained_CdTe_twin_HAADF26.dm3")
    assert found.known.value("detector") == "HAADF"
    assert found.known.value("dwell_time_s") == pytest.approx(6.36e-5)
    assert read_micrograph(folder / "temul_PTO.hspy").known.value("energy_ev") == 300e3
    assert read_micrograph(folder / "temul_Au_NP_Atom_Lattice.hdf5").dataset == "/image_data0"
    with pytest.raises(InputError, match="a colour image"):
        read_micrograph(folder / "ingrained_Ni_M3B2_HAADF91.tif")
