import json
import shutil
import zlib

import numpy as np
import pytest

from heamap.acquisition import Fact
from heamap.errors import InputError
from heamap_serving.guarded import Reader
from heamap_serving.io import read_micrograph

IMAGE = np.random.default_rng(5).integers(0, 60_000, (50, 70)).astype("<u2")
CHUNK = 32


def write_json(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def write_group(folder, attributes=None):
    write_json(folder / ".zgroup", {"zarr_format": 2})
    if attributes:
        write_json(folder / ".zattrs", attributes)


def write_array(folder, values, compressor, filters=None):
    """Chunks of CHUNK x CHUNK, those at the border padded, as zarr 2 lays them out."""
    chunks = [1] * (values.ndim - 2) + [CHUNK, CHUNK]
    layout = {"chunks": chunks, "compressor": compressor, "dtype": values.dtype.str, "fill_value": 0}
    layout |= {"filters": filters, "order": "C", "shape": values.shape, "zarr_format": 2, "dimension_separator": "/"}
    write_json(folder / ".zarray", layout)
    for index in np.ndindex(*(-(-length // chunk) for length, chunk in zip(values.shape, chunks, strict=True))):
        part = values[tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, chunks, strict=True))]
        whole = np.zeros(chunks, values.dtype)
        whole[tuple(slice(length) for length in part.shape)] = part
        content = whole.tobytes()
        path = folder.joinpath(*map(str, index))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zlib.compress(content) if compressor else content)


def write_zspy(folder, data=IMAGE, *, compressor=None, filters=None):
    """A signal as HyperSpy writes it: steps .03 nm down and .02 nm across, calibrated, at 200 keV."""
    write_group(folder, {"file_format": "ZSpy", "file_format_version": "3.3"})
    write_group(folder / "Experiments")
    signal = folder / "Experiments" / "HAADF"
    write_group(signal, {"package": "hyperspy", "package_version": "2.5.0"})
    write_array(signal / "data", data, compressor, filters)
    steps = [(1.0, "_None_", True)] * (data.ndim - 2) + [(0.03, "nm", False), (0.02, "nm", False)]
    for index, (step, units, navigate) in enumerate(steps):
        axis = {"name": "_None_", "offset": 0.0, "scale": step, "size": data.shape[index], "units": units}
        write_group(signal / f"axis-{index}", axis | {"navigate": navigate})
    write_group(signal / "metadata")
    write_group(signal / "metadata" / "General", {"title": "HAADF"})
    stated = signal / "metadata" / "Signal"
    write_group(stated, {"quantity": "Intensity (I/I0)"})
    write_group(stated / "Noise_properties")
    model = {"gain_factor": 1e-4, "gain_offset": 100.0}
    write_group(stated / "Noise_properties" / "Variance_linear_model", model)
    write_group(signal / "metadata" / "Acquisition_instrument")
    write_group(signal / "metadata" / "Acquisition_instrument" / "TEM", {"beam_energy": 200.0})
    write_group(signal / "original_metadata")
    return folder


@pytest.mark.parametrize("compressor", [None, {"id": "zlib", "level": 1}])
def test_a_folder_is_read_with_what_it_states(tmp_path, compressor):
    path = write_zspy(tmp_path / "a.zspy", compressor=compressor)
    with Reader(tmp_path) as reader:
        found = reader.read(path)
    np.testing.assert_array_equal(found.image, IMAGE)
    assert found.sampling_angstrom == pytest.approx((0.3, 0.2))
    assert found.known.energy_ev == Fact(2e5, "file")
    assert found.known.beam_fraction_per_count == Fact(1e-4, "file")
    assert found.known.black_level == Fact(100.0, "file")
    assert found.dataset == "HAADF"


def test_a_zip_file_is_read_as_the_folder_is(tmp_path):
    folder = write_zspy(tmp_path / "a.zspy")
    packed = shutil.make_archive(str(tmp_path / "b"), "zip", folder)
    shutil.move(packed, tmp_path / "b.zspy")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.zspy").image, IMAGE)


def test_a_series_is_added(tmp_path):
    path = write_zspy(tmp_path / "a.zspy", np.stack([IMAGE, IMAGE, IMAGE]))
    found = read_micrograph(path)
    assert found.frames.number == 3
    assert found.known.value("black_level") == 300.0
    np.testing.assert_allclose(found.image, 3.0 * IMAGE)


def test_what_would_run_code_or_is_no_signal_is_refused(tmp_path):
    hostile = write_zspy(tmp_path / "a.zspy", filters=[{"id": "delta", "dtype": "<u2"}])
    with pytest.raises(InputError, match="packed by filters"):
        read_micrograph(hostile)
    layout = hostile / "Experiments" / "HAADF" / "data" / ".zarray"
    objects = {"dtype": "|O", "filters": [{"id": "pickle", "protocol": 5}], "fill_value": None}
    layout.write_text(json.dumps(json.loads(layout.read_text()) | objects))
    with pytest.raises(InputError):
        read_micrograph(hostile)
    write_group(tmp_path / "empty.zspy")
    with pytest.raises(InputError, match="holds no signal of HyperSpy"):
        read_micrograph(tmp_path / "empty.zspy")
    (tmp_path / "nothing.zspy").mkdir()
    with pytest.raises(InputError, match=r"damaged or not a \.zspy file"):
        read_micrograph(tmp_path / "nothing.zspy")
    shutil.rmtree(hostile / "Experiments" / "HAADF" / "data")
    with pytest.raises(InputError, match="has no data"):
        read_micrograph(hostile)
