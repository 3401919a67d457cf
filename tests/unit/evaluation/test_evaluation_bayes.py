from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

from heamap.elements import ATOMIC_NUMBERS
from heamap.evaluation import bayes, priors
from heamap.evaluation.targets import with_sums

EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)
SIGNAL = np.array(ATOMIC_NUMBERS) ** 1.7
PT, NI, PD, CO, FE, NI_CO_FE = range(6)


def two_elements(total: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of Pt and Ni alone, each atom either with the same chance."""
    pt = np.arange(total + 1)
    return np.column_stack([pt, total - pt, *np.zeros((3, total + 1), dtype=int)]), binom.pmf(pt, total, 0.5)


def alloy(total: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts, prior = priors.Prior(EVEN).compositions(total)
    return counts, prior, counts @ SIGNAL


def test_one_atom_of_two_elements_is_told_apart_as_two_gaussians() -> None:
    distance, deviation = 3.0, 1.4
    counts, prior = two_elements(1)
    found = bayes.bound(counts, prior, counts[:, PT] * distance, np.full(2, deviation), bins=64)

    def unsure(seen: float) -> float:
        posterior = expit((seen - distance / 2) * distance / deviation**2)
        density = 0.5 * (norm.pdf(seen, 0, deviation) + norm.pdf(seen, distance, deviation))
        return posterior * (1 - posterior) * density

    expected = quad(unsure, -10, 13)[0]
    np.testing.assert_allclose(found.mmse, [expected, expected, 0, 0, 0, expected], rtol=2e-4)
    share = norm.cdf(distance / (2 * deviation))
    np.testing.assert_allclose(found.exact_share, [share, share, 1, 1, 1, share, share], rtol=2e-4)
    np.testing.assert_allclose(found.prior_share, [0.5, 0.5, 1, 1, 1, 0.5, 0.5])


def test_many_atoms_and_a_wide_error_are_linear_regression() -> None:
    counts, prior = two_elements(400)
    deviation, step = 12.0, 1.5
    found = bayes.bound(counts, prior, counts[:, PT] * step, np.full(401, deviation))
    variance = 400 / 4
    assert found.variance[PT] == pytest.approx(variance)
    assert found.mmse[PT] == pytest.approx(variance * deviation**2 / (deviation**2 + step**2 * variance), rel=2e-3)
    assert found.skill[PT] == pytest.approx(1 - found.mmse[PT] / variance)


def test_an_infinite_error_leaves_the_prior() -> None:
    counts, prior, intensity = alloy(6)
    found = bayes.bound(counts, prior, intensity, np.full(len(counts), 1e5 * intensity.max()))
    np.testing.assert_allclose(found.mmse, found.variance, rtol=1e-6)
    np.testing.assert_allclose(found.variance, [0.96] * 5 + [1.44], rtol=1e-5)
    np.testing.assert_allclose(found.exact_share, found.prior_share, rtol=1e-4)
    assert found.prior_share[PT] == pytest.approx(binom.pmf(1, 6, 0.2), rel=1e-5)


def test_no_error_and_distinct_intensities_leave_nothing_open() -> None:
    counts, prior, intensity = alloy(4)
    found = bayes.bound(counts, prior, intensity, np.zeros(len(counts)))
    np.testing.assert_allclose(found.mmse, 0, atol=1e-12)
    np.testing.assert_allclose(found.exact_share, 1)


def test_elements_of_one_signal_are_never_told_apart() -> None:
    signal = np.array([10.5, 1.0, 4.0, 1.0, 1.0])
    counts, prior = priors.Prior(EVEN).compositions(3)
    found = bayes.bound(counts, prior, counts @ signal, np.zeros(len(counts)))
    # Pt and Pd are known, and the rest is shared among three: E[rest] / 3 * 2 / 3.
    np.testing.assert_allclose(found.mmse, [0, 0.4, 0, 0.4, 0.4, 0], atol=1e-6)
    assert found.exact_share[NI_CO_FE] == pytest.approx(1)


def test_compositions_without_scatter_keep_their_probability() -> None:
    counts, prior = two_elements(2)
    found = bayes.bound(counts, prior, np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.01, 0.0]))
    np.testing.assert_allclose(found.mmse, 0, atol=1e-9)
    np.testing.assert_allclose(found.exact_share, 1)


def test_finer_bins_only_tell_more_and_soon_no_more() -> None:
    counts, prior, intensity = alloy(8)
    found = [bayes.bound(counts, prior, intensity, 0.01 * intensity, bins=bins) for bins in (2, 4, 8, 16, 32)]
    for coarse, fine in pairwise(found):
        assert (fine.mmse <= coarse.mmse * (1 + 1e-3)).all()
    assert np.abs(found[2].skill - found[4].skill).max() < 5e-4


def test_bound_is_what_monte_carlo_finds() -> None:
    counts, prior, intensity = alloy(6)
    deviation = 0.02 * intensity
    rng = np.random.default_rng(5)
    true = rng.choice(len(prior), p=prior, size=6000)
    seen = intensity[true] + deviation[true] * rng.normal(size=6000)
    posterior = prior * norm.pdf(seen[:, None], intensity, deviation)
    posterior /= posterior.sum(axis=1, keepdims=True)
    atoms = with_sums(counts)[:, :-1]
    error = (posterior @ atoms - atoms[true]) ** 2
    right = posterior.argmax(axis=1) == true

    found = bayes.bound(counts, prior, intensity, deviation)

    standard_error = error.std(axis=0) / np.sqrt(6000)
    assert (np.abs(error.mean(axis=0) - found.mmse) < 4 * standard_error).all()
    assert abs(right.mean() - found.exact_share[-1]) < 4 * right.std() / np.sqrt(6000)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(0.01, {PT: 0.95, PD: 0.42, NI: 0.485, CO: 0.485, FE: 0.485}), (1e-4, {PT: 0.99, PD: 0.94, FE: 0.86, NI: 0.81})],
)
def test_one_image_cannot_tell_fe_co_and_ni_apart(error: float, expected: dict[int, float]) -> None:
    # 20 atoms of the equiatomic alloy, Z^1.7, among columns whose totals alone explain .41 of every element's count.
    counts, prior, intensity = alloy(20)
    found = bayes.bound(counts, prior, intensity, error * intensity)
    among_totals = 1 - (1 - found.skill) * (1 - 0.41)
    for element, r2 in expected.items():
        assert among_totals[element] == pytest.approx(r2, abs=0.02)


def test_impossible_input_is_refused() -> None:
    counts, prior, intensity = alloy(2)
    with pytest.raises(ValueError, match="sum to 1"):
        bayes.bound(counts, prior / 2, intensity, intensity)
    with pytest.raises(ValueError, match="not negative"):
        bayes.bound(counts, prior, intensity, -intensity)
    with pytest.raises(ValueError, match="15 compositions need as many"):
        bayes.bound(counts, prior[1:], intensity, intensity)
