import json
import re

import numpy as np
import pandas as pd
import pytest
from domain_examples import alloy, alloy_limits, lattice, perovskite, perovskite_as_fcc
from serving_examples import make_contract, write_model

from heamap.contract import METADATA_KEY, Contract
from heamap.domain.windows import plan_grid
from heamap_serving import domain_saturation
from heamap_serving.batch import find_micrographs, score_batch
from heamap_serving.calibration import Calibration
from heamap_serving.domain import Refused, examine
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import score
from heamap_serving.session import load_model

STEP = (0.2, 0.2)


@pytest.fixture(scope="module")
def limits():
    return alloy_limits()


@pytest.fixture(scope="module")
def model(limits, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    return load_model(write_model(path, {METADATA_KEY: make_contract(domain=limits).to_json()}))


def examined(image, limits):
    return examine(image, limits, sampling_angstrom=0.2, original=image)


@pytest.mark.parametrize("seed", range(5))
def test_the_trained_lattice_is_in_domain_at_any_brightness(seed, limits):
    for image in (alloy(seed), 7 * alloy(seed) + 3e4):
        found = examined(image, limits)
        assert found.verdict == "in domain", found.reasons
        assert found.reasons == ()
        assert found.checks["lattice_constant_angstrom"] == pytest.approx(3.7, rel=0.015)
        assert (found.regions == 0).all()


@pytest.mark.parametrize("factor", [1.15, 1.3, 1 / 1.15, 1 / 1.4])
def test_a_wrong_pixel_size_is_refused_with_its_error_before_the_network_runs(factor, model, monkeypatch):
    monkeypatch.setattr(type(model), "predict", lambda *_: pytest.fail("the network ran"))
    image = alloy(11, shape=(220, 220))
    with pytest.raises(Refused, match="the pixel size is wrong by about") as caught:
        score(Micrograph(image, (0.2 * factor, 0.2 * factor)), model, Calibration())
    domain = caught.value.domain
    assert domain.verdict == "refused"
    assert domain.checks["lattice_constant_angstrom"] == pytest.approx(3.7 * factor, rel=0.02)
    said = re.search(r"wrong by about ([+-]\d+)%", domain.reasons[0])
    assert int(said[1]) == pytest.approx(100 * (factor - 1), abs=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("factor", [1.05, 1 / 1.05])
def test_five_per_cent_are_tolerated(factor, limits):
    assert examined(alloy(12, constant=3.7 * factor), limits).verdict != "refused"


@pytest.mark.parametrize("seed", range(4))
def test_another_crystal_is_refused(seed, limits):
    assert examined(perovskite(seed), limits).verdict == "refused"


@pytest.mark.parametrize("seed", range(4))
def test_another_crystal_of_the_same_lattice_is_refused_by_spots_that_fcc_forbids(seed, limits):
    older = {name: bounds for name, bounds in limits.checks.items() if name != "superlattice"}
    for known in (limits, limits.model_copy(update={"checks": older})):
        found = examined(perovskite_as_fcc(seed), known)
        assert found.verdict == "refused"
        assert re.match(r"Fourier spots that fcc along \[110\] forbids stand out by a factor of \d+", found.reasons[0])
    assert examined(alloy(seed), limits).checks["superlattice"] < 2


@pytest.mark.parametrize(
    "vectors",
    [
        1.85 * np.eye(2),
        3.7 / np.sqrt(6) * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]]),
    ],
    ids=["001", "111"],
)
def test_the_alloy_down_another_zone_axis_is_refused(vectors, limits):
    assert examined(lattice(vectors, seed=3, sigma=0.35), limits).verdict == "refused"


def test_much_more_noise_than_in_training_is_not_in_domain(limits):
    image = alloy(7)
    noisy = image + np.float32(0.5 * image.std()) * np.random.default_rng(0).standard_normal(image.shape, np.float32)
    assert examined(noisy, limits).verdict != "in domain"


def test_noise_speckle_and_text_like_blocks_are_refused(limits):
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((256, 256)).astype(np.float32)
    blocks = np.kron(rng.random((32, 32)) > 0.5, np.ones((8, 8))).astype(np.float32) + 0.01 * noise
    for image in (noise, blocks):
        found = examined(image, limits)
        assert found.verdict == "refused"
        assert "no lattice of columns was found" in found.reasons[0]


