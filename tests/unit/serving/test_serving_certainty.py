import json

import numpy as np
import pandas as pd
import pytest
from serving_examples import lattice_image, make_accuracy, make_contract, write_model

from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap.evaluation.aggregation_report import AggregationCalibration
from heamap.evaluation.claims import Power
from heamap.evaluation.conformal import calibrate
from heamap.evaluation.correlogram import SHELLS_ANGSTROM
from heamap.evaluation.prediction_errors import without_errors
from heamap_serving.batch import find_micrographs, score_batch
from heamap_serving.calibration import Calibration
from heamap_serving.certainty import claims, doubted, read_aggregation, read_certainty
from heamap_serving.session import load_model

POWER = Power(0.05, (30,) * 5, (29,) * 5, (30,) * 5, (0,) * 5, (0.1,) * 5)
AGGREGATION = AggregationCalibration(without_errors(), np.zeros((len(SHELLS_ANGSTROM) - 1, 5)), POWER)


@pytest.fixture(scope="module")
def intervals():
    """Residuals of one atom's standard deviation, on totals of 5 to 25."""
    rng = np.random.default_rng(0)
    true = rng.integers(1, 6, size=(3000, 5)).astype(float)
    return calibrate(np.arange(3000) // 100, true, true + rng.normal(0, 1, true.shape))


def test_ends_are_whole_atoms_around_the_count(intervals):
    counts = np.array([[3.0, 3.0, 3.0, 3.0, 3.0], [40.0, 0, 0, 0, 0]])
    found = read_certainty(counts, make_contract(intervals=intervals.to_dict()))
    assert found.low.dtype.kind == found.high.dtype.kind == "i"
    # Normal quantiles of 90 %: 1.64 atoms for an element, the root of five as much for the total, or less, as totals
    # themselves are bounded.
    assert (found.low[0, 0], found.high[0, 0]) == (2, 4)
    assert found.low[0, -1] == pytest.approx(15 - 1.64 * np.sqrt(5), abs=2)
    assert found.high[0, -1] == pytest.approx(15 + 1.64 * np.sqrt(5), abs=2)
    assert found.calibrated.tolist() == [True, False]


def test_a_model_without_calibration_gives_no_intervals():
    assert read_certainty(np.ones((1, 5)), make_contract()) is None
    assert read_aggregation(np.ones((40, 5)), np.zeros((40, 2)), make_contract()) is None


def test_every_scored_table_holds_the_intervals(intervals, tmp_path):
    accuracy = make_accuracy(Ni=-0.1, Co=0.0)
    contract = make_contract(
        intervals=intervals.to_dict(), aggregation=AGGREGATION.to_dict(), accuracy=accuracy.model_dump()
    )
    model = load_model(write_model(tmp_path / "m.onnx", {METADATA_KEY: contract.to_json()}))
    np.save(tmp_path / "a.npy", lattice_image((160, 160), (0.2, 0.2))[0])
    summary = score_batch(
        find_micrographs([tmp_path / "a.npy"]), tmp_path / "out", model, Calibration(sampling_angstrom=0.2)
    )
    table = pd.read_csv(tmp_path / "out/a/columns.csv")
    assert (table["low_total"] <= table["high_total"]).all()
    assert table["NiCoFe"].to_numpy() == pytest.approx((table["Ni"] + table["Co"] + table["Fe"]).to_numpy(), abs=1e-3)
    assert {f"{end}_{name}" for end in ("low", "high") for name in ("Pt", "NiCoFe", "total")} <= set(table)
    assert summary.records[0]["calibrated_share"] == table["calibrated"].mean()
    provenance = json.loads((tmp_path / "out/a/provenance.json").read_text())
    assert provenance["intervals"] == {"level": 0.9}
    assert set(provenance["aggregation"]["elements"]) == {"Pt", "Ni", "Pd", "Co", "Fe"}
    assert provenance["accuracy"] == accuracy.model_dump()
    assert summary.records[0]["not_told_apart"] == "Ni; Co"


def test_an_element_is_doubted_where_the_skill_reaches_down_to_nothing():
    contract = make_contract(accuracy=make_accuracy(Pt=0.01, Ni=-0.3, Pd=0.0, Fe=None).model_dump())
    assert doubted(contract) == ("Ni", "Pd")
    # The other targets have no map.
    assert doubted(make_contract(accuracy=make_accuracy(NiCoFe=-0.3, total=-0.3).model_dump())) == ()
    assert doubted(make_contract()) == ()


def test_accuracy_of_other_targets_is_refused_when_the_model_is_loaded(tmp_path):
    broken = make_accuracy().model_dump()
    del broken["targets"]["Co"]
    path = write_model(tmp_path / "m.onnx", {METADATA_KEY: make_contract(accuracy=broken).to_json()})
    with pytest.raises(InputError, match=r"m\.onnx: accuracy: targets must be"):
        load_model(path)


def test_aggregation_is_claimed_only_where_it_is_supported():
    rng = np.random.default_rng(1)
    places = 2.5 * np.indices((12, 12)).reshape(2, -1).T
    contract = make_contract(aggregation=AGGREGATION.to_dict())
    totals = rng.integers(5, 26, 144)
    seeded = rng.multinomial(totals, rng.dirichlet(np.full(5, 1.2), 144)).astype(float)
    bare = rng.multinomial(totals, [0.2] * 5).astype(float)
    assert len(claims(read_aggregation(seeded, places, contract))) == 5
    assert claims(read_aggregation(bare, places, contract)) == ()
    unproven = AggregationCalibration(AGGREGATION.errors, AGGREGATION.error_correlation, None)
    silent = make_contract(aggregation=unproven.to_dict())
    assert read_aggregation(seeded, places, silent) is None
    assert read_aggregation(seeded[:5], places[:5], contract) is None


def test_the_same_image_gives_the_same_answer():
    counts = np.random.default_rng(2).multinomial(np.full(40, 12), [0.2] * 5).astype(float)
    places = 2.5 * np.indices((8, 5)).reshape(2, -1).T
    contract = make_contract(aggregation=AGGREGATION.to_dict())
    assert read_aggregation(counts, places, contract) == read_aggregation(counts, places, contract)


def test_a_broken_calibration_is_refused_when_the_model_is_loaded(intervals, tmp_path):
    broken = intervals.to_dict() | {"growth": [0.5]}
    path = write_model(tmp_path / "m.onnx", {METADATA_KEY: make_contract(intervals=broken).to_json()})
    with pytest.raises(InputError, match=r"m\.onnx: intervals: growth must be of 7 targets, got 1"):
        load_model(path)
