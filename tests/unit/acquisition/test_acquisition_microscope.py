import numpy as np
import pytest

from heamap.acquisition import Fact
from heamap.acquisition.detector_scan import measure_scan, measure_vacuum_beam
from heamap.acquisition.microscope import read_microscope, write_template
from heamap.errors import InputError

TWO = """
energy_kev: 300
semiangle_mrad: 21
detectors:
  HAADF: {angles_mrad: [58, 190], black_level: 1200, beam_fraction_per_count: 1.0e-6}
  DF4: {angles_mrad: [20, 50]}
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "microscope.yaml"
        path.write_text(text)
        return read_microscope(path)

    return write


def test_the_template_is_a_microscope_and_stays_where_something_lies(tmp_path):
    path = tmp_path / "ours.yaml"
    write_template(path)
    found = read_microscope(path)
    assert found.detectors["HAADF"].angles_mrad == (60.0, 95.0)
    assert found.detectors["HAADF"].black_level is None
    with pytest.raises(InputError, match=r"ours.yaml is there already"):
        write_template(path)


def test_the_detector_is_the_one_that_the_file_names(written):
    microscope = written(TWO)
    known = microscope.facts("haadf")
    assert known.detector_mrad == Fact((58.0, 190.0), "microscope")
    assert known.black_level == Fact(1200.0, "microscope")
    assert known.energy_ev == Fact(3e5, "microscope")
    assert microscope.facts("DF4").value("black_level") is None
    # Which of two it is, nobody says; energy and probe are known all the same.
    for unknown in (None, "BF"):
        assert microscope.facts(unknown).value("detector_mrad") is None
        assert microscope.facts(unknown).value("semiangle_mrad") == 21.0


def test_the_only_detector_or_the_default_stands_for_files_that_name_none(written):
    assert written("detectors: {HAADF: {black_level: 3}}").facts(None).value("black_level") == 3.0
    assert written(TWO + "default_detector: DF4").facts(None).value("detector_mrad") == (20.0, 50.0)


def test_gain_and_black_level_are_those_of_one_frame(written):
    known = written(TWO).facts("HAADF", frames=4)
    assert known.value("beam_fraction_per_count") == pytest.approx(2.5e-7)
    assert known.value("black_level") == 4800.0
    assert known.black_level.derived == "of one frame, for 4 added ones"


def test_a_gain_of_another_beam_current_is_brought_to_that_of_the_image(written):
    microscope = written("detectors: {HAADF: {beam_fraction_per_count: 1.0e-6, current_pa: 10}}")
    known = microscope.facts("HAADF", beam_current_pa=40.0)
    # Four times the current gives four times the counts: each stands for a quarter.
    assert known.value("beam_fraction_per_count") == pytest.approx(2.5e-7)
    assert microscope.facts("HAADF").value("beam_fraction_per_count") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("energy_kev: -3", "energy_kev"),
        ("detectors: {HAADF: {angles_mrad: [95, 60]}}", "from low to high"),
        ("detectors: {HAADF: {gain: 3}}", "detectors.HAADF.gain"),
        ("detectors: {HAADF: {scan: a.tif, beam_fraction_per_count: 1}}", "not both"),
        ("detectors: {HAADF: {black_level: .nan}}", "black_level"),
        ("default_detector: BF", "none of"),
        ("[1, 2]", "expected blocks"),
    ],
)
def test_a_wrong_microscope_is_one_line(written, text, line):
    with pytest.raises(InputError, match=line) as caught:
        written(text)
    assert "\n" not in str(caught.value)


def ring(full=50_000.0, dark=1_200.0, shape=(256, 300), noise=200.0):
    """A detector with a hole, off the middle, and a rim that the probe sees half."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    radius = np.hypot(rows - 120, cols - 160)
    inside = np.clip((100 - radius) / 4, 0, 1) * np.clip((radius - 30) / 4, 0, 1)
    return dark + (full - dark) * inside + np.random.default_rng(3).normal(0, noise, shape)


def test_a_scan_of_the_detector_shows_both_levels():
    found = measure_scan(ring())
    assert found.full == pytest.approx(50_000, rel=1e-3)
    assert found.dark == pytest.approx(1_200, abs=20)


def test_a_detector_below_zero_or_nearly_as_large_as_the_field_is_measured_too():
    assert measure_scan(ring(full=-100.0, dark=-900.0, noise=20.0)).dark == pytest.approx(-900, abs=5)
    assert measure_scan(ring()[70:180, 70:250]).full == pytest.approx(50_000, rel=1e-3)


@pytest.mark.parametrize(
    "image",
    [
        np.full((64, 64), 7.0),
        np.random.default_rng(0).normal(100, 5, (128, 128)),
        np.where(np.arange(64 * 64).reshape(64, 64) == 100, 5e4, 0.0),
    ],
)
def test_an_image_that_shows_no_detector_is_refused(image):
    with pytest.raises(InputError):
        measure_scan(image)


def test_the_beam_in_vacuum_gives_the_full_level_and_needs_the_black_one():
    image = np.random.default_rng(0).normal(30_000, 150, (64, 64))
    assert measure_vacuum_beam(image, black_level=1000.0).full == pytest.approx(30_000, rel=1e-3)
    with pytest.raises(InputError, match="no more than the black level"):
        measure_vacuum_beam(image, black_level=40_000.0)
    with pytest.raises(InputError, match="is even"):
        measure_vacuum_beam(ring(), black_level=0.0)
