import json

import numpy as np
import pandas as pd
import pytest
from test_evaluation_intensity_model import WEIGHTS, library

from heamap.elements import ELEMENTS
from heamap.evaluation import bounds, intensity_model, untold_composition
from heamap.evaluation.priors import Prior
from heamap.evaluation.untold_composition import JUDGED, Particles

EXACT = bounds.Measurement(np.inf)
EVEN = np.full((1, 5), 0.2)


def two_totals() -> pd.DataFrame:
    """Brightness of columns of 4 and of 12 atoms, of which order scatters the second and a tenth all."""
    return pd.concat(
        [
            library(4, columns=2000, rest=0.1),
            library(12, columns=2000, depths=np.linspace(0.8, 1.2, 12), rest=0.1, seed=2),
        ]
    )


@pytest.fixture(scope="module")
def models() -> list[intensity_model.IntensityModel]:
    return [intensity_model.fit(rows) for _, rows in two_totals().groupby("total")]


def columns(images: list[np.ndarray]) -> pd.DataFrame:
    names = [f"true_{symbol}" for symbol in ELEMENTS]
    return pd.concat([pd.DataFrame(counts, columns=names).assign(sample=k) for k, counts in enumerate(images)])


def test_models_between_totals_are_interpolated(models: list[intensity_model.IntensityModel]) -> None:
    middle = intensity_model.between(models, 8)
    ends = [model.floor for model in models]
    assert middle.floor == pytest.approx(np.mean(ends))
    np.testing.assert_allclose(middle.weights_square_angstrom, np.mean([m.weights_square_angstrom for m in models], 0))
    assert intensity_model.between(models, 12).order == models[1].order
    with pytest.raises(ValueError, match="from 4 to 12"):
        intensity_model.between(models, 13)


def test_told_the_composition_it_is_near_the_exact_bound(models: list[intensity_model.IntensityModel]) -> None:
    rng = np.random.default_rng(0)
    images = [rng.multinomial(12, EVEN[0], size=400) for _ in range(10)]
    twice = Particles(np.repeat(EVEN, 2, axis=0), np.full(2, np.inf))
    found = untold_composition.assess(columns(images), two_totals(), twice, EXACT, draws=2, rng=rng)
    exact = bounds.column_bound(models[1], EXACT, Prior(tuple(EVEN[0])))
    own = [found["targets"][target]["skill"] for target in JUDGED]
    np.testing.assert_allclose(own, exact.skill, atol=0.02)
    assert own[0] > 0.5


def test_counts_sum_to_the_total(models: list[intensity_model.IntensityModel]) -> None:
    rng = np.random.default_rng(3)
    particles = Particles(rng.dirichlet(np.ones(5), 50), rng.uniform(2, 20, 50))
    totals = np.array([4, 12, 9, 5, 12])
    found = untold_composition.estimate(totals, np.linspace(0.03, 0.1, 5), models, particles, EXACT)
    np.testing.assert_allclose(found.sum(axis=1), totals)


def test_many_columns_tell_which_particle_it_is(models: list[intensity_model.IntensityModel]) -> None:
    rich, poor = [0.6, 0.1, 0.1, 0.1, 0.1], [0.0, 0.25, 0.25, 0.25, 0.25]
    both = Particles(np.array([rich, poor]), np.array([np.inf, np.inf]))
    totals = np.full(200, 12)
    counts = np.random.default_rng(5).multinomial(12, poor, size=200)
    bright = intensity_model.between(models, 12).mean(counts)
    knowing = Particles(np.array([poor]), np.array([np.inf]))
    found, known = (untold_composition.estimate(totals, bright, models, one, EXACT) for one in (both, knowing))
    np.testing.assert_allclose(found, known, atol=1e-6)


def test_of_two_equally_bright_elements_the_particles_are_all_that_is_known() -> None:
    """Where Ni and Co weigh the same, an image of Ni alone is one half Co, as half of the particles are."""
    weights = WEIGHTS.copy()
    weights[3] = weights[1]
    model = intensity_model.IntensityModel(8, weights, 0.04, 0.0, 0.0, 1.0, 0.01, 0.0, 100)
    halves = Particles(np.array([[0, 1.0, 0, 0, 0], [0, 0, 0, 1.0, 0]]), np.array([np.inf, np.inf]))
    found = untold_composition.estimate(np.full(50, 8), np.full(50, 8 * weights[1]), [model], halves, EXACT)
    np.testing.assert_allclose(found, [[0, 4, 0, 4, 0]] * 50, atol=1e-9)


def test_without_the_composition_equally_bright_elements_fall_behind_total_x_composition() -> None:
    rng = np.random.default_rng(7)
    particles = Particles(rng.dirichlet(np.full(5, 2.0), 4000), np.full(4000, np.inf))
    images = [rng.multinomial(rng.choice([4, 12], 150), shares) for shares in particles.compositions[:10]]
    found = untold_composition.assess(columns(images), two_totals(), particles, EXACT, repeats=2, draws=10, rng=rng)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found["targets"]) == set(found["drawn"]) == set(JUDGED)
    drawn = found["drawn"]
    for target in JUDGED:
        assert drawn[target]["low"] <= drawn[target]["skill"] <= drawn[target]["high"]
    assert drawn["Pt"]["skill"] > 0.3
    assert drawn["Pt"]["reached"] == 1.0
    assert max(drawn[symbol]["skill"] for symbol in ("Ni", "Co", "Fe")) < -0.2
    assert drawn["NiCoFe"]["skill"] > max(drawn[symbol]["skill"] for symbol in ("Ni", "Co", "Fe"))
    assert (found["images"], found["draws"], found["particles"]) == (10, 10, 4000)


def test_a_particle_drawn_anew_is_not_known_beforehand() -> None:
    particles = Particles(np.eye(5), np.arange(1.0, 6.0))
    left = particles.without(2)
    np.testing.assert_array_equal(left.compositions, np.eye(5)[[0, 1, 3, 4]])
    np.testing.assert_array_equal(left.concentrations, [1, 2, 4, 5])


def test_aggregated_columns_vary_as_mosimann_says() -> None:
    particles = Particles(np.array([[0.5, 0.5, 0, 0, 0]] * 2), np.array([3.0, np.inf]))
    np.testing.assert_allclose(particles.spread(9), [(9 + 3) / (1 + 3), 1.0])


def test_concentrations_are_those_of_single_images() -> None:
    rng = np.random.default_rng(2)
    gathered = rng.multinomial(12, rng.dirichlet(np.full(5, 0.6), 4000))
    found = untold_composition.concentrations(columns([gathered, rng.multinomial(12, EVEN[0], size=4000)]))
    assert found[0] == pytest.approx(3.0, rel=0.15)
    assert found[1] > 100


def test_particles_need_a_concentration_each() -> None:
    with pytest.raises(ValueError, match="concentrations"):
        Particles(EVEN, np.array([1.0, 2.0]))
