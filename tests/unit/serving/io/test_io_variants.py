"""What users brought that the first reader got wrong."""

import h5py
import numpy as np
import pytest
import tifffile

from heamap.acquisition import Fact
from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph
from heamap_serving.io.lengths import angstrom

IMAGE = np.random.default_rng(2).integers(0, 60_000, (60, 80)).astype(np.uint16)


def write_h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values
    return path


def test_what_somebody_made_of_an_image_is_not_taken_in_its_place(tmp_path):
    path = write_h5(tmp_path / "a.h5", image=IMAGE, entry__analysis__haadf_fit=IMAGE // 2)
    np.testing.assert_array_equal(read_micrograph(path).image, IMAGE)
    path = write_h5(tmp_path / "b.h5", HAADF=IMAGE, HAADF_FFT=IMAGE // 2, HAADF_mask=np.ones((60, 80), np.uint8))
    assert read_micrograph(path).dataset.endswith("HAADF")
    half = read_micrograph(path, selection=Selection(image="HAADF_FFT"))
    np.testing.assert_array_equal(half.image, IMAGE // 2)
    # Alone it is the image that there is.
    alone = write_h5(tmp_path / "c.h5", HAADF_filtered=IMAGE)
    np.testing.assert_array_equal(read_micrograph(alone).image, IMAGE)


def test_a_frame_that_the_scan_left_unfinished_is_named_wherever_it_is(tmp_path):
    frames = np.stack([IMAGE] * 4).astype(np.float32) + 1
    frames[1, 40:] = 0
    np.save(tmp_path / "a.npy", frames)
    with pytest.raises(InputError, match=r"frame 2 has 20 blank rows at its end; take one with --frames N"):
        read_micrograph(tmp_path / "a.npy")
    assert read_micrograph(tmp_path / "a.npy", selection=Selection(frames="1")).frames.number == 1


def test_real_numbers_in_units_of_the_beam_need_no_calibration_function(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", IMAGE.astype(np.float32), imagej=True, metadata={"vunit": "I/I0"})
    known = read_micrograph(tmp_path / "a.tif").known
    assert (known.beam_fraction_per_count, known.black_level) == (Fact(1.0, "file"), Fact(0.0, "file"))


@pytest.mark.parametrize(("unit", "length"), [("nm/px", 0.2), ("nm per pixel", 0.2), ("AA", 0.02), ("Å/pixel", 0.02)])
def test_units_a_pixel_are_lengths(unit, length):
    assert angstrom(0.02, unit) == pytest.approx(length)


@pytest.mark.parametrize("suffix", ["ser", "mrc", "dm3", "zspy", "tif", "emd"])
def test_an_empty_file_is_named_as_one(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").touch()
    with pytest.raises(InputError, match=r"the file is empty \(0 bytes\)"):
        read_micrograph(tmp_path / f"a.{suffix}")
