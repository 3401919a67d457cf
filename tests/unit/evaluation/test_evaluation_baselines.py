import numpy as np
import pandas as pd
import pytest

from heamap.evaluation import baselines
from heamap.evaluation.targets import TARGETS, with_sums

IMAGES = np.array([0, 0, 8, 8])
TRUE = np.array([[4, 0, 0, 0, 0], [0, 2, 1, 1, 2], [1, 1, 1, 1, 1], [3, 1, 1, 0, 0]])


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


def columns(images: np.ndarray, counts: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(with_sums(counts), columns=[f"true_{target}" for target in TARGETS])
    return table.assign(sample=images)


def test_true_total_times_composition_conserves_atoms() -> None:
    found = baselines.estimates(columns(IMAGES, TRUE), columns(IMAGES, TRUE))[baselines.TRUE_TOTAL]
    by_target = dict(zip(TARGETS, found.T, strict=True))
    np.testing.assert_allclose(by_target["Pt"], [1.6, 2.4, 2.0, 2.0])
    np.testing.assert_allclose(by_target["NiCoFe"], [2.0, 3.0, 2.0, 2.0])
    np.testing.assert_allclose(by_target["total"], TRUE.sum(axis=1))


def test_the_mean_column_is_that_of_the_training_columns() -> None:
    training = columns(np.zeros(2), np.array([[4, 0, 0, 0, 0], [2, 1, 0, 0, 3]]))
    found = baselines.estimates(training, columns(IMAGES, TRUE))[baselines.MEAN_COLUMN]
    np.testing.assert_allclose(found, np.tile([3, 0.5, 0, 0, 1.5, 2, 5], (4, 1)))
