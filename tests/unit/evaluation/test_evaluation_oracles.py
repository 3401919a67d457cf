import numpy as np
import pandas as pd
import pytest

from heamap.evaluation import oracles
from heamap.evaluation.targets import TARGETS, with_sums

SHARES = np.array([0.3, 0.1, 0.2, 0.15, 0.25])


def table(counts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(with_sums(counts), columns=[f"true_{target}" for target in TARGETS])


def test_constant_composition_gives_shares_of_the_total() -> None:
    training = np.outer(np.arange(1.0, 20.0), SHARES)
    np.testing.assert_allclose(oracles.given_total(training, [4.0, 25.0]), np.outer([4, 25], SHARES))


def test_composition_that_changes_with_the_total_is_learnt() -> None:
    # Thin columns are all Pt, thick ones all Fe, and those of 10 atoms all Ni: no straight line.
    totals = np.repeat([5.0, 10.0, 15.0, 20.0], 4)
    training = np.zeros((16, 5))
    for column, total in enumerate(totals):
        training[column, {5: 0, 10: 1}.get(int(total), 4)] = total
    found = oracles.given_total(training, [5.0, 10.0, 20.0])
    np.testing.assert_allclose(found, [[5, 0, 0, 0, 0], [0, 10, 0, 0, 0], [0, 0, 0, 0, 20]], atol=1e-9)


def test_a_total_never_seen_is_answered_by_the_lines() -> None:
    totals = np.array([5.0, 10.0, 20.0])
    training = np.zeros((3, 5))
    training[:, 0], training[:, 4] = totals, 0
    training[1] = [0, 10, 0, 0, 0]
    design = np.column_stack([np.ones(3), totals])
    lines = np.linalg.lstsq(design, training, rcond=None)[0]
    np.testing.assert_allclose(oracles.given_total(training, [12.0]), [lines[0] + 12 * lines[1]])


def test_chance_at_one_total_is_not_learnt() -> None:
    # Multinomial columns: the best that can be said is share times total, and raw means of 8 columns say it worse.
    rng = np.random.default_rng(0)
    totals = np.repeat(np.arange(4, 24), 8)
    training = np.stack([rng.multinomial(total, SHARES) for total in totals])
    asked = np.arange(4.0, 24.0)
    exact = np.outer(asked, SHARES)
    raw = np.stack([training[totals == total].mean(axis=0) for total in asked])
    error = np.mean((oracles.given_total(training, asked) - exact) ** 2)
    assert error < 0.2 * np.mean((raw - exact) ** 2)


def test_elements_sum_to_the_total() -> None:
    training = np.random.default_rng(1).integers(0, 6, (200, 5)).astype(float)
    totals = np.arange(3.0, 30.0)
    np.testing.assert_allclose(oracles.given_total(training, totals).sum(axis=1), totals)


def test_what_is_told_is_returned_and_the_rest_is_shared_as_in_training() -> None:
    training = np.array([[9, 1, 0, 1, 3], [0, 1, 7, 0, 2]])
    found = oracles.given_total_and(training, [[4, 5, 3, 2, 1], [0, 0, 2, 0, 0]])
    np.testing.assert_allclose(found, [[4, 2, 3, 1, 5], [0, 0, 2, 0, 0]])


def test_oracles_return_what_they_are_told() -> None:
    rng = np.random.default_rng(2)
    training, test = (table(rng.integers(0, 7, (150, 5))) for _ in range(2))
    found = oracles.estimates(training, test)
    assert set(found) == set(oracles.DESCRIPTIONS) == set(oracles.TOLD)
    for name, targets in oracles.TOLD.items():
        for target in targets:
            np.testing.assert_allclose(found[name][:, TARGETS.index(target)], test[f"true_{target}"])


def test_unusable_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two different totals are needed, got \[5\.0\]"):
        oracles.given_total(np.ones((3, 5)), [4.0])
    with pytest.raises(ValueError, match="nothing but"):
        oracles.given_total_and([[1, 0, 2, 0, 0]], [[1, 1, 1, 1, 1]])
