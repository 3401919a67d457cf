"""TIFF of ImageJ, OME and microscopes."""

import numpy as np
import pytest
import tifffile
from writers.pictures import drifted, picture

from heamap.errors import InputError
from heamap_serving.io import Selection, read_micrograph

LINE = {"cf": 0, "c0": -32768.0, "c1": 1.0}


def imagej(path, data, **metadata):
    tifffile.imwrite(path, data, imagej=True, resolution=(1 / 0.02, 1 / 0.015), metadata={"unit": "nm"} | metadata)
    return path


@pytest.mark.parametrize(
    ("unit", "step"),
    [("nm", 0.02), ("nanometers", 0.02), ("microns", 2e-5), ("mm", 2e-8), ("\\u00C5", 0.2), ("angstrom", 0.2)],
)
def test_units_of_imagej(tmp_path, unit, step):
    tifffile.imwrite(
        tmp_path / "a.tif", picture(), imagej=True, resolution=(1 / step, 1 / step), metadata={"unit": unit}
    )
    assert read_micrograph(tmp_path / "a.tif").sampling_angstrom == pytest.approx((0.2, 0.2), rel=1e-4)


@pytest.mark.parametrize("unit", ["inch", "pixel", "", "sec"])
def test_units_of_imagej_that_are_none(tmp_path, unit):
    tifffile.imwrite(tmp_path / "a.tif", picture(), imagej=True, resolution=(72, 72), metadata={"unit": unit})
    assert read_micrograph(tmp_path / "a.tif").sampling_angstrom is None


def test_signed_counts_of_imagej_are_what_its_line_makes_of_them(tmp_path):
    signed = picture().astype(np.int32) - 3000
    path = imagej(tmp_path / "a.tif", (signed + 32768).astype(np.uint16), **LINE, vunit="Gray Value")
    found = read_micrograph(path)
    np.testing.assert_array_equal(found.image, signed)
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2), rel=1e-4)
    assert found.known.beam_fraction_per_count is None


def test_an_intensity_calibrated_to_the_beam_needs_no_gain(tmp_path):
    found = read_micrograph(imagej(tmp_path / "a.tif", picture(), cf=0, c0=-1e-3, c1=2e-6, vunit="I/I0"))
    np.testing.assert_allclose(found.image, 2e-6 * picture() - 1e-3, atol=1e-9)
    assert (found.known.value("beam_fraction_per_count"), found.known.value("black_level")) == (1.0, 0.0)
    assert "ImageJ" in found.known.black_level.derived


def test_a_calibrated_series_of_imagej_is_added_after_its_line(tmp_path):
    frames = drifted([(0, 0), (2, -1)])
    path = imagej(tmp_path / "a.tif", frames, axes="TYX", cf=0, c0=-1e-3, c1=2e-6, vunit="I/I0")
    found = read_micrograph(path, selection=Selection(frames="sum"))
    np.testing.assert_allclose(found.image, (2e-6 * frames - 1e-3).sum(0), atol=1e-8)
    assert found.known.value("beam_fraction_per_count") == 0.5
    assert found.known.value("black_level") == 0.0


def test_a_curve_of_imagej_is_refused_and_no_calibration_is_none(tmp_path):
    with pytest.raises(InputError, match="by a function that is no straight line"):
        read_micrograph(imagej(tmp_path / "a.tif", picture(), cf=1, c0=0.0, c1=1.0, c2=2.0))
    np.testing.assert_array_equal(read_micrograph(imagej(tmp_path / "b.tif", picture(), cf=20)).image, picture())
    single = picture().astype(np.float32)
    np.testing.assert_array_equal(read_micrograph(imagej(tmp_path / "c.tif", single, **LINE)).image, single)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_stack_is_a_series(tmp_path, compression):
    frames = drifted([(0, 0), (2, -1), (3, -2)])
    tifffile.imwrite(tmp_path / "a.tif", frames, compression=compression, photometric="minisblack")
    found = read_micrograph(tmp_path / "a.tif")
    assert (found.frames.number, found.frames.way) == (3, "align")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif", selection=Selection(frames="3")).image, frames[2])


def test_channels_of_a_hyperstack_are_images_of_their_own(tmp_path):
    frames = drifted([(0, 0), (2, -1)])
    data = np.stack([frames[:, ::-1], frames], axis=1)
    labels = ["BF", "HAADF"]
    imagej(tmp_path / "a.tif", data, axes="TCYX")
    with pytest.raises(InputError, match=r"channel 1 \(96 x 112, 2 frames\), channel 2"):
        read_micrograph(tmp_path / "a.tif")
    found = read_micrograph(tmp_path / "a.tif", selection=Selection(image="channel 2", frames="1"))
    np.testing.assert_array_equal(found.image, frames[0])
    imagej(tmp_path / "b.tif", data[0], axes="CYX", Labels=labels)
    found = read_micrograph(tmp_path / "b.tif")
    np.testing.assert_array_equal(found.image, frames[0])
    assert found.dataset == "HAADF"


