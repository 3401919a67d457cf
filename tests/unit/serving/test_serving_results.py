import json

import h5py
import numpy as np
import pandas as pd
import pytest
from domain_examples import alloy, alloy_limits
from position_examples import STEP, columns_of, image_of, matched
from serving_examples import DETECTOR, make_contract, write_model

import heamap
from heamap.cli import main
from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap_serving.calibration import Calibration, NotCalibratedError
from heamap_serving.options import DEFAULTS
from heamap_serving.session import load_model
from heamap_serving.watch import watch

TRUE = columns_of()
IMAGE = image_of(TRUE, 5000.0, noise=20.0)
ALLOY = alloy(1)
"""In the domain of the model."""
KNOWN = ["--beam-fraction-per-count", "1e-5", "--black-level", "1000", "--detector-mrad", *map(str, DETECTOR)]


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """A model of calibrated images that knows its lattice."""
    contract = make_contract(normalization="absolute", domain=alloy_limits())
    return write_model(tmp_path_factory.mktemp("model") / "m.onnx", {METADATA_KEY: contract.to_json()})


@pytest.fixture
def image_file(tmp_path):
    path = tmp_path / "in" / "a.npy"
    path.parent.mkdir()
    np.save(path, IMAGE)
    return path


def run(model_path, image_file, out, *options):
    arguments = ["score", str(image_file), "--out", str(out), "--model", str(model_path)]
    return main([*arguments, "--sampling-angstrom", str(STEP), *options])


def test_an_image_without_calibration_gets_positions_and_the_batch_says_so(model_path, image_file, tmp_path, capfd):
    out = tmp_path / "out"
    assert run(model_path, image_file, out) == 3
    told = capfd.readouterr()
    assert "a.npy: positions only: not known, and needed to count atoms: gain of the detector" in told.err
    assert "0 of 1 scored, 1 positions only with" in told.out
    (record,) = json.loads((out / "summary.json").read_text())["images"]
    assert (record["status"], record["columns"]) == ("positions only", len(TRUE))
    assert "--black-level" in pd.read_csv(out / "summary.csv")["message"][0]
    table = pd.read_csv(out / "a" / "columns.csv")
    assert matched(table[["y_angstrom", "x_angstrom"]].to_numpy(), TRUE)[:2] == (1.0, 1.0)
    assert not {"Pt", "total"} & set(table.columns)
    assert "positions only" in (out / "a" / "report.html").read_text(encoding="utf-8")
    assert "1 positions only" in (out / "index.html").read_text(encoding="utf-8")
    provenance = json.loads((out / "a" / "provenance.json").read_text())
    assert provenance["acquisition"]["sampling_angstrom"]["source"] == "option"
    assert provenance["acquisition"]["black_level"] is None


def test_what_was_placed_is_kept_until_it_can_be_counted(model_path, image_file, tmp_path):
    out = tmp_path / "out"
    np.save(image_file, ALLOY)
    assert run(model_path, image_file, out, "--tables") == 3
    written = (out / "a" / "provenance.json").stat().st_mtime_ns
    assert run(model_path, image_file, out, "--tables") == 3
    assert (out / "a" / "provenance.json").stat().st_mtime_ns == written
    assert run(model_path, image_file, out, "--tables", *KNOWN) == 0
    assert "total" in pd.read_csv(out / "a" / "columns.csv").columns
    assert not (out / "a" / "report.html").exists()


def test_a_failure_beside_it_counts_for_more(model_path, image_file, tmp_path):
    (image_file.parent / "broken.tif").write_bytes(b"no image")
    assert run(model_path, image_file.parent, tmp_path / "out", "--tables") == 1


def test_without_a_pixel_size_nothing_is_placed(model_path, image_file, tmp_path, capfd):
    arguments = ["score", str(image_file), "--out", str(tmp_path / "o"), "--model", str(model_path)]
    assert main(arguments) == 1
    assert "npy files hold no pixel size; not known, and needed to count atoms: pixel size" in capfd.readouterr().err
    assert not (tmp_path / "o" / "a").exists()


def test_no_lattice_has_no_positions(model_path, image_file, tmp_path, capfd):
    np.save(image_file, np.random.default_rng(0).normal(1000, 30, (200, 200)).astype(np.float32))
    assert run(model_path, image_file, tmp_path / "o") == 1
    assert "a.npy: " in capfd.readouterr().err


