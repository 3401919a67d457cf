"""Files of every format cut short and with flipped bits: one line each, no traceback, no hang, no crash."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from damaged_files import damaged
from writers.every_format import write_all

from heamap.errors import InputError
from heamap_serving.guarded import Reader

CUTS = 12
FLIPS = 14
SECONDS = 60.0


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    with Reader(tmp_path_factory.mktemp("pixels"), seconds=SECONDS) as reader:
        yield reader
        assert reader.restarts == 0


def lines_of(reader, files, folder, contents):
    """Refusals of damaged copies of a file; the files that belong to it stay beside it."""
    lines = []
    for path, content in contents:
        for other in files:
            shutil.copy(other, folder / other.name)
        (folder / path.name).write_bytes(content)
        start = time.perf_counter()
        try:
            # What was flipped may be a pixel, or a byte that means nothing.
            assert reader.read(folder / path.name).image.ndim == 2
        except InputError as error:
            lines.append(str(error))
        assert time.perf_counter() - start < SECONDS
    assert all("\n" not in line and 0 < len(line) < 600 for line in lines), lines
    assert not any("Traceback" in line or "crashed the reader" in line for line in lines)
    return lines


def test_the_files_are_whole(reader, files):
    for path in files:
        assert reader.read(path).image.shape in ((40, 56), (96, 112))


def test_names_that_are_no_utf_8_are_read(reader, tmp_path):
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/M\xfcller"))
    folder.mkdir()
    for path in write_all(folder):
        latin = path.with_name(os.fsdecode(b"\xb5" + os.fsencode(path.name)))
        path.rename(latin)
    for path in sorted(folder.iterdir()):
        assert reader.read(path).image.ndim == 2


def family(files, path):
    return [other for other in files if other.name.startswith(path.stem.split("_")[0]) and other != path]


def test_files_cut_short_are_refused_in_one_line(reader, files, tmp_path):
    for path in files:
        content = path.read_bytes()
        lengths = np.unique(np.linspace(0, len(content) - 1, CUTS).astype(int))
        cut = [(path, content[:length]) for length in lengths]
        lines = lines_of(reader, family(files, path), tmp_path, cut)
        # An .emi is read for what it states alone; the others lack pixels, or the table at their end.
        least = 0 if path.suffix == ".emi" else CUTS // 2
        assert len(lines) >= least, (path.name, lines)


def test_flipped_bits_give_an_image_or_one_line(reader, files, tmp_path):
    for path in files:
        content = path.read_bytes()
        flipped = [(path, damaged(content, np.random.default_rng((len(content), number)))) for number in range(FLIPS)]
        lines_of(reader, family(files, path), tmp_path, flipped)
