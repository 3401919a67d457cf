import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation import told_composition
from heamap.evaluation.targets import TARGETS, with_sums


def counts(columns: int = 300) -> np.ndarray:
    return np.random.default_rng(4).gamma(2.0, 1.5, (columns, len(ELEMENTS)))


@pytest.mark.parametrize(
    "composition",
    [(0.2, 0.2, 0.2, 0.2, 0.2), (0.6, 0.1, 0.1, 0.1, 0.1), (0.02, 0.9, 0.05, 0.02, 0.01), (0.5, 0.5, 0.0, 0.0, 0.0)],
)
def test_totals_stay_and_the_image_has_the_composition_told(composition: tuple[float, ...]) -> None:
    before = counts()
    found = told_composition.bring_to(before, composition)
    np.testing.assert_allclose(found.sum(axis=1), before.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0) / found.sum(), composition, atol=2e-7)
    assert (found >= 0).all()


def test_its_own_composition_changes_nothing() -> None:
    before = counts()
    found = told_composition.bring_to(before, before.sum(axis=0) / before.sum())
    np.testing.assert_allclose(found, before, atol=0.01 * before.sum(axis=1).max())
    # Counts of more than the least share are the model's own but for what the others gained.
    np.testing.assert_allclose(found[before.min(axis=1) > 0.5], before[before.min(axis=1) > 0.5], rtol=0.01)


def test_one_factor_an_element_and_one_a_column() -> None:
    before = counts() + 1.0
    after = told_composition.bring_to(before, (0.3, 0.3, 0.2, 0.1, 0.1))
    ratio = np.log(after / before)
    # What a factor an element and one a column leave of the logarithms: nothing.
    rest = ratio - ratio.mean(axis=0) - ratio.mean(axis=1, keepdims=True) + ratio.mean()
    np.testing.assert_allclose(rest, 0, atol=1e-12)


def test_an_element_that_the_model_saw_nowhere_can_be_told() -> None:
    before = np.array([[4.0, 0, 2, 1, 1], [3.0, -0.2, 4, 1, 0.5]])
    found = told_composition.bring_to(before, (0.3, 0.3, 0.2, 0.1, 0.1))
    np.testing.assert_allclose(found.sum(axis=0) / found.sum(), (0.3, 0.3, 0.2, 0.1, 0.1), atol=2e-7)
    np.testing.assert_allclose(found.sum(axis=1), before.sum(axis=1))


def test_columns_without_atoms_stay_as_they_are() -> None:
    before = np.vstack([counts(5), np.zeros(5), [-0.3, 0.1, 0, 0, 0]])
    found = told_composition.bring_to(before, (0.4, 0.3, 0.1, 0.1, 0.1))
    np.testing.assert_array_equal(found[-2:], before[-2:])
    np.testing.assert_allclose(found[:5].sum(axis=0) / found[:5].sum(), (0.4, 0.3, 0.1, 0.1, 0.1), atol=2e-7)
    assert told_composition.bring_to(np.empty((0, 5)), (0.2,) * 5).shape == (0, 5)


def test_what_is_no_composition_is_refused() -> None:
    for shares in ((0.5, 0.5, 0.5, 0, 0), (1.2, -0.2, 0, 0, 0), (0.5, 0.5)):
        with pytest.raises(ValueError, match="composition"):
            told_composition.bring_to(counts(3), shares)


def test_a_model_wrong_by_a_factor_an_element_is_mended_image_by_image() -> None:
    truth = np.random.default_rng(1).poisson(4.0, (400, 5)) + 1.0
    images = np.repeat([3, 8], 200)
    guess = truth * np.where(images[:, None] == 3, [1, 2, 1, 0.5, 1], [0.5, 1, 1, 1, 3])
    guess *= truth.sum(axis=1, keepdims=True) / guess.sum(axis=1, keepdims=True)
    names = [f"{kind}_{target}" for kind in ("true", "pred") for target in TARGETS]
    table = pd.DataFrame(np.hstack([with_sums(truth), with_sums(guess)]), columns=names).assign(sample=images)
    found = told_composition.estimates(table)[told_composition.MODEL_TOLD]
    np.testing.assert_allclose(found, with_sums(truth), atol=1e-4)
    told = told_composition.told(table)
    np.testing.assert_array_equal(told[[f"pred_{target}" for target in TARGETS]], found)
    pd.testing.assert_series_equal(told["true_Pt"], table["true_Pt"])


def test_every_estimate_says_what_it_knows() -> None:
    table = pd.DataFrame(1.0, columns=[f"{k}_{t}" for k in ("true", "pred") for t in TARGETS], index=range(2))
    assert set(told_composition.estimates(table.assign(sample=0))) == set(told_composition.DESCRIPTIONS)
