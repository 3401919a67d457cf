from pathlib import Path

import numpy as np
import pytest
import tifffile
from matplotlib.image import imread
from rsciio.tiff import file_reader

from heamap.simulator import outputs
from heamap_serving.io import read_micrograph

IMAGE = np.random.default_rng(0).random((90, 130)).astype(np.float32)


@pytest.mark.parametrize("sampling_angstrom", [0.2, 0.1734, 0.05])
def test_the_tiff_reads_back_with_its_pixel_size(tmp_path: Path, sampling_angstrom):
    path = tmp_path / "image.tif"
    outputs.write_tiff(path, IMAGE, sampling_angstrom)
    ours = read_micrograph(path)
    np.testing.assert_array_equal(ours.image, IMAGE)
    assert ours.sampling_angstrom == pytest.approx((sampling_angstrom, sampling_angstrom), rel=1e-6)
    (signal,) = file_reader(str(path))
    assert [axis["units"] for axis in signal["axes"]] == ["nm", "nm"]
    assert [axis["scale"] for axis in signal["axes"]] == pytest.approx([sampling_angstrom / 10] * 2, rel=1e-6)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej
        assert tiff.imagej_metadata["unit"] == "nm"
        above, below = tiff.pages[0].tags["XResolution"].value
        assert 10 * below / above == pytest.approx(sampling_angstrom, rel=1e-6)


@pytest.mark.parametrize(("sampling_angstrom", "length_nm"), [(0.2, 0.5), (0.5, 1.0), (2.0, 5.0)])
def test_the_scale_bar_is_as_long_as_it_says(tmp_path: Path, sampling_angstrom, length_nm):
    outputs.draw(tmp_path / "image.png", np.zeros((100, 130), dtype=np.float32), sampling_angstrom)
    grey = imread(tmp_path / "image.png")[..., 0]
    longest = (grey > 0.9).sum(axis=1).max()
    assert longest / grey.shape[1] * 130 * sampling_angstrom / 10 == pytest.approx(length_nm, rel=0.02)


def test_the_picture_is_bright_where_the_image_is_and_the_right_way_up(tmp_path: Path):
    image = np.zeros((100, 100), dtype=np.float32)
    image[10:20, 70:80] = 1
    outputs.draw(tmp_path / "image.png", image, 0.2)
    grey = imread(tmp_path / "image.png")[..., 0]
    rows, cols = np.nonzero(grey[: len(grey) // 2] > 0.9)
    np.testing.assert_allclose([rows.mean() / len(grey), cols.mean() / len(grey)], [0.15, 0.75], atol=0.01)
