import numpy as np
import pytest

from heamap.evaluation import baselines
from heamap.evaluation.targets import TARGETS

IMAGES = np.array([0, 0, 8, 8])
TRUE = np.array([[4, 0, 0, 0, 0], [0, 2, 1, 1, 2], [1, 1, 1, 1, 1], [3, 1, 1, 0, 0]])
PREDICTED = TRUE * 2.0


def counting(intercept: float = 0.0) -> baselines.Counting:
    intensity = np.array([1.0, 2.0, 4.0])
    training = np.array([[1, 0, 0, 0, 1], [2, 1, 0, 0, 1], [3, 2, 0, 0, 3]])
    return baselines.calibrate(intensity + intercept, training)


def test_line_recovers_slope_and_intercept() -> None:
    line = baselines.fit_line([0, 1, 2], [5, 7, 9])
    assert (line.slope, line.intercept, line.r2) == pytest.approx((2, 5, 1))
    np.testing.assert_allclose(line([10.0]), [25.0])


def test_line_explains_the_squared_correlation() -> None:
    x, y = np.array([0.0, 1.0, 2.0, 5.0]), np.array([1.0, -1.0, 2.0, 3.0])
    assert baselines.fit_line(x, y).r2 == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


def test_line_through_one_abscissa_is_refused() -> None:
    with pytest.raises(ValueError, match="two different"):
        baselines.fit_line([2, 2], [1, 3])


def test_counting_is_calibrated_on_totals_and_does_not_mind_an_offset() -> None:
    for offset in (0.0, 50.0):
        calibrated = counting(offset)
        np.testing.assert_allclose(calibrated.line(np.array([1.0, 2.0, 4.0]) + offset), [2, 4, 8], atol=1e-9)
        np.testing.assert_allclose(calibrated.composition, [6 / 14, 3 / 14, 0, 0, 5 / 14])
        assert calibrated.mean_total == pytest.approx(14 / 3)


def test_composition_is_that_of_the_columns_own_image() -> None:
    composition = baselines.image_composition(IMAGES, TRUE)
    np.testing.assert_allclose(composition[0], [0.4, 0.2, 0.1, 0.1, 0.2])
    np.testing.assert_array_equal(composition[0], composition[1])
    np.testing.assert_allclose(composition[2], [0.4, 0.2, 0.2, 0.1, 0.1])


def test_true_total_times_composition_conserves_atoms() -> None:
    found = baselines.yardsticks(IMAGES, TRUE, PREDICTED, np.ones(4), counting())
    np.testing.assert_allclose(found["Pt"][baselines.TRUE_TOTAL], [1.6, 2.4, 2.0, 2.0])
    np.testing.assert_allclose(found["NiCoFe"][baselines.TRUE_TOTAL], [2.0, 3.0, 2.0, 2.0])
    elements = sum(found[symbol][baselines.TRUE_TOTAL] for symbol in ("Pt", "Ni", "Pd", "Co", "Fe"))
    np.testing.assert_allclose(elements, TRUE.sum(axis=1))


def test_model_total_differs_from_the_true_total_only_by_the_total() -> None:
    found = baselines.yardsticks(IMAGES, TRUE, PREDICTED, np.ones(4), counting())
    np.testing.assert_allclose(found["Fe"][baselines.MODEL_TOTAL], 2 * found["Fe"][baselines.TRUE_TOTAL])


def test_counting_knows_neither_the_truth_nor_the_model() -> None:
    intensity = np.array([1.0, 2.0, 3.0, 4.0])
    found = baselines.yardsticks(IMAGES, TRUE, PREDICTED, intensity, counting())
    other = baselines.yardsticks(IMAGES, TRUE[::-1], PREDICTED * 0, intensity, counting())
    np.testing.assert_allclose(found["total"][baselines.COUNTED], 2 * intensity)
    np.testing.assert_allclose(found["Ni"][baselines.COUNTED], 2 * intensity * 3 / 14)
    for target in TARGETS:
        np.testing.assert_array_equal(found[target][baselines.COUNTED], other[target][baselines.COUNTED])


def test_total_is_measured_against_the_training_mean_never_against_itself() -> None:
    found = baselines.yardsticks(IMAGES, TRUE, PREDICTED, np.ones(4), counting())
    assert set(found["total"]) == {baselines.MEAN_TOTAL, baselines.COUNTED}
    np.testing.assert_allclose(found["total"][baselines.MEAN_TOTAL], 14 / 3)


def test_every_yardstick_says_what_it_knows() -> None:
    found = baselines.yardsticks(IMAGES, TRUE, PREDICTED, np.ones(4), counting())
    assert {name for rivals in found.values() for name in rivals} == set(baselines.DESCRIPTIONS)
    assert tuple(found) == TARGETS
