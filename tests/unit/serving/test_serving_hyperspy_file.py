import subprocess
import sys

import h5py
import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap_serving import hyperspy_file, scratch
from heamap_serving.hyperspy_file import write_maps


@pytest.fixture
def written(tmp_path):
    """An asymmetric map of 20 x 30 pixels of .2 Angstrom, each element's peak somewhere else."""
    maps = np.zeros((20, 30, 5), np.float32)
    for index in range(5):
        maps[3 + index, 20 + index, index] = index + 1.0
    path = tmp_path / "maps.hspy"
    write_maps(path, maps, 0.2, (1.0, 2.0))
    return path, maps


def test_axes_units_and_values_come_back(written):
    from rsciio import hspy

    path, maps = written
    (signal,) = hspy.file_reader(str(path))
    element, y, x = signal["axes"]
    assert [(axis["name"], axis["size"], axis["units"], axis["navigate"]) for axis in (y, x)] == [
        ("y", 20, "nm", False),
        ("x", 30, "nm", False),
    ]
    assert (element["size"], element["navigate"]) == (5, True)
    assert [float(axis["scale"]) for axis in (y, x)] == pytest.approx([0.02, 0.02])
    assert [float(axis["offset"]) for axis in (y, x)] == pytest.approx([0.1, 0.2])
    assert signal["original_metadata"]["heamap"]["elements"] == list(ELEMENTS)
    np.testing.assert_array_equal(np.moveaxis(signal["data"], 0, -1), maps)


def test_no_package_is_named_that_hyperspy_would_ask_its_user_to_install(written):
    with h5py.File(written[0]) as file:
        (experiment,) = file["Experiments"].values()
        assert "package" not in experiment.attrs


@pytest.fixture
def hyperspy(tmp_path, monkeypatch):
    """HyperSpy, its preferences in the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    import hyperspy.api

    return hyperspy.api


def test_hyperspy_opens_it_as_images_of_the_elements(written, hyperspy):
    path, maps = written
    signal = hyperspy.load(path)
    assert type(signal).__name__ == "Signal2D"
    x, y = signal.axes_manager.signal_axes
    assert [(axis.name, axis.units, axis.size) for axis in (x, y)] == [("x", "nm", 30), ("y", "nm", 20)]
    assert [axis.scale for axis in (x, y)] == pytest.approx([0.02, 0.02])
    assert [axis.offset for axis in (x, y)] == pytest.approx([0.2, 0.1])
    assert [axis.size for axis in signal.axes_manager.navigation_axes] == [5]
    assert signal.metadata.General.title == hyperspy_file.TITLE
    np.testing.assert_array_equal(np.moveaxis(signal.data, 0, -1), maps)
    palladium = signal.inav[ELEMENTS.index("Pd")]
    # x from .2, y from .1, .02 nm a pixel: the peak of Pd is at row 5, column 22.
    assert float(palladium.isig[0.2 + 22 * 0.02, 0.1 + 5 * 0.02].data[0]) == 3.0


def test_hyperspy_opens_it_lazily_too(written, hyperspy):
    path, maps = written
    signal = hyperspy.load(path, lazy=True)
    np.testing.assert_array_equal(np.moveaxis(signal.data.compute(), 0, -1), maps)
    signal.close_file()


def test_the_same_maps_give_the_same_file(written, tmp_path):
    path, maps = written
    write_maps(tmp_path / "again.hspy", maps, 0.2, (1.0, 2.0))
    assert (tmp_path / "again.hspy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("in_memory", [True, False])
def test_maps_of_several_pieces_come_back_whole(tmp_path, monkeypatch, in_memory):
    from rsciio import hspy

    monkeypatch.setattr(hyperspy_file, "PIECE_PIXELS", 16)
    monkeypatch.setattr(scratch, "IN_MEMORY_BYTES", 2**26 if in_memory else 0)
    maps = np.random.default_rng(0).normal(size=(40, 25, 5)).astype(np.float32)
    write_maps(tmp_path / "maps.hspy", maps, 0.2, (0.0, 0.0))
    (signal,) = hspy.file_reader(str(tmp_path / "maps.hspy"))
    np.testing.assert_array_equal(np.moveaxis(signal["data"], 0, -1), maps)


def test_writing_does_not_start_dasks_cluster(tmp_path):
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from heamap_serving.hyperspy_file import write_maps\n"
        f"write_maps(Path({str(tmp_path / 'maps.hspy')!r}), np.zeros((20, 30, 5), np.float32), 0.2, (0.0, 0.0))\n"
        "assert 'distributed' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
