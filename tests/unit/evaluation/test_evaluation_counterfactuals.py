import json

import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation.counterfactuals import DOSE, NOISE, as_table, changes, responses, score
from heamap.evaluation.targets import TARGETS
from heamap.structures.edits import SWAP_FE_NI, SWAP_PT_NI

COLUMNS = 200
PT, NI, PD, CO, FE = range(len(ELEMENTS))


def counts(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 6, size=(COLUMNS, 5))


def swapped(true: np.ndarray, first: int, second: int) -> np.ndarray:
    after = true.copy()
    after[:, [first, second]] = true[:, [second, first]]
    return after


def particle(sample: int, *, response: float = 1.0, noise: float = 0.1) -> pd.DataFrame:
    """Predictions that follow a share ``response`` of every change; the noise moves every element up or down."""
    true = counts(sample)
    before = true + 0.5
    parts = []
    for edit, after in ((SWAP_FE_NI, swapped(true, FE, NI)), (SWAP_PT_NI, swapped(true, PT, NI)), (DOSE, true)):
        guess = (before, before + response * (after - true))
        parts.append(changes(sample, edit, np.arange(COLUMNS), true=(true, after), predicted=guess))
    sign = np.where(np.arange(COLUMNS) % 2, noise, -noise)[:, None]
    guess = (before, before + sign)
    parts.append(changes(sample, NOISE, np.arange(COLUMNS), true=(true, true), predicted=guess))
    return pd.concat(parts, ignore_index=True)


def scored(*parts: pd.DataFrame, resamples: int = 200) -> dict:
    found = score(pd.concat(parts), resamples=resamples, rng=np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    return found


def test_changes_are_after_minus_before_with_their_sums():
    true = (np.array([[1, 2, 0, 0, 3]]), np.array([[2, 1, 0, 0, 3]]))
    row = changes(4, SWAP_PT_NI, [9], true=true, predicted=(true[0] + 0.25, true[1])).iloc[0]
    assert (row["sample"], row["edit"], row["column"]) == (4, SWAP_PT_NI, 9)
    assert row[[f"true_{target}" for target in TARGETS]].tolist() == [1, -1, 0, 0, 0, -1, 0]
    assert row[[f"pred_{target}" for target in TARGETS]].tolist() == [0.75, -1.25, -0.25, -0.25, -0.25, -1.75, -1.25]


def test_a_prediction_that_follows_half_the_change_responds_by_half():
    true = counts(1)
    found = scored(particle(1, response=0.5))["edits"][SWAP_PT_NI]["Pt"]
    should = np.sqrt(np.mean((true[:, NI] - true[:, PT]) ** 2))
    assert found["true_rms"]["value"] == pytest.approx(should)
    assert found["predicted_rms"]["value"] == pytest.approx(should / 2)
    assert found["response"]["value"] == pytest.approx(0.5)
    assert found["spurious"]["value"] is None


def test_a_prediction_that_stays_sees_nothing():
    found = scored(particle(1, response=0.0))["edits"][SWAP_FE_NI]
    assert found["Fe"]["response"]["value"] == 0
    assert found["Fe"]["predicted_rms"]["value"] == 0
    assert found["Fe"]["true_rms"]["value"] > 1


def test_targets_that_should_stay_have_no_response_but_what_they_moved():
    changed = particle(1)
    pushed = changed["edit"] == SWAP_FE_NI
    changed.loc[pushed, "pred_Pt"] = np.where(np.arange(COLUMNS) % 2, 0.1, -0.3)
    found = scored(changed)["edits"]
    still = {target for target in TARGETS if found[SWAP_FE_NI][target]["response"]["value"] is None}
    assert still == {"Pt", "Pd", "Co", "NiCoFe", "total"}
    assert found[SWAP_FE_NI]["Pt"]["spurious"]["value"] == pytest.approx(0.2)
    assert {found[DOSE][target]["response"]["value"] for target in TARGETS} == {None}
    assert {found[DOSE][target]["spurious"]["value"] for target in TARGETS} == {0.0}


def test_the_noise_floor_is_the_movement_between_two_exposures():
    found = scored(particle(1, noise=0.1))
    assert NOISE not in found["edits"]
    assert found["noise_floor"]["Pd"]["rms"]["value"] == pytest.approx(0.1)
    assert found["noise_floor"]["total"]["mean_absolute"]["value"] == pytest.approx(0.5)


def test_intervals_are_over_particles():
    found = scored(*(particle(sample, response=float(sample > 2)) for sample in (1, 2, 3, 4)), resamples=2000)
    assert (found["particles"], found["columns"]) == (4, 4 * COLUMNS)
    assert found["interval"]["fewest"] == 4
    response = found["edits"][SWAP_PT_NI]["Pt"]["response"]
    # One resample in 16 holds none but the two particles that see nothing, and as many none but those that see all.
    assert (response["low"], response["high"]) == pytest.approx((0, 1))
    assert 0.3 < response["value"] < 0.7


@pytest.mark.parametrize("particles", [1, 2, 3])
def test_fewer_than_four_particles_have_no_interval(particles: int):
    found = scored(*(particle(sample, response=0.5) for sample in range(particles)))
    response = found["edits"][SWAP_PT_NI]["Pt"]["response"]
    assert response["value"] == pytest.approx(0.5)
    assert (response["low"], response["high"]) == (None, None)
    assert found["noise_floor"]["Pt"]["rms"]["low"] is None


def test_responses_are_those_of_the_swapped_elements():
    seen = particle(1, response=0.75)
    blind = seen["edit"] == SWAP_FE_NI
    seen.loc[blind, [f"pred_{target}" for target in TARGETS]] *= 0.2
    assert responses(scored(seen)) == pytest.approx({"response_Pt": 0.75, "response_Fe": 0.15})


def test_the_table_holds_the_report():
    found = scored(particle(1, response=0.5), particle(2, response=0.5))
    table = as_table(found).set_index(["edit", "target"])
    assert len(table) == 3 * len(TARGETS)
    assert table.loc[(SWAP_PT_NI, "Ni"), "response"] == pytest.approx(0.5)
    assert table.loc[(SWAP_PT_NI, "Ni"), "noise_rms"] == pytest.approx(0.1)
    assert np.isnan(table.loc[(DOSE, "Ni"), "response"])
    assert table.dtypes.eq(np.float64).all()


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="hold no 'noise'"):
        score(particle(1).query("edit != 'noise'"), resamples=2, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="1 columns, but 200 and 200 true counts"):
        changes(1, DOSE, [0], true=(counts(1), counts(1)), predicted=(counts(1), counts(1)))
