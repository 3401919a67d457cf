import numpy as np
import pytest

from heamap.evaluation.aggregation import chance_of_share, overdispersion
from heamap.evaluation.dispersion_moments import read_columns
from heamap.evaluation.error_calibration import fit
from heamap.evaluation.prediction_errors import PredictionErrors, without_errors

COMPOSITION = np.array([0.3, 0.2, 0.2, 0.2, 0.1])
SUMLESS = np.eye(5) - 0.2
RESPONSE = 0.6 * SUMLESS
NOISE = 0.6


def binomial(columns: int, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(rng.integers(3, 26, columns), COMPOSITION)


def dirichlet_multinomial(columns: int, concentration: float, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(rng.integers(3, 26, columns), rng.dirichlet(concentration * COMPOSITION, columns))


def shrunk(counts: np.ndarray, rng: np.random.Generator, loudness: float = 1.0) -> np.ndarray:
    """What an estimator that regresses to the mean and errs predicts."""
    totals = counts.sum(axis=1, keepdims=True)
    error = NOISE * np.sqrt(loudness) * rng.normal(size=counts.shape) @ SUMLESS
    return totals * COMPOSITION + (counts - totals * COMPOSITION) @ RESPONSE.T + error


def calibrated(rng: np.random.Generator, images: int = 10, spread: float = 0.0) -> PredictionErrors:
    """Half of the calibration images are aggregated."""
    true = [binomial(150, rng) if image % 2 else dirichlet_multinomial(150, 8, rng) for image in range(images)]
    guess = [shrunk(counts, rng, np.exp(spread * rng.normal())) for counts in true]
    return fit(np.repeat(np.arange(images), 150), np.concatenate(true), np.concatenate(guess))


def quick(counts: np.ndarray, errors: PredictionErrors, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """rho and its p-value from 99 resamples."""
    columns = read_columns(counts, errors)
    rho = columns.moments.rho
    return rho, (1 + (columns.by_chance(99, rng).rho >= rho).sum(axis=0)) / 100


@pytest.mark.parametrize(("total", "percent"), [(10, 3.28), (20, 0.26)])
def test_chance_of_half_a_column(total: int, percent: float) -> None:
    assert 100 * chance_of_share(total, 0.5) == pytest.approx(percent, abs=0.005)


def test_chance_of_any_share() -> None:
    assert chance_of_share(10, 0.0) == 1
    assert chance_of_share(3, 1.0, 0.5) == pytest.approx(1 / 8)
    # .3 x 10 is a hair above 3 in floating point, and still means three atoms.
    assert chance_of_share(10, 0.1 + 0.2, 0.5) == pytest.approx(1 - 56 / 1024)


def test_false_alarms_on_binomial_columns_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(0)
    images = 250
    alarms = np.mean([quick(binomial(80, rng), without_errors(), rng)[1] <= 0.05 for _ in range(images)], axis=0)
    # Of each element, within three binomial standard errors of .05.
    np.testing.assert_allclose(alarms, 0.05, atol=3 * np.sqrt(0.05 * 0.95 / images))


def test_binomial_columns_have_no_correlation() -> None:
    rng = np.random.default_rng(1)
    found = [read_columns(binomial(150, rng), without_errors()).moments.rho for _ in range(200)]
    error = np.std(found, axis=0) / np.sqrt(200)
    assert (np.abs(np.mean(found, axis=0)) < 4 * error).all()
    assert (error < 0.001).all()


@pytest.mark.parametrize("concentration", [4.0, 19.0])
def test_dirichlet_multinomial_columns_have_one_over_one_plus_concentration(concentration: float) -> None:
    rng = np.random.default_rng(2)
    columns = [read_columns(dirichlet_multinomial(200, concentration, rng), without_errors()) for _ in range(150)]
    rho = np.array([one.moments.rho for one in columns])
    spread = rho.std(axis=0)
    # A ratio of moments is off by a term of order 1 / columns.
    np.testing.assert_allclose(
        rho.mean(axis=0), 1 / (1 + concentration), atol=4 * spread.max() / np.sqrt(150), rtol=0.03
    )
    # Its own standard error is the scatter that it has.
    np.testing.assert_allclose(np.mean([one.standard_error for one in columns], axis=0), spread, rtol=0.15)


def test_alternating_columns_are_less_dispersed_than_chance() -> None:
    test = overdispersion(np.tile([[4, 4, 4, 4, 4]], (60, 1)), np.random.default_rng(0), resamples=199)
    # No variance at all: 1 + 19 rho = 0, but for one degree of freedom in 60.
    np.testing.assert_allclose(test.correlation, -1 / 19 * 59 / 60, rtol=1e-6)
    np.testing.assert_array_equal(test.p_value, 1)


def test_an_image_with_aggregation_is_called_so() -> None:
    rng = np.random.default_rng(3)
    test = overdispersion(dirichlet_multinomial(200, 9, rng), rng, resamples=199)
    np.testing.assert_array_equal(test.p_value, 1 / 200)
    assert (test.critical < test.correlation).all()
    assert (test.critical > 0).all()
    assert (test.columns, test.level) == (200, 0.05)


@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_false_alarms_on_predictions_of_binomial_columns(spread: float) -> None:
    rng = np.random.default_rng(4)
    alarms = []
    for _ in range(20):
        errors = calibrated(rng, spread=spread)
        for _ in range(8):
            counts = shrunk(binomial(80, rng), rng, np.exp(spread * rng.normal()))
            alarms.append(quick(counts, errors, rng)[1] <= 0.05)
    # 160 images share 20 calibrations; five elements are averaged over.
    assert np.mean(alarms) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 160)


def test_predictions_taken_for_true_counts_hide_aggregation() -> None:
    rng = np.random.default_rng(5)
    errors = calibrated(rng)
    raw, corrected = [], []
    for _ in range(30):
        counts = shrunk(dirichlet_multinomial(200, 9, rng), rng)
        raw.append(read_columns(counts, without_errors()).moments.rho)
        corrected.append(read_columns(counts, errors).moments.rho)
    np.testing.assert_allclose(np.mean(corrected, axis=0), 0.1, atol=0.02)
    assert (np.mean(raw, axis=0) < 0.05).all()


def test_power_on_predictions() -> None:
    rng = np.random.default_rng(6)
    errors = calibrated(rng)
    tests = [overdispersion(shrunk(dirichlet_multinomial(150, 9, rng), rng), rng, errors=errors) for _ in range(5)]
    assert all((test.p_value <= 0.01).all() for test in tests)


def test_one_element_that_gathers_is_not_taken_for_another_that_it_is_mistaken_for() -> None:
    # A third of each Pt deviation shows up as Pd; Pt gathers, the others share the rest by chance.
    rng = np.random.default_rng(7)
    leak = SUMLESS @ (0.7 * np.eye(5) + 0.35 * np.outer(np.eye(5)[2], np.eye(5)[0])) @ SUMLESS

    def seen(counts: np.ndarray) -> np.ndarray:
        totals = counts.sum(axis=1, keepdims=True)
        off = counts - totals * COMPOSITION
        return totals * COMPOSITION + off @ leak.T + 0.3 * rng.normal(size=counts.shape) @ SUMLESS

    true = [binomial(150, rng) for _ in range(8)]
    errors = fit(np.repeat(np.arange(8), 150), np.concatenate(true), np.concatenate([seen(part) for part in true]))
    found, naive = [], []
    for _ in range(20):
        pt = rng.beta(0.3 * 4, 0.7 * 4, (200, 1))
        shares = np.hstack([pt, (1 - pt) * COMPOSITION[1:] / 0.7])
        counts = rng.multinomial(rng.integers(3, 26, 200), shares)
        found.append(read_columns(seen(counts), errors).moments.rho)
        naive.append(read_columns(seen(counts), without_errors()).moments.rho)
    # Var(Pt share) = .21 x .2; Pd takes (.2 / .7)^2 of it, over .16.
    assert np.mean(found, axis=0)[0] == pytest.approx(0.2, abs=0.03)
    assert np.mean(found, axis=0)[2] == pytest.approx(0.21 * 0.2 * (0.2 / 0.7) ** 2 / 0.16, abs=0.015)
    assert np.mean(naive, axis=0)[2] < -0.01


def test_an_element_that_is_not_there_is_not_tested() -> None:
    rng = np.random.default_rng(8)
    counts = rng.multinomial(rng.integers(3, 26, 80), [0.5, 0.5, 0, 0, 0])
    test = overdispersion(counts, rng, resamples=199)
    assert np.isfinite(test.correlation[:2]).all()
    assert np.isnan(test.correlation[2:]).all()
    np.testing.assert_array_equal(test.p_value[2:], 1)


def test_the_same_generator_gives_the_same_test() -> None:
    counts = binomial(60, np.random.default_rng(9))
    first, second = (overdispersion(counts, np.random.default_rng(1), resamples=150) for _ in range(2))
    np.testing.assert_array_equal(first.p_value, second.p_value)


def test_unusable_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    counts = binomial(30, rng)
    with pytest.raises(ValueError, match="need their error model"):
        overdispersion(counts + 0.5, rng)
    with pytest.raises(ValueError, match="50 resamples cannot show significance"):
        overdispersion(counts, rng, resamples=50)
