from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heamap.dataset.examples import detected, example
from heamap.dataset.input import Examples, epoch_order, training_batches
from heamap.dataset.labels import column_weights, kernel_weights
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.imaging.normalize import background_level, energy_factor, square_means
from heamap.params import Params, load

PIXELS = 32


class TwoColumns:
    """Ten images of two columns, one of them beyond the right edge."""

    def image(self, sample: int) -> np.ndarray:
        row, col = np.mgrid[:PIXELS, :PIXELS]
        return ((1 + sample) * 0.01 * np.exp(-((row - 9.5) ** 2 + (col - 20.0) ** 2) / 8)).astype(np.float32)

    def energy_ev(self, sample: int) -> float:
        return 1.8e5 + 4e3 * sample

    def columns(self, sample: int, in_field: bool = True) -> pd.DataFrame:
        table = pd.DataFrame({"row": [9.5, 3.0], "col": [20.0, 33.0], "in_field": [True, False]})
        table = table.assign(**{symbol: [sample, 1] for symbol in ELEMENTS})
        return table[table["in_field"]] if in_field else table


@pytest.fixture(scope="module")
def params() -> Params:
    values = load(Path(__file__).parents[3] / "params.yaml")
    train = values.train.model_copy(update={"crop_pixels": 24, "batch": 4, "loss": "weighted_mse"})
    return values.model_copy(update={"train": train})


@pytest.fixture(scope="module")
def examples(params) -> Examples:
    dataset: Any = TwoColumns()
    return Examples.of(dataset, np.arange(10), params)


def take(examples: Examples, count: int, *, rank: int, ranks: int, first_epoch: int = 0) -> list[list[np.ndarray]]:
    batches = training_batches(examples, np.arange(10), rank=rank, ranks=ranks, first_epoch=first_epoch, threads=2)
    return [list(batch) for batch in islice(batches, count)]


def test_the_global_batch_does_not_depend_on_the_number_of_ranks(examples):
    alone = take(examples, 3, rank=0, ranks=1)
    shared = [take(examples, 3, rank=rank, ranks=2) for rank in range(2)]
    for step in range(3):
        for part in range(3):
            np.testing.assert_array_equal(
                alone[step][part], np.concatenate([shared[rank][step][part] for rank in range(2)])
            )


def test_starting_at_an_epoch_gives_what_going_on_to_it_gives(examples):
    through = take(examples, 3, rank=0, ranks=1)
    (resumed,) = take(examples, 1, rank=0, ranks=1, first_epoch=1)
    for one, two in zip(through[2], resumed, strict=True):
        np.testing.assert_array_equal(one, two)


def test_an_epoch_uses_no_sample_twice_and_every_epoch_another_order():
    samples = np.arange(100, 110)
    first, second = (epoch_order(samples, seed=1, epoch=epoch, batch=4) for epoch in (0, 1))
    assert first.shape == (2, 4)
    assert len(set(first.flat)) == 8
    assert set(first.flat) <= set(samples.tolist())
    assert not np.array_equal(first, second)


def test_fewer_samples_than_a_batch_are_refused():
    with pytest.raises(InputError, match=r"train\.batch 4 is more than the 3 training samples"):
        epoch_order(np.arange(3), seed=1, epoch=0, batch=4)


def test_labels_stand_where_the_turned_and_cropped_image_has_its_column(examples, params):
    dataset: Any = examples.dataset
    for epoch in range(8):
        made = examples.make(7, epoch)
        assert made.image.shape == (24, 24, 1)
        assert made.weights.mean() == pytest.approx(1, rel=1e-5)
        _, columns = example(dataset, 7, params=params, epoch=epoch)
        for row, col in columns.loc[columns["Pt"] == 7, ["row", "col"]].to_numpy():
            peak = np.unravel_index(made.labels[..., 0].argmax(), (24, 24))
            assert np.hypot(peak[0] - row, peak[1] - col) <= 1
            if 4 < row < 19 and 4 < col < 19:
                bright = np.unravel_index(made.image[..., 0].argmax(), (24, 24))
                assert np.hypot(bright[0] - row, bright[1] - col) < 3


