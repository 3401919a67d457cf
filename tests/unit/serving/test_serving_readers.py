import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from rsciio import emd

from heamap.errors import InputError
from heamap_serving.io import read_micrograph
from heamap_serving.io.lengths import angstrom
from heamap_serving.micrograph import check_layout
from heamap_serving.region import WHOLE

REAL = Path(__file__).resolve().parents[4] / "shared" / "micrographs"
STEP = (0.15, 0.2)


@pytest.fixture
def image():
    return np.random.default_rng(1).random((30, 40)).astype(np.float32)


def signal(data, units="nm", scale=0.02, title="HAADF"):
    axes = [
        {"name": name, "size": size, "units": units, "scale": step, "offset": 0.0, "navigate": False}
        for name, size, step in zip("zyx"[-data.ndim :], data.shape, (scale,) * data.ndim, strict=True)
    ]
    return {
        "data": data,
        "axes": axes,
        "metadata": {"General": {"title": title}, "Signal": {"signal_type": ""}},
        "original_metadata": {},
    }


def write_hspy(path, data, units="nm", scales=(0.015, 0.02)):
    """HyperSpy's layout of one two-dimensional signal."""
    with h5py.File(path, "w") as file:
        file.attrs["file_format"] = "HyperSpy"
        file.attrs["file_format_version"] = "3.3"
        experiment = file.create_group("Experiments/image")
        experiment.attrs.update({"package": "hyperspy", "package_version": "2.3.0"})
        experiment.create_dataset("data", data=data, chunks=data.shape)
        for axis, (size, scale) in enumerate(zip(data.shape, scales, strict=True)):
            group = experiment.create_group(f"axis-{axis}")
            group.attrs.update(
                {"name": "yx"[axis], "size": size, "scale": scale, "offset": 0.0, "units": units, "navigate": False}
            )
        experiment.create_group("metadata/General").attrs["title"] = "HAADF"
        experiment.create_group("original_metadata")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.02, "nm", 0.2),
        (2e-11, "m", 0.2),
        (0.02, "n_m", 0.2),
        (0.02, "[n_m]", 0.2),
        (20.0, "pm", 0.2),
        (2e-5, "µm", 0.2),
        (2e-5, "\u03bcm", 0.2),
        (0.2, "Angstrom", 0.2),
        (0.2, "Å", 0.2),
        (0.2, "\u212b", 0.2),
        (0.2, "A", 0.2),
        (0.2, "1/nm", None),
        (0.2, "M", None),
        (0.2, "eV", None),
        (0.2, "inch", None),
        (0.2, "", None),
        (0.2, None, None),
        (0.0, "nm", None),
        (float("nan"), "nm", None),
    ],
)
def test_units_become_angstrom_or_nothing(value, unit, expected):
    assert angstrom(value, unit) == (None if expected is None else pytest.approx(expected))


def test_imagej_tiff_keeps_unequal_steps_along_rows_and_columns(tmp_path, image):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, imagej=True, resolution=(1 / 0.02, 1 / 0.015), metadata={"unit": "nm"})
    found = read_micrograph(path)
    assert found.sampling_angstrom == pytest.approx(STEP, rel=1e-4)
    np.testing.assert_array_equal(found.image, image)


def test_ome_tiff_gives_its_physical_size(tmp_path, image):
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "YX", "PhysicalSizeX": 0.02, "PhysicalSizeY": 0.015}
    tifffile.imwrite(path, image, ome=True, metadata=metadata | {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"})
    assert read_micrograph(path).sampling_angstrom == pytest.approx(STEP)


def test_the_print_resolution_of_a_tiff_is_no_pixel_size(tmp_path, image):
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, image, resolution=(72, 72), resolutionunit="INCH")
    assert read_micrograph(path).sampling_angstrom is None


def test_hspy_and_hyperspy_hdf5_are_the_same(tmp_path, image):
    for name in ("a.hspy", "a.hdf5"):
        write_hspy(tmp_path / name, image)
        found = read_micrograph(tmp_path / name)
        assert found.sampling_angstrom == pytest.approx(STEP)
        np.testing.assert_array_equal(found.image, image)


def test_an_inverse_unit_is_named_in_the_fault(tmp_path, image):
    write_hspy(tmp_path / "a.hspy", image, units="1/nm")
    found = read_micrograph(tmp_path / "a.hspy")
    assert found.sampling_angstrom is None
    assert "1/nm" in found.fault


def test_berkeley_emd_is_read(tmp_path, image):
    emd.file_writer(str(tmp_path / "a.emd"), signal(image))
    found = read_micrograph(tmp_path / "a.emd")
    assert found.sampling_angstrom == pytest.approx((0.2, 0.2))
    np.testing.assert_array_equal(found.image, image)


def test_plain_hdf5_takes_the_array_nearest_to_the_root(tmp_path, image):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = image
        file["fit/positions"] = np.zeros((10, 2))
    found = read_micrograph(tmp_path / "a.h5")
    assert found.sampling_angstrom is None
    np.testing.assert_array_equal(found.image, image)


def test_a_file_of_two_images_is_refused_by_name(tmp_path, image):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["bright"] = file["dark"] = image
    with pytest.raises(InputError, match=r"holds 2 images.*bright.*dark"):
        read_micrograph(tmp_path / "a.h5")


def test_npy_integers_are_read_and_pickles_are_not(tmp_path):
    counts = np.arange(12, dtype=">u2").reshape(3, 4)
    np.save(tmp_path / "a.npy", counts)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.npy").image, counts)
    np.save(tmp_path / "b.npy", np.array([[1, None]], dtype=object))
    with pytest.raises(InputError, match="damaged"):
        read_micrograph(tmp_path / "b.npy")


@pytest.mark.parametrize("name", ["HAADF", "haadf detector"])
def test_of_several_images_the_one_named_haadf_is_taken(tmp_path, image, name):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["BF"], file[name], file["DF4"] = image[::-1], image, image.T
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.h5").image, image)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.ones((20, 20)), "constant"),
        (np.array([[1.0, np.nan], [2.0, np.inf]]), "2 pixels are NaN"),
        (np.array([[1.0, 1e300]]), "1 pixels are NaN, infinite or beyond"),
        (np.ones((4, 4), dtype=complex), "complex128"),
        (np.zeros((2, 4, 20, 20)), r"shape \(2, 4, 20, 20\): expected one image"),
        (np.zeros((4, 20, 20)), "the 4 frames of the series do not register"),
        (np.zeros((20, 20, 3), dtype=np.uint8), "colour"),
        (np.zeros(9), r"shape \(9,\)"),
        (np.zeros((0, 9)), "empty"),
        (np.zeros((3, 3), dtype=bool), "bool"),
    ],
)
def test_what_is_no_greyscale_image_is_refused(tmp_path, values, line):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match=line):
        WHOLE.crop(read_micrograph(tmp_path / "a.npy"))


