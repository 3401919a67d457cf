import json

import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.aggregation import Overdispersion
from heamap.evaluation.claims import Power, highest_share, holm, lowest_share, measure_power, verdicts

SHOWN = Power(0.05, (20,) * 5, (19,) * 5, (20,) * 5, (0,) * 5, (0.1,) * 5)


def found(p_value: list[float], resolution: list[float] | None = None, level: float = 0.05) -> Overdispersion:
    seen = np.array(resolution or [1.0] * 5)
    rho = np.where(seen >= 0.8, 0.12, np.nan)
    return Overdispersion(
        rho,
        np.where(np.isnan(rho), np.nan, 0.02),
        np.array(p_value),
        np.where(np.isnan(rho), np.nan, 0.03),
        seen,
        level,
        90,
    )


def test_holm_by_hand() -> None:
    # Sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04; never falling: .04 .06 .06 .06.
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, 0.6]), [1.0, 1.0])


def test_ends_of_shares_are_those_of_clopper_and_pearson() -> None:
    # None of n: 1 - .05^(1/n); all of n: .05^(1/n).
    assert highest_share(0, 15) == pytest.approx(1 - 0.05 ** (1 / 15))
    assert lowest_share(10, 10) == pytest.approx(0.05**0.1)
    assert (lowest_share(0, 7), highest_share(7, 7), highest_share(0, 0)) == (0, 1, 1)


def test_fourteen_silent_particles_are_enough_and_thirteen_are_not() -> None:
    assert highest_share(0, 14) < 0.2 < highest_share(0, 13)


def test_power_counts_what_was_called_after_correction() -> None:
    # .012 is below .05 / 4 and counts only behind a smaller one: Pt .009, Ni .012; alone it is .06.
    tests = [found([0.009, 0.012, 1, 1, 1]), found([0.012, 1, 1, 1, 1]), found([0.001] * 5)]
    aggregated = np.array([[True] * 5, [True] * 5, [False] * 5])
    plain = np.array([[False] * 5, [False] * 5, [True, True, True, True, False]])
    rho = np.array([[0.1] * 5, [0.3] * 5, [0.0] * 5])
    power = measure_power(tests, aggregated, plain, rho)
    assert power.aggregated == (2, 2, 2, 2, 2)
    assert power.detected == (1, 1, 0, 0, 0)
    assert power.plain == (1, 1, 1, 1, 0)
    assert power.alarms == (1, 1, 1, 1, 0)
    assert power.correlation == (0.2,) * 5
    assert power.level == 0.05


def test_aggregation_is_claimed_where_significant_and_shown() -> None:
    pt, ni, *_ = verdicts(found([0.002, 0.3, 0.5, 0.9, 1.0]), SHOWN)
    assert (pt.element, pt.claim, pt.p_value) == ("Pt", "aggregated", pytest.approx(0.01))
    assert (pt.correlation, pt.standard_error, pt.critical) == (0.12, 0.02, 0.03)
    assert pt.reason == "intra-column correlation 0.12 +- 0.02, p = 0.01 after correction"
    assert (ni.claim, ni.p_value) == ("no claim", 1.0)
    assert "chance explains it; an intra-column correlation below 0.03 would not be seen" in ni.reason


def test_correction_for_five_elements_decides() -> None:
    claims = [verdict.claim for verdict in verdicts(found([0.012, 0.9, 0.9, 0.9, 0.9]), SHOWN)]
    assert claims == ["no claim"] * 5
    claims = [verdict.claim for verdict in verdicts(found([0.01, 0.012, 0.9, 0.9, 0.9]), SHOWN)]
    assert claims == ["aggregated"] * 2 + ["no claim"] * 3


@pytest.mark.parametrize(
    ("power", "reason"),
    [
        (None, "power was not measured"),
        (Power(0.05, (20,) * 5, (12,) * 5, (20,) * 5, (0,) * 5, (0.1,) * 5), "detected 12 of 20 aggregated particles"),
        (Power(0.05, (20,) * 5, (19,) * 5, (20,) * 5, (2,) * 5, (0.1,) * 5), "called 2 of 20 particles without"),
        (Power(0.05, (0,) * 5, (0,) * 5, (20,) * 5, (0,) * 5, (None,) * 5), "detected 0 of 0"),
        (Power(0.01, (20,) * 5, (19,) * 5, (20,) * 5, (0,) * 5, (0.1,) * 5), "measured at the level 0.01, not 0.05"),
    ],
)
def test_no_claim_without_shown_power(power: Power | None, reason: str) -> None:
    for verdict in verdicts(found([0.001] * 5), power):
        assert verdict.claim == "no claim"
        assert reason in verdict.reason
        assert verdict.correlation == 0.12


def test_no_claim_for_an_element_that_is_not_told_apart() -> None:
    test = found([0.001, 1, 1, 1, 1], [1.0, 0.11, 1.0, 0.11, 0.11])
    ni = verdicts(test, SHOWN)[1]
    assert (ni.claim, ni.correlation, ni.standard_error, ni.critical) == ("no claim", None, None, None)
    assert ni.reason == "the model does not tell it from the other elements (11% of it is seen apart)"


def test_the_same_after_json() -> None:
    assert Power.from_dict(json.loads(json.dumps(SHOWN.to_dict()))) == SHOWN


@pytest.mark.parametrize("change", [{"elements": ["Pt"]}, {"alarms": [0]}, {"level": None}, {"plain": None}])
def test_a_damaged_record_is_refused_in_one_line(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="power") as fault:
        Power.from_dict(SHOWN.to_dict() | change)
    assert "\n" not in str(fault.value)


def test_contradictory_particles_are_refused() -> None:
    tests = [found([0.5] * 5), found([0.5] * 5, level=0.01)]
    true, false, rho = (
        np.ones((2, len(ELEMENTS)), bool),
        np.zeros((2, len(ELEMENTS)), bool),
        np.zeros((2, len(ELEMENTS))),
    )
    with pytest.raises(ValueError, match="cannot be both"):
        measure_power(tests, true, true, rho)
    with pytest.raises(ValueError, match="at one level"):
        measure_power(tests, true, false, rho)
    with pytest.raises(ValueError, match=r"must be \(2, 5\)"):
        measure_power(tests, true[:1], false, rho)