def test_the_fixed_form_is_the_whole_field_and_always_the_same(examples, params):
    dataset: Any = examples.dataset
    image, columns = example(dataset, 3, params=params, epoch=None)
    again, _ = example(dataset, 3, params=params, epoch=None)
    np.testing.assert_array_equal(image, again)
    assert image.shape == (PIXELS, PIXELS, 1)
    np.testing.assert_array_equal(columns[["row", "col"]], [[9.5, 20.0]])
    assert len(example(dataset, 3, params=params, epoch=None, in_field=False)[1]) == 2


def test_every_epoch_draws_anew(examples):
    assert not np.array_equal(examples.make(3, 0).image, examples.make(3, 1).image)


@pytest.mark.parametrize(
    ("loss", "weights"), [("mse", None), ("weighted_mse", column_weights), ("column_mse", kernel_weights)]
)
def test_the_loss_decides_what_a_pixel_weighs(examples, params, loss, weights):
    changed = params.model_copy(update={"train": params.train.model_copy(update={"loss": loss})})
    made = Examples(examples.dataset, changed, examples.columns).make(3, None)
    rows, cols = np.array([9.5, 3.0]), np.array([20.0, 33.0])
    expected = weights(rows, cols, (PIXELS, PIXELS), 2.5) if weights else np.ones((PIXELS, PIXELS))
    np.testing.assert_array_equal(made.weights, expected)


@pytest.mark.parametrize("epoch", [None, 1])
def test_images_of_known_energy_are_brought_to_one(examples, params, epoch):
    dataset: Any = examples.dataset
    absolute, told = (
        params.model_copy(
            update={"train": params.train.model_copy(update={"normalization": "absolute", "energy_exponent": exponent})}
        )
        for exponent in (None, 1.1)
    )
    for sample, factor in ((0, 0.9**1.1), (5, 1.0), (9, 1.08**1.1)):
        plain, other = (example(dataset, sample, params=which, epoch=epoch)[0] for which in (absolute, told))
        np.testing.assert_allclose(other, factor * plain, rtol=1e-4, atol=1e-6)
        seen, scaled = (
            detected(dataset.image(sample), sample, params=which, energy_ev=dataset.energy_ev(sample))
            for which in (absolute, told)
        )
        np.testing.assert_allclose(scaled, factor * seen, rtol=1e-5)


@pytest.mark.parametrize("epoch", [None, 1])
def test_background_is_taken_off_before_the_energy_counts(examples, params, epoch):
    dataset: Any = examples.dataset
    still = params.train.effects.model_copy(update={"background_fraction": (0.003, 0.003)})
    changes = {"normalization": "absolute", "energy_exponent": 1.1, "effects": still}
    absolute, told = (
        params.model_copy(update={"train": params.train.model_copy(update=changes | {"background_most": most})})
        for most in (None, 0.005)
    )
    for sample in (0, 9):
        energy_ev = dataset.energy_ev(sample)
        seen, less = (
            detected(dataset.image(sample), sample, params=which, energy_ev=energy_ev) for which in (absolute, told)
        )
        taken = (seen - less) / energy_factor(energy_ev, 1.1)
        level = background_level(
            square_means(seen / energy_factor(energy_ev, 1.1), sampling_angstrom=params.base.sampling_angstrom),
            most=0.005,
        )
        np.testing.assert_allclose(taken, level, rtol=1e-3)
        plain, other = (example(dataset, sample, params=which, epoch=epoch)[0] for which in (absolute, told))
        assert np.ptp(plain - other) < 1e-4
        assert (plain - other).mean() > 0
        # Half of the most is a fraction of the beam as it is, not as it would be at the standard energy.
        little = params.model_copy(
            update={"train": params.train.model_copy(update=changes | {"background_most": level / 2})}
        )
        capped = detected(dataset.image(sample), sample, params=little, energy_ev=energy_ev)
        np.testing.assert_allclose(seen - capped, level / 4 * energy_factor(energy_ev, 1.1), rtol=1e-3)
