"""Damaged and hostile files: one line each, no traceback, no hang, no memory, nothing run."""

import os
import pickle
import re
import struct
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from damaged_files import damaged, sealed_model, valid_files

from heamap.cli import main
from heamap.errors import InputError
from heamap_serving import reading_process
from heamap_serving.guarded import Reader
from heamap_serving.session import load_model

DAMAGED = 200
SECONDS = 60.0
"""A slow machine takes a few to load a format's library at its first file."""


@pytest.fixture
def reader(tmp_path):
    with Reader(tmp_path, seconds=SECONDS) as reader:
        yield reader


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_two_hundred_damaged_files_give_one_line_each(tmp_path, capfd):
    files = valid_files(tmp_path)
    model = sealed_model(tmp_path / "model.onnx")
    with Reader(tmp_path, seconds=SECONDS) as reader:
        for path in files:
            assert reader.read(path).image.ndim == 2
        kinds = [*files, model]
        refused = {path.suffix: [] for path in kinds}
        for number in range(DAMAGED):
            source = kinds[number % len(kinds)]
            path = tmp_path / f"damaged{source.suffix}"
            path.write_bytes(damaged(source.read_bytes(), np.random.default_rng((20110905, number))))
            start = time.perf_counter()
            try:
                if source == model:
                    load_model(path)
                else:
                    # What was flipped may be a pixel, or a byte that means nothing.
                    assert reader.read(path).image.ndim == 2
            except InputError as error:
                refused[source.suffix].append(str(error))
            assert time.perf_counter() - start < SECONDS, number
        assert reader.restarts == 0
        # All that the reader's process ever took.
        status = Path(f"/proc/{reader._process.pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    lines = [line for found in refused.values() for line in found]
    assert len(lines) > DAMAGED / 3
    assert all("\n" not in line and 0 < len(line) < 400 for line in lines)
    assert all(len(found) > 2 for found in refused.values()), refused
    assert len(refused[".onnx"]) == len(range(kinds.index(model), DAMAGED, len(kinds)))
    assert "Traceback" not in "".join(capfd.readouterr())
    assert peak < 1500, peak


def test_a_batch_tells_damaged_files_from_good_ones(tmp_path, model_file, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    valid_files(folder)
    for path in folder.glob("a.*"):
        if path.suffix != ".npy":
            path.write_bytes(path.read_bytes()[:200])
    bad = len(list(folder.iterdir())) - 1
    arguments = ["score", folder, "--out", tmp_path / "out", "--model", model_file, "--sampling-angstrom", "0.2"]
    assert main([str(argument) for argument in arguments]) == 1
    printed = capfd.readouterr()
    assert sum(line.startswith("heamap: ") for line in printed.err.splitlines()) == bad
    assert f"1 of {bad + 1} scored" in printed.out
    assert "Traceback" not in printed.err


def test_pickles_and_objects_are_never_loaded(tmp_path, reader):
    trace = tmp_path / "trace"
    bomb = np.array([[Bomb(trace)] * 2] * 2, dtype=object)
    np.save(tmp_path / "a.npy", bomb, allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Bomb(trace)))
    (tmp_path / "c.tif").write_bytes(pickle.dumps(Bomb(trace)))
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_dataset("words", (3, 4), dtype=h5py.string_dtype())
        file.create_dataset("ragged", (3, 4), dtype=h5py.vlen_dtype(np.float32))
    with h5py.File(tmp_path / "e.hspy", "w") as file:
        file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
        experiment = file.create_group("Experiments/image")
        experiment.create_dataset("data", (3, 4), dtype=h5py.vlen_dtype(np.float32))
        experiment.create_group("metadata")
        experiment.create_group("original_metadata")
    for path in sorted(tmp_path.glob("?.*")):
        with pytest.raises(InputError) as caught:
            reader.read(path)
        assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_a_header_that_asks_for_terabytes_is_refused(tmp_path, reader):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (30000, 30000), }"
    text = header.ljust(117) + "\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + b"\0" * 80)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("image", (1_000_000, 1_000_000), dtype="f8", chunks=(100, 100))
    for name, line in (("a.npy", "damaged"), ("b.h5", "crop")):
        with pytest.raises(InputError, match=line):
            reader.read(tmp_path / name)


def test_a_reader_that_hangs_or_dies_is_told_and_replaced(tmp_path, monkeypatch):
    np.save(tmp_path / "good.npy", np.random.default_rng(0).random((20, 30)))
    os.mkfifo(tmp_path / "pipe.npy")
    with Reader(tmp_path, seconds=SECONDS) as reader:
        assert reader.read(tmp_path / "good.npy").image.shape == (20, 30)
        reader._process.kill()
        reader._process.wait()
        assert reader.read(tmp_path / "good.npy").image.shape == (20, 30)
        assert reader.restarts == 1
        with pytest.raises(InputError, match="no such file"):
            reader.read(tmp_path / "pipe.npy")
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time\ntime.sleep(100)\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(reading_process, "__name__", "sleeper")
    with Reader(tmp_path, seconds=0.5) as reader, pytest.raises(InputError, match="not read within"):
        reader.read(tmp_path / "good.npy")
    sleeper.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    with Reader(tmp_path, seconds=SECONDS) as reader, pytest.raises(InputError, match="crashed the reader"):
        reader.read(tmp_path / "good.npy")
    assert list(tmp_path.glob(".pixels-*")) == []
