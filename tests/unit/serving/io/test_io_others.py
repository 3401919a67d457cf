"""MRC, Panta Rhei, zspy, signals of HyperSpy, links and folders."""

import json

import hyperspy.api as hs
import numpy as np
import pytest
from rsciio import pantarhei
from writers import mrc
from writers.pictures import drifted, picture

from heamap.errors import InputError
from heamap_serving.guarded import Reader
from heamap_serving.io import READERS, Selection, from_signal, is_signal, micrographs_in, read_micrograph


def signal_of(data, title="HAADF", **metadata):
    names = ["z", "y", "x"][-data.ndim :]
    axes = [
        {"name": name, "size": size, "units": "nm", "scale": step, "offset": 0.0, "navigate": name == "z"}
        for name, size, step in zip(names, data.shape, [1.0, 0.015, 0.02][-data.ndim :], strict=True)
    ]
    general = {"General": {"title": title}, "Signal": {"signal_type": ""}}
    return {"data": data, "axes": axes, "metadata": general | metadata, "original_metadata": {}}


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_mrc(tmp_path, dtype):
    mrc.write(tmp_path / "a.mrc", picture()[None].astype(dtype))
    found = read_micrograph(tmp_path / "a.mrc")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2), rel=1e-5)


def test_an_mrc_stack_is_a_series(tmp_path):
    frames = drifted([(0, 0), (2, -1)])
    mrc.write(tmp_path / "a.mrc", frames)
    assert read_micrograph(tmp_path / "a.mrc").frames.number == 2


def test_fei_s_extended_header(tmp_path):
    mrc.write(tmp_path / "a.mrc", picture()[None], None, fei_step_m=2e-11)
    found = read_micrograph(tmp_path / "a.mrc")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.2, 0.2))
    assert found.known.value("tilt_degree") == (10.0, -1.0)


def test_an_mrc_without_a_size_has_no_pixel_size(tmp_path):
    mrc.write(tmp_path / "a.mrc", picture()[None], None)
    found = read_micrograph(tmp_path / "a.mrc")
    assert found.sampling_angstrom is None
    assert found.fault == "no pixel size in the file"


def test_other_mrc_are_named(tmp_path):
    mrc.write(tmp_path / "a.mrc", picture()[None], big_endian=True)
    with pytest.raises(InputError, match="big-endian"):
        read_micrograph(tmp_path / "a.mrc")
    mrc.write(tmp_path / "b.mrc", picture()[None].astype(np.complex64))
    with pytest.raises(InputError, match="complex"):
        read_micrograph(tmp_path / "b.mrc")


def test_panta_rhei(tmp_path):
    metadata = {"Acquisition_instrument": {"TEM": {"beam_energy": 200.0, "convergence_angle": 25.0}}}
    pantarhei.file_writer(str(tmp_path / "a.prz"), signal_of(picture(), **metadata))
    found = read_micrograph(tmp_path / "a.prz")
    np.testing.assert_array_equal(found.image, picture())
    # The writer pickles its metadata, as versions before 24.03 did: they are left alone.
    assert found.sampling_angstrom is None


def test_panta_rhei_with_json(tmp_path):
    calibration = {"unit": "nm", "offset": 0.0, "pixel_factor": 1.0}
    metadata = {
        "type": "2D",
        "device.calib": [calibration | {"value": 0.02}, calibration | {"value": 0.015}],
        "electron_gun.voltage": 200000.0,
        "condenser.convergence_semi_angle": 0.025,
        "repo_id": "HAADF.prz",
    }
    with (tmp_path / "a.prz").open("wb") as file:
        np.savez_compressed(file, data=picture(), meta_data_json=json.dumps([metadata]), file_format_version=2)
    found = read_micrograph(tmp_path / "a.prz")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert (found.known.value("energy_ev"), found.known.value("semiangle_mrad")) == (200e3, 25.0)
    assert found.dataset == "HAADF"


def test_broken_links_and_folders_are_named(tmp_path):
    (tmp_path / "a.tif").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"a link to .*nowhere, which is not there"):
        read_micrograph(tmp_path / "a.tif")
    (tmp_path / "b.tif").mkdir()
    with pytest.raises(InputError, match="a folder, not a file"):
        read_micrograph(tmp_path / "b.tif")


def test_a_broken_link_is_named_by_the_process_of_its_own_too(tmp_path):
    (tmp_path / "a.tif").symlink_to(tmp_path / "nowhere")
    with Reader(tmp_path) as reader, pytest.raises(InputError, match=r"a link to .*nowhere, which is not there"):
        reader.read(tmp_path / "a.tif")


