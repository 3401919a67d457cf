import numpy as np
import pytest

from heamap.evaluation.dispersion_moments import Moments, read_columns
from heamap.evaluation.image_effects import ImageEffect
from heamap.evaluation.prediction_errors import PredictionErrors, deviations, without_errors

SUMLESS = np.eye(5) - 0.2
SHARES = np.array([0.3, 0.2, 0.2, 0.2, 0.1])


def halved(noise: float, loudness: float = 0.0) -> PredictionErrors:
    """Predicted deviations are half the true ones, and all errors have the same size."""
    signs = np.array([[1, -1, 0, 0, 0], [-1, 1, 0, 0, 0]], float)
    return PredictionErrors(
        edges=(),
        offset=np.zeros((1, 5)),
        response=0.5 * SUMLESS[None],
        residuals=noise * signs[None],
        gain=(ImageEffect(1.0, 0.0, 5.0),) * 5,
        loudness=(ImageEffect(loudness, 0.0, 5.0),) * 5,
        images=6,
    )


def test_rho_of_two_columns_by_hand() -> None:
    # Two columns of 4 atoms, all Pt and all Ni: deviations +-2, p = .5, weights are equal.
    # Null 4 x .25 x (1 - 4 / 8) = .5, rise 4 x 3 x .25 = 3: rho = (4 - .5) / 3.
    moments = read_columns([[4, 0, 0, 0, 0], [0, 4, 0, 0, 0]], without_errors()).moments
    np.testing.assert_allclose(moments.unmixed[:, 0], [2, -2])
    np.testing.assert_allclose(moments.null[:, 0], 0.5)
    np.testing.assert_allclose(moments.rise[:, 0], 3)
    np.testing.assert_allclose(moments.rho[:2], 3.5 / 3)
    assert np.isnan(moments.rho[2:]).all()


def test_shrinkage_and_noise_are_undone() -> None:
    rng = np.random.default_rng(0)
    true = rng.multinomial(rng.integers(3, 26, 60), SHARES)
    off, totals, shares = deviations(true)
    columns = read_columns(totals[:, None] * shares + off / 2, halved(0.3))
    np.testing.assert_allclose(columns.unmixed, off, atol=1e-12)
    np.testing.assert_array_equal(columns.totals, totals)
    plain = read_columns(true, without_errors()).moments
    # The noise of Pt and Ni, .3^2, is four times itself after undoing the half; the other elements have none.
    np.testing.assert_allclose(columns.moments.null - plain.null, np.tile([0.36, 0.36, 0, 0, 0], (60, 1)), atol=1e-12)
    np.testing.assert_allclose(columns.moments.rise, plain.rise)


def test_single_atoms_tell_nothing() -> None:
    moments = read_columns(np.eye(5), without_errors()).moments
    np.testing.assert_array_equal(moments.rise, 0)
    assert np.isnan(moments.rho).all()


def test_columns_by_chance_have_the_variance_of_chance() -> None:
    rng = np.random.default_rng(1)
    columns = read_columns(rng.multinomial(np.full(80, 12), SHARES), halved(0.3))
    drawn = columns.by_chance(300, rng)
    assert drawn.unmixed.shape == (300, 80, 5)
    np.testing.assert_allclose(drawn.unmixed.var(axis=(0, 1)), drawn.null.mean(axis=(0, 1)), rtol=0.03)
    np.testing.assert_allclose(drawn.unmixed.sum(axis=1), 0, atol=1e-9)


def test_loudness_scales_the_errors_alone() -> None:
    rng = np.random.default_rng(2)
    counts = rng.multinomial(np.full(80, 12), SHARES)
    quiet, loud = (
        read_columns(counts, halved(0.5, loudness)).by_chance(300, rng).unmixed.var(axis=(0, 1))
        for loudness in (0.0, np.log(3.0))
    )
    # Noise of Pt is .5^2 x 4 = 1 atom squared; three times that is two more.
    assert loud[0] - quiet[0] == pytest.approx(2, abs=0.15)
    assert loud[3] == pytest.approx(quiet[3], rel=0.05)


def test_standardised_deviations_have_unit_variance_by_chance() -> None:
    rng = np.random.default_rng(3)
    values = read_columns(rng.multinomial(rng.integers(2, 26, 4000), SHARES), without_errors()).moments.standardised
    np.testing.assert_allclose(values.var(axis=0), 1, atol=0.08)


def test_errors_are_what_is_left_without_the_true_deviations() -> None:
    rng = np.random.default_rng(4)
    true = rng.multinomial(rng.integers(3, 26, 50), SHARES)
    off, totals, shares = deviations(true)
    error = np.zeros((50, 5))
    error[::2, 0], error[::2, 1] = 0.3, -0.3
    error[1::2, 0], error[1::2, 1] = -0.3, 0.3
    columns = read_columns(totals[:, None] * shares + off / 2 + error, halved(0.3))
    found = columns.errors_of(true) * np.sqrt(columns.moments.null)
    # The image's own composition moves by 0 in the mean over columns, by total a little.
    np.testing.assert_allclose(found[:, 0], 2 * error[:, 0], atol=0.1)
    np.testing.assert_allclose(found[:, 2:], 0, atol=1e-9)


def test_what_is_not_seen_has_no_weight() -> None:
    moments = Moments(np.ones((3, 5)), np.ones((3, 5)), np.ones((3, 5)), np.zeros((3, 5)))
    assert np.isnan(moments.rho).all()
    assert np.isnan(moments.standardised).all()
