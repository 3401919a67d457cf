import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation import bounds
from heamap.evaluation.bound_pool import pool
from heamap.evaluation.bounds import Measurement
from heamap.evaluation.intensity_model import IntensityModel, fit
from heamap.evaluation.priors import Prior

EVEN = Prior((0.2, 0.2, 0.2, 0.2, 0.2))
WEIGHTS = np.array([0.014, 0.0042, 0.008, 0.004, 0.0037])
INFINITE = Measurement(np.inf)
TYPICAL = (Measurement(1e5),)


def model(order: float = 0.0, weights: np.ndarray = WEIGHTS, total: int = 4) -> IntensityModel:
    return IntensityModel(total, weights, total * float(weights.mean()), 0.0, 0.0, order, 0.0, 0.01, 100)


def library(total: int, *, columns: int = 400, slope: float = 0.5, seed: int = 1) -> pd.DataFrame:
    """Columns whose atoms shine with their weight times a factor that rises with depth, simulated with 2 % error."""
    rng = np.random.default_rng([seed, total])
    order = rng.integers(0, 5, size=(columns, total))
    truth = WEIGHTS[order] @ np.linspace(1 - slope, 1 + slope, total)
    counts = (order[:, :, None] == np.arange(5)).sum(axis=1)
    table = pd.DataFrame(counts, columns=list(ELEMENTS)).assign(total=total, slab=np.arange(columns) % 4)
    table[[f"near_{symbol}" for symbol in ELEMENTS]] = rng.multinomial(6 * total, [0.2] * 5, size=columns)
    for repeat in ("first", "second"):
        table[f"{repeat}_square_angstrom"] = truth * (1 + 0.02 * rng.normal(size=columns))
    return table


def tabulated(*totals: int, measurements=TYPICAL, resamples: int = 6, **changes) -> pd.DataFrame:
    parts = pd.concat([library(total, **changes) for total in totals], ignore_index=True)
    return bounds.tabulate(parts, measurements, EVEN, resamples=resamples, rng=np.random.default_rng(0))


def row(table: pd.DataFrame, element: str, **place) -> pd.Series:
    chosen = table[table["element"] == element]
    for name, value in place.items():
        chosen = chosen[chosen[name] == value]
    return chosen.squeeze()


def test_dose_times_cross_section_is_counts() -> None:
    counts = 4e5 * 0.08
    assert Measurement(4e5).variance(np.array([0.08]))[0] == pytest.approx(0.08**2 / counts)


def test_background_adds_its_counts_over_the_cell() -> None:
    found = Measurement(1e5, background_fraction=0.005).variance(np.array([0.08]))[0]
    assert found == pytest.approx((0.08 + 0.005 * np.pi * 1.13**2) / 1e5)


def test_other_errors_add_in_square() -> None:
    found = Measurement(1e5, relative_error=0.02).variance(np.array([0.08]))[0]
    assert found == pytest.approx(0.08 / 1e5 + 0.0016**2)


def test_two_gaussian_species_have_the_error_of_linear_regression() -> None:
    # Pt and Ni alone, so alike and measured so badly that single atoms are not resolved.
    pair = Prior((0.5, 0.5, 0.0, 0.0, 0.0))
    weights = np.array([1.02, 1.0, 1.0, 1.0, 1.0])
    found = bounds.column_bound(model(0.0, weights, 16), Measurement(np.inf, relative_error=0.01), pair, rarer=1e-12)
    variance, noise = 16 / 4, (0.01 * 16.16) ** 2
    assert found.mmse[0] == pytest.approx(variance * noise / (noise + 0.02**2 * variance), rel=0.01)


def test_without_order_and_noise_nothing_is_left_open() -> None:
    found = bounds.column_bound(model(), INFINITE, EVEN)
    np.testing.assert_allclose(found.mmse, 0, atol=1e-9)


def test_more_dose_and_less_order_tell_more() -> None:
    doses = [bounds.column_bound(model(0.5), Measurement(dose), EVEN).mmse for dose in (1e3, 1e4, 1e5, np.inf)]
    assert (np.diff(doses, axis=0) < 0).all()
    orders = [bounds.column_bound(model(order), Measurement(1e5), EVEN).mmse for order in (4.0, 1.0, 0.25)]
    assert (np.diff(orders, axis=0) < 0).all()


def test_aggregated_columns_are_told_apart_more_easily() -> None:
    even, aggregated = (
        bounds.column_bound(model(1.0, total=8), Measurement(1e5), prior)
        for prior in (EVEN, Prior(EVEN.composition, 5))
    )
    assert aggregated.variance[0] == pytest.approx(8 * 0.16 * (8 + 5) / (1 + 5), rel=1e-4)
    assert (aggregated.skill > even.skill).all()