def test_columns_of_a_region_of_another_crystal_are_left_out(model):
    image = alloy(21, shape=(300, 480))
    image[:, 280:] = perovskite(22, shape=(300, 480))[:, 280:]
    scored = score(Micrograph(image, STEP), model, Calibration())
    assert scored.domain.verdict == "doubtful"
    assert scored.domain.region_angstrom == pytest.approx(12.8)
    assert scored.domain.regions.shape == (5, 8)
    assert (scored.domain.regions[:, :3] == 0).all()
    assert (scored.domain.regions[:, 6:] == 2).all()
    columns = scored.positions[:, 1]
    assert len(scored.counts) == len(columns) > 500
    assert columns.max() < 6 * 64
    assert (scored.domain.column_verdicts(scored.positions * 0.2) == "doubtful").all()


def test_a_burnt_in_bar_refuses_its_region_alone(limits):
    image = alloy(31, shape=(400, 400))
    image[380:390, 20:120] = image.max() + 100
    found = examined(image, limits)
    assert found.verdict == "doubtful"
    assert any("highest value" in reason for reason in found.reasons)
    assert (found.regions[5:, :2] == 2).all()
    # One window in some dozens of the lattice itself is doubtful.
    assert (found.regions[:5] < 2).all()
    assert (found.regions[:5] == 0).mean() > 0.9


def test_saturated_pixels_are_counted_once_in_bands_as_in_one_piece(monkeypatch):
    image = np.zeros((100, 60), np.float32)
    image[46:56, 10:40] = 1.0
    grid = plan_grid((50, 30), sampling_angstrom=0.5)
    whole = domain_saturation.burnt_in(image, grid)
    for pixels in (60, 180, 600):
        monkeypatch.setattr(domain_saturation, "BAND_PIXELS", pixels)
        assert domain_saturation.saturated_share(image) == pytest.approx(300 / 6000)
        np.testing.assert_array_equal(domain_saturation.burnt_in(image, grid), whole)
    # The bar lies in rows 23 to 28 of the grid's 50, cells are 25.6 pixels high: in both rows of cells.
    assert whole.tolist() == [[True, False], [True, False]]


def test_an_image_clipped_at_the_top_is_refused(limits):
    image = alloy(32)
    image = np.minimum(image, np.percentile(image, 96))
    found = examined(image, limits)
    assert found.verdict == "refused"
    assert any("4.0% of the pixels have the highest value" in reason for reason in found.reasons)


def test_a_model_without_a_domain_checks_nothing(model_file):
    scored = score(Micrograph(alloy(1), STEP), load_model(model_file), Calibration())
    assert scored.domain is None


def test_a_contract_keeps_its_domain(limits):
    contract = make_contract(domain=limits)
    assert Contract.from_metadata({METADATA_KEY: contract.to_json()}, "here").domain == limits


def test_verdicts_stand_in_tables_and_provenance_and_a_refusal_is_one_line(model, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    np.save(folder / "alloy.npy", alloy(41))
    np.save(folder / "doubtful.npy", alloy(42, constant=3.7 * 1.05))
    np.save(folder / "perovskite.npy", perovskite(43))
    summary = score_batch(find_micrographs([folder]), tmp_path / "out", model, Calibration(sampling_angstrom=0.2))
    said = [(record["status"], record["domain"]) for record in summary.records]
    assert said == [("scored", "in domain"), ("scored", "doubtful"), ("failed", "refused")]
    assert summary.failed == 1
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("heamap:")]
    assert len(lines) == 1
    assert "perovskite.npy: outside the model's domain" in lines[0]
    for name, verdict in (("alloy", "in domain"), ("doubtful", "doubtful")):
        table = pd.read_csv(tmp_path / "out" / name / "columns.csv")
        assert table["domain"].mode()[0] == verdict
        assert set(table["domain"]) <= {verdict, "doubtful"}
        domain = json.loads((tmp_path / "out" / name / "provenance.json").read_text())["domain"]
        assert domain["verdict"] == verdict
        assert bool(domain["reasons"]) == (verdict == "doubtful")
    assert not (tmp_path / "out" / "perovskite").exists()
    assert list(pd.read_csv(tmp_path / "out" / "summary.csv")["domain"]) == ["in domain", "doubtful", "refused"]