def test_micrographs_of_a_folder(tmp_path):
    for name in ("a.tif", "b.TXT", ".hidden.tif", "c.emi", "c_1.ser", "c_12.ser", "d.emi", "e.npy"):
        (tmp_path / name).touch()
    for name in ("f.zspy", "g.tif", "sub"):
        (tmp_path / name).mkdir()
    (tmp_path / "h.dm4").symlink_to(tmp_path / "nowhere")
    known, others = micrographs_in(tmp_path)
    names = ["a.tif", "c_1.ser", "c_12.ser", "d.emi", "e.npy", "f.zspy", "h.dm4"]
    assert [path.name for path in known] == names
    assert [path.name for path in others] == ["b.TXT", "c.emi", "g.tif", "sub"]


def test_an_array_in_an_unusual_order_of_axes_and_small_ones(tmp_path):
    np.save(tmp_path / "a.npy", picture()[:, :, None])
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.npy").image, picture())
    frames = drifted([(0, 0), (2, -1)])
    np.save(tmp_path / "c.npy", np.moveaxis(frames, 0, 2))
    found = read_micrograph(tmp_path / "c.npy", selection=Selection(frames="2"))
    np.testing.assert_array_equal(found.image, frames[1])
    np.save(tmp_path / "d.npy", np.zeros((40, 56, 3)))
    with pytest.raises(InputError, match=r"looks like a colour image.*\(frames, rows, cols\)"):
        read_micrograph(tmp_path / "d.npy")
    np.save(tmp_path / "b.npy", picture()[:8, :9])
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.npy").image, picture()[:8, :9])


def test_signals_of_rosettasciio():
    found = from_signal(signal_of(picture()))
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.dataset == "HAADF"


def test_of_the_signals_of_a_file_the_haadf_one_is_taken():
    signals = [signal_of(picture()[::-1], "BF"), signal_of(picture())]
    assert is_signal(signals)
    np.testing.assert_array_equal(from_signal(signals).image, picture())
    np.testing.assert_array_equal(from_signal(signals, Selection("BF")).image, picture()[::-1])


@pytest.mark.parametrize("lazy", [False, True])
def test_signals_of_hyperspy(lazy):
    signal = hs.signals.Signal2D(picture())
    for axis, name, step in zip(signal.axes_manager.signal_axes, "xy", (0.02, 0.015), strict=True):
        axis.name, axis.scale, axis.units = name, step, "nm"
    signal.metadata.General.title = "HAADF"
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", 200.0)
    signal = signal.as_lazy() if lazy else signal
    assert is_signal(signal)
    found = from_signal(signal)
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.known.value("energy_ev") == 200e3
    assert found.known.energy_ev.source == "file"


def test_a_navigation_axis_of_a_signal_is_a_series():
    frames = drifted([(0, 0), (2, -1)])
    signal = hs.signals.Signal2D(frames)
    found = from_signal(signal)
    np.testing.assert_allclose(found.frames.shifts_px[1], (2, -1), atol=0.15)
    assert found.sampling_angstrom is None
    assert found.fault == "no pixel size in the file"
    np.testing.assert_array_equal(from_signal(signal, Selection(frames="2")).image, frames[1])
    spectra = hs.signals.Signal1D(np.zeros((4, 5, 60)))
    with pytest.raises(InputError, match="spectra of a scan"):
        from_signal(spectra)
    with pytest.raises(InputError, match="4-dimensional data"):
        from_signal(hs.signals.Signal2D(np.zeros((2, 3, 40, 40))))


def test_a_transposed_signal_keeps_its_rows_and_columns():
    signal = hs.signals.BaseSignal(picture()).transpose(signal_axes=2)
    np.testing.assert_array_equal(from_signal(signal).image, picture())


@pytest.mark.parametrize("value", [np.zeros((3, 3)), "a.tif", {"data": 1}, None, [1, 2]])
def test_other_values_are_no_signals(value):
    assert not is_signal(value)


def test_a_signal_that_hyperspy_saved(tmp_path):
    signal = hs.signals.Signal2D(picture())
    for axis, step in zip(signal.axes_manager.signal_axes, (0.02, 0.015), strict=True):
        axis.scale, axis.units = step, "nm"
    signal.metadata.set_item("Acquisition_instrument.TEM.Stage.tilt_alpha", 4.0)
    signal.save(tmp_path / "a.hspy")
    found = read_micrograph(tmp_path / "a.hspy")
    np.testing.assert_array_equal(found.image, picture())
    assert found.sampling_angstrom == pytest.approx((0.15, 0.2))
    assert found.known.value("tilt_degree") == (4.0, 0.0)


def test_every_suffix_has_a_reader():
    expected = {".dm3", ".dm4", ".dm5", ".emd", ".emi", ".ser", ".tif", ".tiff", ".hspy", ".h5", ".hdf5", ".ndata1"}
    assert set(READERS) == expected | {".mrc", ".prz", ".zspy", ".npy"}