def test_table_holds_the_bound_of_each_total_and_dose() -> None:
    measurements = [Measurement(1e4), Measurement(4e5)]
    table = tabulated(2, 5, measurements=measurements)
    assert len(table) == 2 * 2 * 7
    expected = bounds.column_bound(fit(library(5)), measurements[1], EVEN)
    found = table[(table["total"] == 5) & (table["dose_per_square_angstrom"] == 4e5)].set_index("element")
    np.testing.assert_allclose(found["mmse"].iloc[:6], expected.mmse)
    np.testing.assert_allclose(found["skill"].iloc[:6], 1 - expected.mmse / expected.variance)
    np.testing.assert_allclose(found["r2"], found["skill"])
    np.testing.assert_allclose(found["exact_share"], expected.exact_share)
    assert found.loc["NiCoFe", ["mean", "variance"]].tolist() == pytest.approx([3, 5 * 0.6 * 0.4], rel=1e-4)
    assert np.isnan(found.loc["composition", "mmse"])
    assert (found["exact_share"] >= found["prior_share"]).all()


def test_standard_error_is_the_spread_of_libraries() -> None:
    fits = [fit(library(5, seed=seed)) for seed in range(120)]
    spread = np.std([bounds.column_bound(one, TYPICAL[0], EVEN, bins=4).mmse[0] for one in fits])
    errors = [row(tabulated(5, seed=seed), "Pt")["standard_error"] for seed in range(20)]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.25)


def test_large_libraries_converge_and_small_ones_do_not() -> None:
    large, small = (row(tabulated(6, columns=count), "Pt") for count in (8000, 24))
    assert large["converged"]
    assert large["grid_change"] < 1e-3
    assert not small["converged"]
    assert small["sample_change"] > 0.02


def test_pool_of_one_total_is_its_row() -> None:
    table = tabulated(3, 5)
    pooled = pool(table, [5, 5, 5], dict.fromkeys(table["element"], 1.0))
    for name in ("mmse", "r2", "skill", "exact_share", "standard_error"):
        np.testing.assert_allclose(pooled[name], table[table["total"] == 5][name])


def test_bound_is_above_a_baseline_that_it_beats() -> None:
    # Images of very different composition: their mean explains nearly all, and the bound knows it.
    pooled = pool(tabulated(2, 4), [2, 4], {"Ni": 0.1, "Fe": np.nan})
    found = row(pooled, "Ni")
    assert 0 < found["skill"] < 0.5
    assert found["r2"] > 0.9
    assert np.isnan(row(pooled, "Fe")["r2"])
    assert np.isnan(row(pooled, "Pt")["r2"])


def test_pool_counts_what_total_and_composition_explain() -> None:
    table = tabulated(2, 4)
    pooled = row(pool(table, [2, 2, 3, 4], {"Pd": 0.6}), "Pd")
    at_two, at_four = row(table, "Pd", total=2), row(table, "Pd", total=4)
    mmse = (2.5 * at_two["mmse"] + 1.5 * at_four["mmse"]) / 4
    within = 0.16 * 2.75
    assert pooled["mmse"] == pytest.approx(mmse)
    assert pooled["skill"] == pytest.approx(1 - mmse / within, rel=1e-4)
    assert pooled["r2"] == pytest.approx(1 - 0.6 * mmse / within, rel=1e-4)
    spread = np.hypot(2.5 * at_two["standard_error"], 1.5 * at_four["standard_error"]) / 4
    assert pooled["standard_error"] == pytest.approx(spread)


@pytest.mark.parametrize(("totals", "said"), [([1, 3], "1 to 3"), ([5], "5 to 5"), ([], "none")])
def test_totals_beyond_the_table_are_refused(totals: list[int], said: str) -> None:
    table = tabulated(2, 4, resamples=2, columns=100)
    with pytest.raises(ValueError, match=f"from 2 to 4, asked for {said}"):
        pool(table, totals, {})


def test_impossible_measurements_are_refused() -> None:
    with pytest.raises(ValueError, match="dose must be positive, got 0"):
        Measurement(0.0)
    with pytest.raises(ValueError, match=r"got -0\.1 and 0\.0"):
        Measurement(1e5, background_fraction=-0.1)
    with pytest.raises(ValueError, match="tells measurements apart"):
        bounds.tabulate(library(2), [TYPICAL[0], Measurement(1e5, 0.005)], EVEN, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="got 1"):
        bounds.tabulate(library(2), [INFINITE], EVEN, resamples=1, rng=np.random.default_rng(0))
