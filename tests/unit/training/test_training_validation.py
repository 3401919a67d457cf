from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from heamap.dataset.input import Examples
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import TARGETS
from heamap.params import Params, load
from heamap.training.horovod import World
from heamap.training.validation import Validation

PIXELS = 64
SAMPLES = np.arange(3)


class NineColumns:
    """Nine columns with counts of their own in each sample, and one beyond the right edge."""

    def image(self, sample: int) -> np.ndarray:
        return np.full((PIXELS, PIXELS), 0.01 * (1 + sample), np.float32)

    def energy_ev(self, _: int) -> float:
        return 2e5

    def columns(self, sample: int, *, in_field: bool) -> pd.DataFrame:
        assert not in_field
        row, col = (axis.ravel() for axis in np.mgrid[10.3:60:20, 10.6:60:20])
        table = pd.DataFrame({"row": [*row, 30.0], "col": [*col, PIXELS + 1.0]})
        table[list(ELEMENTS)] = np.random.default_rng(sample).integers(0, 9, (10, 5))
        return table


@pytest.fixture(scope="module")
def examples() -> Examples:
    params: Params = load(Path(__file__).parents[3] / "params.yaml")
    dataset: Any = NineColumns()
    base = params.base.model_copy(update={"pixels": PIXELS})
    return Examples.of(dataset, SAMPLES, params.model_copy(update={"base": base}))


def drawing(examples: Examples, noise: float) -> Any:
    """A network that draws the labels of one sample after the other, and noise."""
    rng = np.random.default_rng(0)
    labels = iter([examples.make(int(sample), None).labels for sample in SAMPLES])
    return lambda _: tf.constant((drawn := next(labels))[None] + rng.normal(0, noise, drawn.shape).astype(np.float32))


def score(examples: Examples, noise: float) -> dict[str, float]:
    validate = Validation(examples, SAMPLES, world=World(rank=0, size=1, threads=1))
    return validate(drawing(examples, noise))


def test_perfect_maps_have_no_loss_and_an_r2_of_one_by_either_way_of_reading(examples):
    metrics = score(examples, 0.0)
    assert list(metrics) == [
        "val_loss",
        *(f"val_r2_{target}" for target in TARGETS),
        *(f"val_fit_r2_{target}" for target in TARGETS),
    ]
    assert metrics["val_loss"] == 0
    assert [metrics[f"{name}_{target}"] for name in ("val_r2", "val_fit_r2") for target in TARGETS] == pytest.approx(
        [1.0] * 14, abs=1e-3
    )


def test_noise_of_the_maps_is_the_loss_and_costs_the_peak_more_than_the_fit(examples):
    metrics = score(examples, 1.0)
    assert metrics["val_loss"] == pytest.approx(1.0, rel=0.05)
    for target in TARGETS:
        assert 0.5 < metrics[f"val_r2_{target}"] < metrics[f"val_fit_r2_{target}"]
        assert metrics[f"val_fit_r2_{target}"] > 0.97
