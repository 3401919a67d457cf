import numpy as np
import pandas as pd
import pytest

from heamap.evaluation import counting
from heamap.evaluation.baselines import Line
from heamap.evaluation.mixture import Mixture
from heamap.evaluation.targets import TARGETS, with_sums


def table(totals: np.ndarray, *, images: int = 2, noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Columns of 40 % Pt and 60 % Fe whose cell reads 2 an atom and 1, and whose Gaussian reads 5 an atom."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((len(totals), 5))
    counts[:, 0], counts[:, 4] = 0.4 * totals, 0.6 * totals
    columns = pd.DataFrame(with_sums(counts), columns=[f"true_{target}" for target in TARGETS])
    columns["sample"] = np.arange(len(totals)) % images
    columns["integrated_intensity"] = 2.0 * totals + 1.0 + noise * rng.standard_normal(len(totals))
    columns["gaussian_volume"] = 5.0 * totals + noise * rng.standard_normal(len(totals))
    return columns


def test_offset_numbers_thicknesses_one_by_one() -> None:
    fitted = Mixture(np.array([2.0, 3.1, 9.0]), np.full(3, 1 / 3), 0.1, 0.0)
    np.testing.assert_array_equal(counting.by_offset(4)(fitted), [4, 5, 6])


def test_line_numbers_each_thickness_by_its_mean_and_leaves_out_none() -> None:
    fitted = Mixture(np.array([-3.0, 3.1, 9.0]), np.full(3, 1 / 3), 0.1, 0.0)
    np.testing.assert_array_equal(counting.by_line(Line(2.0, 1.0, 1.0))(fitted), [1, 7, 19])


@pytest.mark.parametrize("means", ["free", "equidistant"])
def test_every_image_is_counted_by_its_own_mixture(means: counting.mixture.Means) -> None:
    # The second microscope sees twice as much of every atom: one mixture of both would be wrong.
    rng = np.random.default_rng(1)
    totals = np.concatenate([rng.permutation(np.repeat(np.arange(3, 8), 20)) for _ in range(2)])
    images = np.repeat([9, 4], 100)
    intensity = np.repeat([1.0, 2.0], 100) * (totals + 0.05 * rng.standard_normal(200))
    found = counting.mixture_totals(images, intensity, counting.by_offset(3), means=means)
    np.testing.assert_array_equal(found, totals)


def test_calibrated_lines_count_exact_intensities_exactly() -> None:
    test = table(np.array([3.0, 5.0, 9.0, 14.0]))
    found = counting.estimates(table(np.arange(1.0, 12.0)), test)
    for name in ("line_cell", "line_gaussian"):
        np.testing.assert_allclose(found[name][:, TARGETS.index("total")], [3, 5, 9, 14])
        np.testing.assert_allclose(found[name][:, TARGETS.index("Pt")], 0.4 * np.array([3, 5, 9, 14]))
        np.testing.assert_allclose(found[name][:, TARGETS.index("NiCoFe")], 0.6 * np.array([3, 5, 9, 14]))


def test_the_contract_s_line_is_the_one_through_voronoi_cells() -> None:
    found = counting.contract_line(table(np.arange(1.0, 12.0)))
    # Cells read 2 an atom and 1 more.
    assert (found["slope"], found["intercept"]) == pytest.approx((0.5, -0.5))
    assert found["columns"] == 11


def test_mixtures_count_whole_atoms_where_noise_moves_the_line() -> None:
    totals = np.repeat([4.0, 5.0, 6.0, 7.0], 50)
    found = counting.estimates(table(totals, noise=0.3, seed=2), table(totals, noise=0.3, seed=3))
    column = TARGETS.index("total")
    np.testing.assert_allclose(found["mixture_gaussian"][:, column], totals)
    assert np.abs(found["line_gaussian"][:, column] - totals).max() > 0.05


def test_elements_are_the_counted_total_times_the_composition_of_the_image() -> None:
    # All training columns are 40 % Pt and 60 % Fe; the second image holds Ni and Pd alone, three to one.
    test = table(np.array([3.0, 4.0, 9.0, 12.0]))
    counts = np.zeros((4, 5))
    counts[[0, 2], 0], counts[[0, 2], 4] = [2.0, 4.0], [1.0, 5.0]
    counts[[1, 3], 1], counts[[1, 3], 2] = [4.0, 8.0], [0.0, 4.0]
    test[[f"true_{target}" for target in TARGETS]] = with_sums(counts)
    found = counting.estimates(table(np.arange(1.0, 14.0)), test)
    for name in ("line_cell", "line_gaussian"):
        by_target = dict(zip(TARGETS, found[name].T, strict=True))
        np.testing.assert_allclose(by_target["Pt"], [1.5, 0, 4.5, 0], atol=1e-12)
        np.testing.assert_allclose(by_target["Fe"], [1.5, 0, 4.5, 0], atol=1e-12)
        np.testing.assert_allclose(by_target["Ni"], [0, 3, 0, 9], atol=1e-12)
        np.testing.assert_allclose(by_target["Pd"], [0, 1, 0, 3], atol=1e-12)
        np.testing.assert_allclose(by_target["total"], [3, 4, 9, 12])


def test_estimates_know_nothing_of_the_test_columns_truth_but_the_composition_of_the_image() -> None:
    training, test = table(np.arange(1.0, 30.0), noise=0.5), table(np.arange(5.0, 25.0), noise=0.5)
    truth = [f"true_{target}" for target in TARGETS]
    # Every image keeps its composition: its columns change places, and there are twice as many atoms of each element.
    exchanged = test.copy()
    for image in (0, 1):
        own = test["sample"] == image
        exchanged.loc[own, truth] = 2 * test.loc[own, truth].to_numpy()[::-1]
    found, again = counting.estimates(training, test), counting.estimates(training, exchanged)
    for name in found:
        np.testing.assert_allclose(found[name], again[name], rtol=1e-12)


def test_every_estimate_says_what_it_knows() -> None:
    assert set(counting.estimates(table(np.arange(9.0)), table(np.arange(9.0)))) == set(counting.DESCRIPTIONS)
