import numpy as np

from heamap.evaluation import yardsticks
from heamap.evaluation.targets import TARGETS


def test_a_yardstick_is_none_for_what_it_is_told() -> None:
    guess = np.arange(14.0).reshape(2, 7)
    found = yardsticks.by_target(dict.fromkeys(yardsticks.DESCRIPTIONS, guess))
    assert tuple(found) == TARGETS
    assert "oracle_total" in found["Pt"]
    assert "oracle_total" not in found["total"]
    assert {"line_cell", "mean_column", "local_features"} <= set(found["total"])
    assert not {"true_total_x_composition", "model_total_x_model_composition"} & set(found["total"])
    np.testing.assert_array_equal(found["total"]["line_cell"], [6, 13])


def test_baseline_1_is_a_yardstick_of_every_target() -> None:
    found = yardsticks.by_target(dict.fromkeys(yardsticks.DESCRIPTIONS, np.zeros((1, 7))))
    for target, name in yardsticks.FIRST.items():
        assert name in found[target]