def test_a_single_frame_of_a_stack_is_an_image(tmp_path, image):
    np.save(tmp_path / "a.npy", image[None])
    assert read_micrograph(tmp_path / "a.npy").image.shape == image.shape


@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_tiff_is_refused(tmp_path, channels):
    pixels = np.zeros((20, 20, channels), dtype=np.uint8)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **extra)
    with pytest.raises(InputError, match="colour image"):
        read_micrograph(tmp_path / "a.tif")


def test_a_huge_image_is_refused_before_its_pixels_are_read():
    with pytest.raises(InputError, match="100000 x 100000"):
        check_layout((100000, 100000), np.dtype(np.uint16))


@pytest.mark.parametrize("suffix", ["dm3", "dm4", "emd", "ser", "tif", "hspy", "h5", "npy"])
def test_garbage_and_empty_files_are_refused_in_one_line(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    for content, words in ((b"", r"empty \(0 bytes\)"), (struct.pack(">I", 3) + b"garbage" * 40, "damaged")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words) as caught:
            read_micrograph(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_written_files_cut_short_are_refused(tmp_path, share):
    image = np.random.default_rng(2).random((200, 200)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", image)
    np.save(tmp_path / "a.npy", image)
    write_hspy(tmp_path / "a.hspy", image)
    emd.file_writer(str(tmp_path / "a.emd"), signal(image))
    for path in sorted(tmp_path.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match="damaged"):
            read_micrograph(path)


def test_an_unknown_suffix_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"'.docx' is none of .dm3"):
        read_micrograph(tmp_path / "a.docx")
    with pytest.raises(InputError, match="no such file"):
        read_micrograph(tmp_path / "a.tif")


needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the shared micrographs are not here")


@needs_real
@pytest.mark.parametrize(
    ("name", "shape", "step"),
    [
        ("16_STOimage_1.ser", (1024, 1024), 0.1001),
        ("BTO_crystal_1.dm4", (413, 469), 0.2966),
        ("ingrained_CdTe_twin_HAADF26.dm3", (512, 512), 0.2022),
        ("temul_PTO.hspy", (224, 1312), 0.1500),
    ],
)
def test_real_files_give_their_pixels_and_pixel_size(name, shape, step):
    found = read_micrograph(REAL / name)
    assert found.image.shape == shape
    assert found.sampling_angstrom == pytest.approx((step, step), abs=1e-4)


@needs_real
@pytest.mark.parametrize(
    "name", ["16_STOimage_1.ser", "BTO_crystal_1.dm4", "ingrained_CdTe_twin_HAADF26.dm3", "temul_PTO.hspy"]
)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
def test_real_files_cut_short_are_refused(tmp_path, name, share):
    content = (REAL / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="damaged"):
        read_micrograph(path)


def test_imagej_writes_the_ring_of_the_angstrom_as_an_escape(tmp_path, image):
    for unit in ("\\u00C5", "\\u00B5m", "nm"):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, image, imagej=True, resolution=(5, 5), metadata={"unit": unit})
        steps = read_micrograph(path).sampling_angstrom
        assert steps == pytest.approx((angstrom(0.2, {"\\u00C5": "Å", "\\u00B5m": "µm"}.get(unit, unit)),) * 2)
