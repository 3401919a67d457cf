import numpy as np
import pytest

from heamap.evaluation import priors

EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)


def test_compositions_are_all_ways_to_share_atoms_out() -> None:
    np.testing.assert_array_equal(priors.compositions(2, 2), [[0, 2], [1, 1], [2, 0]])
    np.testing.assert_array_equal(priors.compositions(0, 3), [[0, 0, 0]])
    np.testing.assert_array_equal(priors.compositions(4, 1), [[4]])


def test_thirty_atoms_of_five_elements_have_46376_compositions() -> None:
    found = priors.compositions(30)
    assert len(found) == 46376
    assert len(np.unique(found, axis=0)) == 46376
    assert (found.min(), set(found.sum(axis=1))) == (0, {30})


def test_multinomial_has_the_binomials_of_its_elements() -> None:
    shares = np.array([0.5, 0.1, 0.1, 0.1, 0.2])
    counts = priors.compositions(6)
    probability = priors.multinomial(counts, shares)
    assert probability.sum() == pytest.approx(1)
    np.testing.assert_allclose(probability @ counts, 6 * shares)
    np.testing.assert_allclose(probability @ (counts - 6 * shares) ** 2, 6 * shares * (1 - shares))
    assert probability[(counts == [3, 0, 1, 0, 2]).all(axis=1)][0] == pytest.approx(60 * 0.5**3 * 0.1 * 0.2**2)


@pytest.mark.parametrize("concentration", [np.inf, 3.0])
def test_an_absent_element_is_in_no_column(concentration: float) -> None:
    counts = priors.compositions(4)
    probability = priors.dirichlet_multinomial(counts, [0.5, 0.0, 0.5, 0.0, 0.0], concentration)
    assert probability.sum() == pytest.approx(1)
    assert probability[counts[:, 1] > 0].max() == 0


def test_two_even_elements_of_concentration_two_are_uniform() -> None:
    # The beta-binomial with both parameters 1.
    np.testing.assert_allclose(priors.dirichlet_multinomial(priors.compositions(9, 2), [0.5, 0.5], 2.0), 0.1)


def test_aggregation_widens_every_count() -> None:
    counts, shares = priors.compositions(8), np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    probability = priors.dirichlet_multinomial(counts, shares, 5.0)
    np.testing.assert_allclose(probability @ counts, 8 * shares)
    variance = probability @ (counts - 8 * shares) ** 2
    np.testing.assert_allclose(variance, 8 * shares * (1 - shares) * (8 + 5) / (1 + 5))


def test_a_high_concentration_is_the_multinomial() -> None:
    counts = priors.compositions(5)
    near = priors.dirichlet_multinomial(counts, EVEN, 1e7)
    np.testing.assert_allclose(near, priors.multinomial(counts, EVEN), rtol=1e-5)


def test_a_prior_leaves_out_only_what_is_rare() -> None:
    counts, probability = priors.Prior(EVEN).compositions(12, rarer=0.01)
    kept = priors.multinomial(counts, EVEN)
    # One more left out would be too many.
    assert kept.sum() - kept.min() < 0.99 < kept.sum()
    np.testing.assert_allclose(probability, kept / kept.sum())


@pytest.mark.parametrize(
    ("shares", "concentration", "said"),
    [
        ((0.5, 0.5, 0.5, 0.0, 0.0), np.inf, "sum to 1"),
        ((1.5, -0.5, 0.0, 0.0, 0.0), np.inf, "0 or more"),
        ((0.5, 0.5), np.inf, r"\(2,\)"),
        (EVEN, 0.0, "concentration must be positive, got 0.0"),
    ],
)
def test_impossible_priors_are_refused(shares: tuple[float, ...], concentration: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        priors.Prior(shares, concentration)


def test_a_negative_total_is_refused() -> None:
    with pytest.raises(ValueError, match="got -1 and 5"):
        priors.compositions(-1)


def drawn_columns(concentration: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Forty images of 200 columns of 2 to 14 atoms, each image of its own composition."""
    images, counts = [], []
    for image in range(40):
        composition = rng.dirichlet(np.full(5, 8.0))
        shares = rng.dirichlet(concentration * composition, size=200) if np.isfinite(concentration) else composition
        counts.append(rng.multinomial(rng.integers(2, 15, 200), shares))
        images.append(np.full(200, image))
    return np.concatenate(images), np.concatenate(counts)


@pytest.mark.parametrize("concentration", [3.0, 12.0])
def test_the_concentration_of_aggregated_columns_is_found(concentration: float) -> None:
    images, counts = drawn_columns(concentration, np.random.default_rng(0))
    found = priors.fit_prior(images, counts)
    assert found.concentration == pytest.approx(concentration, rel=0.1)
    np.testing.assert_allclose(found.composition, counts.sum(axis=0) / counts.sum())


def test_columns_by_chance_are_not_aggregated() -> None:
    found = priors.fit_prior(*drawn_columns(np.inf, np.random.default_rng(1)))
    assert found.concentration > 200


def test_columns_of_one_atom_tell_nothing_of_aggregation() -> None:
    assert np.isinf(priors.fit_prior(np.zeros(2), np.eye(5)[:2]).concentration)


def test_a_prior_needs_atoms() -> None:
    with pytest.raises(ValueError, match="2 columns hold no atoms"):
        priors.fit_prior(np.zeros(2), np.zeros((2, 5)))
