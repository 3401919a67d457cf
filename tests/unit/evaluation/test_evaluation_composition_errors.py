import numpy as np
import pytest

from heamap.contract import CompositionErrors
from heamap.evaluation.composition_errors import fit

ROWS = 60


def draw(rng, images):
    """Columns of equal composition; every image's prediction moves .02 of its atoms from Fe to Pt, give or take."""
    owner = np.repeat(np.arange(images), ROWS)
    true = np.tile([2.0, 2, 2, 2, 2], (len(owner), 1))
    moved = rng.normal(0.02, 0.01, images)[owner] * 10
    predicted = true.copy()
    predicted[:, 0] += moved
    predicted[:, 4] -= moved
    return owner, true, predicted


def test_the_mean_error_of_images_is_the_bias():
    found = fit(*draw(np.random.default_rng(1), 200))
    assert found["bias"] == pytest.approx([-0.02, 0, 0, 0, 0.02, 0.02], abs=2e-3)
    # Normal errors of .01: 1.645 at 90 %.
    assert found["half_width"][0] == pytest.approx(0.01645, rel=0.1)
    assert found["half_width"][1] == 0


def test_one_more_image_lies_in_the_interval_as_often_as_promised():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(400):
        owner, true, predicted = draw(rng, 7)
        known = owner < 6
        errors = CompositionErrors(**fit(owner[known], true[known], predicted[known]))
        sums = predicted[~known].sum(axis=0)
        shares = np.append(sums, sums[[1, 3, 4]].sum()) / sums.sum()
        low, high = errors.around(shares)
        held.append(low[0] <= 0.2 <= high[0])
    assert np.mean(held) == pytest.approx(0.9, abs=0.045)


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="4 images or more, got 3"):
        fit(*draw(np.random.default_rng(0), 3))