@pytest.mark.parametrize("first", ["colour", "data"])
def test_a_colour_page_beside_the_data_is_left_out(tmp_path, first):
    colour = np.zeros((40, 56, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (colour, picture()) if first == "colour" else (picture(), colour):
            file.write(page, photometric="rgb" if page.ndim == 3 else "minisblack")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, picture())


def test_reduced_copies_are_left_out(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture(), photometric="minisblack", subifds=1)
        file.write(picture()[::2, ::2], subfiletype=1)
        file.write(picture(64, 64)[:36, :48], subfiletype=1)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, picture())


def test_a_palette_is_colour(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((40, 56), np.uint8), photometric="palette", colormap=np.zeros((3, 256), np.uint16)
    )
    with pytest.raises(InputError, match="a colour image"):
        read_micrograph(tmp_path / "a.tif")


@pytest.mark.parametrize("axes", ["YX", "TCZYX"])
def test_one_plane_of_ome(tmp_path, axes):
    data = picture().reshape((1,) * (len(axes) - 2) + (40, 56))
    sizes = {"PhysicalSizeX": 0.02, "PhysicalSizeY": 0.015, "PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", data, ome=True, metadata={"axes": axes} | sizes)
    found = read_micrograph(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))


def test_a_series_of_ome_with_channels(tmp_path):
    frames = drifted([(0, 0), (2, -1)])
    data = np.stack([frames[:, ::-1], frames], axis=1)
    metadata = {"axes": "TCYX", "Channel": {"Name": ["BF", "HAADF"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", data, ome=True, metadata=metadata)
    found = read_micrograph(tmp_path / "a.ome.tif")
    assert (found.dataset, found.frames.number) == ("HAADF", 2)


def test_images_of_ome_have_names_and_steps_of_their_own(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        for name, data, step in (("BF", picture()[:, ::-1], 1.0), ("HAADF", picture(), 0.015)):
            sizes = {"PhysicalSizeX": 0.02, "PhysicalSizeY": step, "PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
            file.write(data, metadata={"axes": "YX", "Name": name} | sizes)
    found = read_micrograph(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.dataset == "HAADF"


def test_fei_s_tiff(tmp_path):
    text = "[Scan]\r\nPixelWidth=2e-11\r\nPixelHeight=1.5e-11\r\n[Beam]\r\nHV=30000\r\n"
    tifffile.imwrite(tmp_path / "a.tif", picture(), extratags=[(34682, "s", 0, text, True)], metadata=None)
    found = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))


def test_metadata_that_rosettasciio_cannot_read_do_not_hide_the_pixels(tmp_path):
    tags = [(271, "s", 0, "JEOL Ltd.", True)]
    tifffile.imwrite(tmp_path / "a.tif", picture(), extratags=tags, description="no XML", metadata=None)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, picture())


def test_planes_of_other_files_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", picture())
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1"><Image ID="Image:0">'
        '<Pixels DimensionOrder="XYCZT" Type="uint16" SizeX="56" SizeY="40" SizeC="1" SizeZ="1" SizeT="1">'
        '<TiffData IFD="0"><UUID FileName="x.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", picture(), description=xml, metadata=None)
    with pytest.raises(InputError, match="planes lie in several files"):
        read_micrograph(tmp_path / "a.ome.tif")
    renamed = xml.replace("urn:uuid:2", "urn:uuid:1")
    tifffile.imwrite(tmp_path / "b.ome.tif", picture(), description=renamed, metadata=None)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.ome.tif").image, picture())


def test_digital_micrograph_s_tiff(tmp_path):
    tags = [
        (65003, "s", 3, "nm", True),
        (65004, "s", 3, "nm", True),
        (65009, "d", 1, 0.02, True),
        (65010, "d", 1, 0.015, True),
    ]
    tags += [(65022, "s", 5, "I/I0", True), (65024, "d", 1, 100.0, True), (65025, "d", 1, 2e-6, True)]
    tifffile.imwrite(tmp_path / "a.tif", picture(), extratags=tags)
    found = read_micrograph(tmp_path / "a.tif")
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert (found.known.value("beam_fraction_per_count"), found.known.value("black_level")) == (2e-6, 100.0)


def test_big_endian_pixels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", picture(), byteorder=">")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, picture())
