import numpy as np
import pytest

from heamap.evaluation.error_calibration import fit
from heamap.evaluation.prediction_errors import deviations

SUMLESS = np.eye(5) - 0.2
# A deviation of Ni, Co or Fe is seen as a third of what their sum does; Pt and Pd leak into them.
BRIGHTNESS = np.array([3.0, -1.0, 0.5, -1.0, -1.5])
COARSE = 0.8 * SUMLESS @ np.diag([1, 0, 1, 0, 0]) @ SUMLESS


def calibration_columns(
    response: np.ndarray,
    noise: float,
    *,
    images: int = 8,
    columns: int = 300,
    spread: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted deviations are response @ true ones plus Gaussian errors; loudness differs by ``spread``."""
    rng = np.random.default_rng(seed)
    owners, truth, guess = [], [], []
    for image in range(images):
        totals = rng.integers(3, 26, columns)
        true = rng.multinomial(totals, rng.dirichlet(np.full(5, 200.0)))
        off, _, shares = deviations(true)
        error = noise * np.exp(spread * rng.normal() / 2) * rng.normal(size=true.shape) @ SUMLESS
        owners.append(np.full(columns, image))
        truth.append(true)
        guess.append(totals[:, None] * shares + off @ response.T + error)
    return np.concatenate(owners), np.concatenate(truth), np.concatenate(guess)


def test_response_and_noise_are_found() -> None:
    response = 0.6 * SUMLESS
    model = fit(*calibration_columns(response, 0.7))
    assert len(model.edges) == 2
    np.testing.assert_allclose(model.response, np.broadcast_to(response, (3, 5, 5)), atol=0.06)
    # Each element keeps 4/5 of the variance; undoing .6 blows it up.
    np.testing.assert_allclose(model.noise, 0.8 * 0.7**2 / 0.6**2, rtol=0.2)
    # Kept with four decimals.
    np.testing.assert_allclose(model.resolution, 1, atol=2e-4)


def test_undoing_the_response_gives_true_deviations_back() -> None:
    rng = np.random.default_rng(1)
    response = SUMLESS @ (0.5 * np.eye(5) + 0.2 * rng.normal(size=(5, 5))) @ SUMLESS
    owners, true, guess = calibration_columns(response, 0.0, images=4, columns=100)
    model = fit(owners, true, guess)
    off = deviations(true[owners == 0])[0]
    np.testing.assert_allclose(off @ response.T @ model.unmixing[0].T, off, atol=0.01)


def test_an_element_seen_only_in_a_sum_is_not_resolved() -> None:
    model = fit(*calibration_columns(COARSE, 0.3))
    # Only Pt and Pd against the rest: of Ni, Co and Fe the sum is seen, a third of which is each one's.
    np.testing.assert_allclose(model.resolution[0], [1, 1 / 6, 1, 1 / 6, 1 / 6], atol=0.02)


def test_brightness_alone_resolves_the_element_it_follows() -> None:
    along = BRIGHTNESS / np.linalg.norm(BRIGHTNESS)
    model = fit(*calibration_columns(0.7 * np.outer(along, along), 0.3))
    np.testing.assert_allclose(model.resolution, np.tile(along**2 / 0.8, (3, 1)), atol=0.06)


def test_predictions_without_response_see_nothing() -> None:
    model = fit(*calibration_columns(0 * SUMLESS, 1.0))
    np.testing.assert_array_equal(model.response, 0)
    np.testing.assert_array_equal(model.resolution, 0)
    np.testing.assert_array_equal(model.noise, 0)


def test_kept_residuals_have_the_covariance_of_all() -> None:
    owners, true, guess = calibration_columns(0.6 * SUMLESS, 0.7, images=4, columns=90)
    model = fit(owners, true, guess)
    off, wanted = (
        np.concatenate([deviations(part[owners == image])[0] for image in range(4)]) for part in (guess, true)
    )
    residuals = off - model.offset[0] - wanted @ model.response[0].T
    kept = model.residuals[0]
    np.testing.assert_allclose(kept.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(kept.T @ kept / len(kept), np.cov(residuals.T, bias=True), atol=1e-3)
    assert kept.shape == (96, 5)


def test_images_that_are_alike_have_the_same_gain_and_loudness() -> None:
    model = fit(*calibration_columns(0.6 * SUMLESS, 0.7))
    for gain, loudness in zip(model.gain, model.loudness, strict=True):
        assert gain.centre == pytest.approx(1, abs=0.05)
        assert gain.scale < 0.06
        assert loudness.centre == pytest.approx(0, abs=0.1)
        assert loudness.scale < 0.15


def test_loudness_that_differs_between_images_is_found() -> None:
    model = fit(*calibration_columns(0.6 * SUMLESS, 0.7, images=24, columns=150, spread=0.5))
    # The spread of 24 draws is known to 15 %.
    np.testing.assert_allclose([effect.scale for effect in model.loudness], 0.5, rtol=0.4)


def test_unusable_calibration_columns_are_refused() -> None:
    owners, true, guess = calibration_columns(SUMLESS, 0.5, images=4, columns=60)
    with pytest.raises(ValueError, match="disagree"):
        fit(owners, true, guess[1:])
    with pytest.raises(ValueError, match="4 images and 192 columns or more, got 3 and 180"):
        fit(owners[:180], true[:180], guess[:180])
