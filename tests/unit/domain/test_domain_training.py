from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from lattices import draw, fcc110

from heamap.domain import training
from heamap.params import load

PARAMS = load(Path(__file__).parents[3] / "params.yaml")


@dataclass(frozen=True)
class Particles:
    """Round patches of the lattice, of constants that differ a little; even ones are for training."""

    constant: float = 3.7

    def split(self, name):
        return np.arange(8)[{"train": 0, "calibration": 1}[name] :: 2]

    def image(self, sample):
        rows, cols = np.mgrid[:256, :256]
        inside = np.hypot(rows - 128, cols - 128) * 0.2 < 15
        lattice = draw(fcc110(self.constant + 0.01 * sample), shape=(256, 256), turn_degree=20 * sample)
        return (0.05 * inside * (lattice - lattice.min()) / np.ptp(lattice)).astype(np.float32)


def resample(image, step):
    """Nearest pixels: enough for a lattice."""
    shape = [int((length - 1) * step / 0.2) + 1 for length in image.shape]
    rows, cols = (
        np.minimum(np.rint(np.arange(n) * 0.2 / step).astype(int), m - 1)
        for n, m in zip(shape, image.shape, strict=True)
    )
    return image[np.ix_(rows, cols)]


@pytest.fixture
def few_views(monkeypatch):
    monkeypatch.setattr(training, "TRAINING_VIEWS", 24)
    monkeypatch.setattr(training, "CALIBRATION_VIEWS", 8)


@pytest.mark.usefixtures("few_views")
def test_limits_lie_around_the_training_lattices_and_are_the_same_again():
    found = training.training_limits(Particles(), PARAMS, resample)
    bounds = found.checks["lattice_constant_angstrom"]
    assert 3.6 < bounds.doubtful_below < 3.71
    assert 3.74 < bounds.doubtful_above < 3.85
    assert (found.views, found.calibration_views, found.calibration_particles) == (24, 8, 4)
    assert training.training_limits(Particles(), PARAMS, resample) == found


@pytest.mark.usefixtures("few_views")
def test_fields_smaller_than_a_window_give_no_limits():
    small = PARAMS.model_copy(update={"base": PARAMS.base.model_copy(update={"pixels": 100})})
    assert training.training_limits(Particles(), small, resample) is None
