import pickle
from dataclasses import replace

import numpy as np
import pytest
from serving_examples import make_contract

from heamap_serving.domain import Domain, Refused
from heamap_serving.domain_totals import weighed

ABSOLUTE = make_contract(normalization="absolute")
MOST = ABSOLUTE.ranges.column_total[1]
FOUND = Domain("in domain", (), np.zeros((2, 2), np.int8), 12.8, {"misfit": 0.01})


def columns(*totals):
    return np.outer(totals, np.full(5, 0.2))


def test_totals_as_trained_change_nothing():
    found = weighed(FOUND, columns(*[MOST] * 19, MOST + 5.0), ABSOLUTE)
    assert (found.verdict, found.reasons) == ("in domain", ())
    assert found.checks == {"misfit": 0.01, "beyond_training_share": pytest.approx(0.05)}


def test_some_totals_beyond_training_make_an_image_doubtful():
    found = weighed(FOUND, columns(5, 6, 7, MOST + 2), ABSOLUTE)
    assert found.verdict == "doubtful"
    assert found.reasons[0].startswith(f"25% of the columns hold more atoms than any in training ({MOST}): gain")


@pytest.mark.parametrize(("totals", "said"), [([5, 900, 12_035], "67% of the columns"), ([], "no column is bright")])
def test_impossible_counts_of_a_lattice_are_refused(totals, said):
    with pytest.raises(Refused, match=said) as caught:
        weighed(FOUND, columns(*totals) if totals else np.zeros((0, 5)), ABSOLUTE)
    assert caught.value.domain.verdict == "refused"


def test_a_refusal_crosses_processes_with_its_finding():
    refused = Refused(replace(FOUND, verdict="refused", reasons=("no lattice",)))
    again = pickle.loads(pickle.dumps(refused))
    assert str(again) == str(refused) == "outside the model's domain: no lattice"
    assert again.domain.verdict == "refused"


def test_brightness_says_nothing_to_a_model_without_calibration():
    assert weighed(FOUND, columns(900), make_contract(normalization="local")) is FOUND
