from pathlib import Path

import numpy as np
import pandas as pd

from heamap.contract import BackgroundLevel, EnergyScale, Lineage
from heamap.evaluation.targets import TARGETS
from heamap.lifecycle.export import make_contract
from heamap.params import load

ROOT = Path(__file__).parents[3]
SKILL = {"baseline": "b", "bound_skill": 0.6, "r2": 0.8, "covered": 0.8, "covered_low": None, "covered_high": None}
ACCURACY = {
    "level": 0.95,
    "images": 30,
    "columns": 5000,
    "targets": {
        target: SKILL | {"skill": index / 10, "skill_low": index / 10 - 0.1, "skill_high": index / 10 + 0.1}
        for index, target in enumerate(TARGETS)
    },
}
COUNTING = {"slope": 90.0, "intercept": 1.5, "r2": 0.6, "columns": 4000, "radius_angstrom": 1.1}


class TwoSamples:
    """Two columns each, 12 pixels apart."""

    def split(self, name: str) -> np.ndarray:
        return np.array({"train": [0, 1]}[name])

    def columns(self, sample: int, *, in_field: bool) -> pd.DataFrame:
        assert not in_field
        return pd.DataFrame({"row": [0.0, 12.0], "col": [0.0, 0.0], "total": [3, 7 + sample]})


def test_the_contract_holds_what_the_evaluation_said():
    settings = load(ROOT / "params.yaml")
    contract = make_contract(
        settings,
        TwoSamples(),
        reach=117,
        lineage=Lineage(run_id="r", commit="c", data={}),
        calibration={
            "intervals": {"level": 0.9},
            "aggregation": None,
            "accuracy": ACCURACY,
            "counting": COUNTING,
            "composition": None,
        },
    )

    assert contract.accuracy.model_dump() == ACCURACY
    assert contract.counting.model_dump() == COUNTING
    assert contract.composition is None
    assert contract.intervals == {"level": 0.9}
    assert contract.ranges.column_total == (3, 8)
    assert (contract.stride, contract.reach, contract.readout) == (8, 117, "peak")
    assert (contract.energy, contract.background, contract.orientations) == (None, None, 1)


def test_the_contract_of_the_released_model_says_what_its_images_are_told():
    contract = make_contract(
        load(ROOT / "params.release.yaml"),
        TwoSamples(),
        reach=117,
        lineage=Lineage(run_id="r", commit="c", data={}),
        calibration={"intervals": {"level": 0.9}, "aggregation": None, "accuracy": ACCURACY},
    )

    assert contract.energy == EnergyScale(standard_ev=200e3, exponent=1.1)
    assert contract.background == BackgroundLevel(most=0.005, square_angstrom=2.0, darkest=0.01)
    assert (contract.orientations, contract.columns.weight) == (4, 0.5)
