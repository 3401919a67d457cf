import numpy as np
import pandas as pd

from heamap.evaluation import model_composition
from heamap.evaluation.targets import TARGETS, with_sums

SAMPLES = [3, 3, 8]


def table(predicted: list[list[float]]) -> pd.DataFrame:
    columns = pd.DataFrame(with_sums(predicted), columns=[f"pred_{target}" for target in TARGETS])
    return columns.assign(sample=SAMPLES)


def test_totals_are_shared_by_the_composition_of_their_own_image() -> None:
    found = model_composition.estimates(table([[4, 0, 0, 0, 2], [0, 2, 1, 1, 0], [1, 1, 1, 1, 1]]))
    counts = found[model_composition.MODEL_COMPOSITION]
    np.testing.assert_allclose(counts[0], [2.4, 1.2, 0.6, 0.6, 1.2, 3.0, 6.0])
    np.testing.assert_allclose(counts[1], [1.6, 0.8, 0.4, 0.4, 0.8, 2.0, 4.0])
    np.testing.assert_allclose(counts[2], [1, 1, 1, 1, 1, 3, 5])


def test_an_element_predicted_below_nothing_has_no_share() -> None:
    shares = model_composition.predicted_composition(table([[3, 1, 0, 0, -1], [0, 0, 0, 0, 0.5], [2, 0, 0, 0, 0]]))
    np.testing.assert_allclose(shares[0], [0.75, 0.25, 0, 0, 0])
    np.testing.assert_allclose(shares[2], [1, 0, 0, 0, 0])


def test_a_model_that_predicts_nothing_shares_equally() -> None:
    shares = model_composition.predicted_composition(table([[0, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]))
    np.testing.assert_allclose(shares[:2], 0.2)
    np.testing.assert_allclose(shares[2], [0, 0, 0, 0, 1])


def test_every_estimate_says_what_it_knows() -> None:
    assert set(model_composition.estimates(table([[1, 1, 1, 1, 1]] * 3))) == set(model_composition.DESCRIPTIONS)
