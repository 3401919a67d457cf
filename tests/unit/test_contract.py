import json

import pytest

from heamap.contract import METADATA_KEY, Contract
from heamap.errors import InputError

VALUES = {
    "elements": ["Pt", "Ni", "Pd", "Co", "Fe"],
    "sampling_angstrom": 0.2,
    "normalization": "local",
    "label_sigma_angstrom": 0.5,
    "intensity_scale": 1.0,
    "stride": 8,
    "ranges": {
        "energy_ev": [180e3, 220e3],
        "semiangle_mrad": [15, 20],
        "detector_mrad": [60, 95],
        "dose_per_square_angstrom": [1e5, 4e5],
        "column_total": [1, 16],
        "nearest_column_angstrom": 2.27,
    },
    "lineage": {"run_id": "r", "commit": "c", "data": {"data/images": "m"}},
}

SKILL = {
    "baseline": "the true total",
    "skill": 0.5,
    "skill_low": 0.4,
    "skill_high": 0.6,
    "bound_skill": None,
    "r2": 0.8,
    "covered": 0.91,
    "covered_low": 0.87,
    "covered_high": 0.95,
}
ACCURACY = {"level": 0.95, "images": 30, "columns": 5000, "targets": {"Pt": SKILL}}


def metadata(**changes: object) -> dict[str, str]:
    return {METADATA_KEY: json.dumps(VALUES | changes)}


def test_contract_survives_its_file():
    contract = Contract.from_metadata(metadata(), "m.onnx")

    assert Contract.from_metadata({METADATA_KEY: contract.to_json()}, "m.onnx") == contract


def test_accuracy_survives_the_file():
    contract = Contract.from_metadata(metadata(accuracy=ACCURACY), "m.onnx")

    assert Contract.from_metadata({METADATA_KEY: contract.to_json()}, "m.onnx") == contract
    assert contract.accuracy.model_dump() == ACCURACY


def test_contract_of_before_has_no_accuracy():
    assert Contract.from_metadata(metadata(), "m.onnx").accuracy is None


def test_contract_of_before_reads_peaks_and_does_not_say_how_far_it_sees():
    contract = Contract.from_metadata(metadata(), "m.onnx")
    assert (contract.readout, contract.reach, contract.orientations) == ("peak", None, 1)


def test_a_way_of_reading_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"contract: readout: Input should be 'peak' or 'fit' \(got 'sum'"):
        Contract.from_metadata(metadata(readout="sum"), "m.onnx")


def test_accuracy_that_is_no_number_is_refused():
    broken = ACCURACY | {"targets": {"Pt": SKILL | {"skill_low": "low"}}}
    with pytest.raises(InputError, match=r"accuracy\.targets\.Pt\.skill_low"):
        Contract.from_metadata(metadata(accuracy=broken), "m.onnx")


def test_other_element_order_is_refused():
    with pytest.raises(InputError, match=r"m\.onnx: contract.*in this order, got \['Fe', 'Co', 'Ni', 'Pd', 'Pt'\]"):
        Contract.from_metadata(metadata(elements=["Fe", "Co", "Ni", "Pd", "Pt"]), "m.onnx")


def test_file_without_contract_is_refused():
    with pytest.raises(InputError, match=r"m\.onnx: no 'heamap.contract'"):
        Contract.from_metadata({}, "m.onnx")


def test_newer_contract_is_refused():
    with pytest.raises(InputError, match="version"):
        Contract.from_metadata(metadata(version=2), "m.onnx")


def test_a_contract_of_another_version_is_told_in_a_short_line():
    known = {name: value for name, value in SKILL.items() if not name.startswith("covered")} | {"intervals_held": True}
    older = ACCURACY | {"targets": dict.fromkeys(("Pt", "Ni", "Pd"), known)}
    with pytest.raises(InputError, match=r"targets\.Pt\.covered: .*; and 6 more; .* export it again") as caught:
        Contract.from_metadata(metadata(accuracy=older), "m.onnx")

    assert len(str(caught.value)) < 600
