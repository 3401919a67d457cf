"""The model that ships, where one does: it is small, it is the one that its card speaks of, and it scores."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import KDTree

import heamap
from heamap import released
from heamap.elements import ELEMENTS
from heamap.network.architectures import ARCHITECTURES
from heamap.params import load
from heamap_serving.choice import SHIPPED, choose
from heamap_serving.finished import file_sha256
from heamap_serving.io import read_micrograph
from heamap_serving.session import load_model

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not released.is_there(SHIPPED), reason="no model ships yet")


def test_it_is_small_and_its_record_and_its_card_name_it():
    path, record = SHIPPED / released.MODEL_FILE, released.read(SHIPPED)
    assert path.stat().st_size == record.bytes <= released.MAX_BYTES
    assert file_sha256(path) == record.sha256
    assert record.sha256 in (SHIPPED / released.CARD).read_text()


def test_the_parameters_of_the_release_are_those_of_the_model_that_ships():
    contract, settings = load_model(SHIPPED / released.MODEL_FILE).contract, load(ROOT / "params.release.yaml")
    train = settings.train
    assert (contract.stride, contract.reach) == (train.stride, ARCHITECTURES[train.network].reach(train.filters))
    assert (contract.normalization, contract.label_sigma_angstrom) == (train.normalization, train.label_sigma_angstrom)
    assert contract.energy.exponent == train.energy_exponent
    assert contract.background.most == train.background_most
    assert (contract.readout, contract.orientations) == (settings.evaluate.readout, settings.evaluate.orientations)
    assert contract.columns.weight == settings.columns.weight
    assert contract.ranges.energy_ev == settings.simulate.microscope.energy_ev
    assert contract.ranges.detector_mrad == settings.simulate.detector_mrad
    assert contract.ranges.dose_per_square_angstrom == train.effects.dose_per_square_angstrom


def score_example(**changes):
    """The example, told what the parameters of the release tell, but for the changes."""
    known = load(ROOT / "params.release.yaml").score.model_dump(exclude={"micrographs"}) | changes
    return heamap.score(ROOT / "examples/micrographs/PtNiPdCoFe.tif", model=choose().load(), **known)


def test_it_scores_the_example_micrograph_without_a_registry(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    result = score_example()
    truth = pd.read_csv(ROOT / "examples/truth/PtNiPdCoFe.csv")
    places = ["row_px", "col_px"]
    away, nearest = KDTree(result.columns[places]).query(truth[places])
    found = away < 1 / 0.15
    assert found.mean() > 0.95
    assert len(result.columns) < 1.1 * len(truth)
    counted, known = result.columns.iloc[nearest[found]], truth[found]
    # Columns of 8 atoms on average: a slip in brightness by an eighth shows.
    assert np.median(np.abs(counted["total"].to_numpy() - known["total"])) < 1
    for element in ELEMENTS:
        assert counted[element].sum() / counted["total"].sum() == pytest.approx(
            known[element].sum() / known["total"].sum(), abs=0.06
        )
    assert result.provenance["model"]["sha256"] == released.read(SHIPPED).sha256
    assert result.provenance["domain"]["verdict"] == "in domain"
    maxima = result.provenance["maxima"]
    assert maxima["found"] - maxima["no_columns"] == len(result.columns)


def test_another_detector_than_its_own_is_doubtful_column_by_column():
    result = score_example(detector_mrad=(60.0, 105.0))
    assert result.scored.domain.verdict == "doubtful"
    assert "the detector collects 60 to 105 mrad, in training 60 to 95" in result.scored.domain.reasons[-1]
    assert set(result.columns["domain"]) == {"doubtful"}


PEAK = """
import sys
from pathlib import Path
from heamap.cli import main

assert main(sys.argv[1:]) == 0
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024**2)
"""
"""The command line, and the most memory that its process took, in GiB."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory")
def test_an_image_of_4096_x_4096_pixels_takes_less_than_two_gigabytes(tmp_path):
    score = load(ROOT / "params.release.yaml").score
    example = read_micrograph(ROOT / "examples/micrographs/PtNiPdCoFe.tif")
    pixels, (rows, cols) = 4096, example.image.shape
    image = np.tile(example.image, (-(-pixels // rows), -(-pixels // cols)))[:pixels, :pixels]
    np.save(tmp_path / "large.npy", image)
    options = [
        f"--sampling-angstrom={example.sampling_angstrom[0]}",
        f"--beam-fraction-per-count={score.beam_fraction_per_count}",
        f"--black-level={score.black_level}",
        f"--energy-kev={score.energy_kev}",
        *("--detector-mrad", *map(str, score.detector_mrad)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "score", "large.npy", "--out", "scores", "--tables", *options],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "scores/large/columns.csv")) > 50_000
    assert float(done.stdout.split()[-1]) < 2