def test_a_watch_places_what_it_cannot_count(model_path, image_file, tmp_path):
    lines = []

    def say(line):
        lines.append(line)
        if "positions only" in line:
            raise KeyboardInterrupt

    summary = watch(
        image_file.parent, tmp_path / "o", load_model(model_path), Calibration(STEP), DEFAULTS, say, seconds=0.05
    )
    assert any(line.startswith(f"a.npy: positions only, {len(TRUE)} columns") for line in lines)
    assert lines[-1].startswith("ended: 0 of ")
    assert summary.failed == 0


def test_the_chosen_image_and_what_became_of_a_series_stand_in_the_result(model_path, tmp_path):
    path, out = tmp_path / "a.h5", tmp_path / "o"
    with h5py.File(path, "w") as file:
        file["HAADF"] = np.stack([ALLOY, ALLOY])
        file["BF"] = ALLOY.max() - ALLOY
    assert run(model_path, path, out, *KNOWN[:2], "--black-level", "2000", *KNOWN[4:], "--frames", "align") == 0
    source = json.loads((out / "a" / "provenance.json").read_text())["input"]
    assert source["dataset"].endswith("HAADF")
    assert source["frames"] == {
        "number": 2,
        "way": "align",
        "shifts_px": [[0.0, 0.0], [0.0, 0.0]],
        "first": 0,
        "chosen": True,
    }
    page = (out / "a" / "report.html").read_text(encoding="utf-8")
    assert "2 frames aligned and added; the largest shift is 0.0 pixels" in page
    assert '<th scope="row">dataset</th><td>' in page
    assert run(model_path, path, out, *KNOWN, "--image", "BF", "--tables") in (0, 1)
    assert run(model_path, path, out, *KNOWN, "--image", "nothing", "--tables") == 1
    assert main(["score", str(path), "--out", str(out), "--frames", "some"]) == 2


def test_in_python_columns_are_found_without_calibration_and_counting_names_what_is_missing(model_path, tmp_path):
    with pytest.raises(NotCalibratedError, match="black level"):
        heamap.score(IMAGE, sampling_angstrom=STEP, model=model_path)
    found = heamap.find_columns(IMAGE, sampling_angstrom=STEP, model=model_path, title="a <b> image")
    assert len(found.columns) == len(TRUE)
    found.save(tmp_path / "o")
    assert (tmp_path / "o" / "figure.png").exists()
    assert "a &lt;b&gt; image" in (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    half = heamap.find_columns(IMAGE, sampling_angstrom=STEP, model=model_path, roi=(0, 0, 200, 100))
    assert half.columns["row_px"].max() < 100
    with pytest.raises(InputError, match="an array has no pixel size"):
        heamap.find_columns(IMAGE, model=model_path)


def test_in_python_a_signal_brings_its_axes_and_what_it_states(model_path):
    signal = {
        "data": ALLOY,
        "axes": [{"name": name, "size": 200, "scale": STEP / 10, "units": "nm", "navigate": False} for name in "yx"],
        "metadata": {
            "General": {"title": "HAADF"},
            "Signal": {
                "quantity": "Intensity (fraction of incident beam)",
                "Noise_properties": {"Variance_linear_model": {"gain_factor": 1e-5, "gain_offset": 1000.0}},
            },
            "Acquisition_instrument": {"TEM": {"beam_energy": 200.0}},
        },
        "original_metadata": {},
    }
    result = heamap.score(signal, model=model_path, detector_mrad=DETECTOR)
    taken = result.provenance["acquisition"]
    assert {taken[name]["source"] for name in ("sampling_angstrom", "black_level", "energy_ev")} == {"file"}
    plain = heamap.score(
        ALLOY,
        sampling_angstrom=STEP,
        model=model_path,
        detector_mrad=DETECTOR,
        beam_fraction_per_count=1e-5,
        black_level=1000.0,
    )
    np.testing.assert_array_equal(plain.counts, result.counts)


def test_in_python_a_hyperspy_signal_is_scored_as_it_is(model_path):
    hyperspy = pytest.importorskip("hyperspy.api")
    signal = hyperspy.signals.Signal2D(ALLOY)
    signal.axes_manager.signal_axes.set(units="nm", scale=STEP / 10)
    signal.metadata.set_item("General.title", "HAADF")
    series = hyperspy.stack([signal, signal])
    known = {"model": model_path, "detector_mrad": DETECTOR, "black_level": 1000.0}
    one = heamap.score(signal, beam_fraction_per_count=1e-5, **known)
    known["black_level"] = 2000.0
    two = heamap.score(series, beam_fraction_per_count=5e-6, frames="sum", **known)
    np.testing.assert_allclose(two.counts, one.counts, rtol=1e-4)
    assert two.provenance["input"]["frames"]["number"] == 2
