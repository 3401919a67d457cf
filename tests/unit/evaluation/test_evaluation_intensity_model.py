import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation import intensity_model
from heamap.evaluation.priors import Prior

EVEN = Prior((0.2, 0.2, 0.2, 0.2, 0.2))
WEIGHTS = np.array([0.014, 0.0042, 0.008, 0.004, 0.0037])


def library(
    total: int = 8,
    *,
    columns: int = 3000,
    depths: np.ndarray | None = None,
    noise: float = 0.0,
    rest: float = 0.0,
    neighbour: float = 0.0,
    seed: int = 1,
) -> pd.DataFrame:
    """Columns whose atoms shine with their weight times a factor of their depth; the engine errs by ``noise``."""
    rng = np.random.default_rng(seed)
    factors = np.ones(total) if depths is None else depths
    order = rng.integers(0, 5, size=(columns, total))
    counts = (order[:, :, None] == np.arange(5)).sum(axis=1)
    near = rng.multinomial(6 * total, [0.2] * 5, size=columns)
    truth = WEIGHTS[order] @ factors + neighbour * (near @ WEIGHTS - 6 * total * WEIGHTS.mean())
    truth *= 1 + rest * rng.normal(size=columns)
    table = pd.DataFrame(counts, columns=list(ELEMENTS)).assign(total=total, slab=np.arange(columns) % 4)
    table[[f"near_{symbol}" for symbol in ELEMENTS]] = near
    for repeat in ("first", "second"):
        table[f"{repeat}_square_angstrom"] = truth * (1 + noise * rng.normal(size=columns))
    return table


def test_weights_are_what_one_atom_more_adds() -> None:
    model = intensity_model.fit(library())
    np.testing.assert_allclose(model.weights_square_angstrom, WEIGHTS, rtol=1e-9)
    assert (model.curvature, model.neighbour) == pytest.approx((0, 0), abs=1e-9)
    np.testing.assert_allclose(model.mean([[8, 0, 0, 0, 0], [1, 2, 2, 2, 1]]), [0.112, 0.0501], rtol=1e-9)
    assert (model.total, model.columns) == (8, 3000)


def test_order_of_atoms_scatters_as_permutations_do() -> None:
    depths = np.linspace(0.5, 1.5, 8)
    model = intensity_model.fit(library(depths=depths, noise=0.03))
    # Variance of sum w_i g_i over all orders: sum (w - mean)^2 sum (g - mean)^2 / (total - 1).
    expected = 8 / 7 * ((depths - 1) ** 2).sum()
    assert model.order == pytest.approx(expected, rel=0.1)
    assert model.floor < 2e-4
    assert model.engine_error == pytest.approx(0.03, rel=0.1)
    pure, mixed = model.variance([[8, 0, 0, 0, 0], [4, 4, 0, 0, 0]])
    assert mixed == pytest.approx(expected * (0.0098 / 2) ** 2, rel=0.1)
    assert pure < 0.2 * mixed


def test_engine_error_is_no_scatter() -> None:
    model = intensity_model.fit(library(noise=0.05))
    assert model.engine_error == pytest.approx(0.05, rel=0.1)
    assert intensity_model.relative_scatter(model, EVEN) < 0.01


def test_scatter_of_pure_columns_is_the_floor() -> None:
    model = intensity_model.fit(library(rest=0.04, noise=0.02))
    assert intensity_model.relative_scatter(model, EVEN) == pytest.approx(0.04, rel=0.1)
    assert np.sqrt(model.floor) == pytest.approx(0.04, rel=0.15)


def test_what_the_neighbours_add_is_known_and_no_scatter() -> None:
    model = intensity_model.fit(library(neighbour=0.05))
    assert model.neighbour == pytest.approx(0.05, rel=1e-6)
    assert intensity_model.relative_scatter(model, EVEN) < 1e-6


def test_a_bright_column_that_falls_behind_bends_the_mean() -> None:
    table = library()
    weight = table[list(ELEMENTS)].to_numpy() @ WEIGHTS
    bent = weight - 0.3 * (weight - weight.mean()) ** 2 / weight.mean()
    table["first_square_angstrom"] = table["second_square_angstrom"] = bent
    model = intensity_model.fit(table)
    assert model.curvature == pytest.approx(-0.3, rel=1e-3)
    np.testing.assert_allclose(model.mean(table[list(ELEMENTS)]), bent, rtol=1e-4)


def test_weight_variance_is_that_of_the_atoms() -> None:
    found = intensity_model.weight_variance(np.array([[2.0, 1.0, 0, 0, 0], [0, 0, 0, 3.0, 0]]), WEIGHTS)
    np.testing.assert_allclose(found, [np.var([0.014, 0.014, 0.0042]), 0], atol=1e-18)


def test_single_atoms_have_no_order() -> None:
    model = intensity_model.fit(library(1, noise=0.01))
    np.testing.assert_allclose(model.mean(np.eye(5)), WEIGHTS, rtol=0.005)
    assert intensity_model.relative_scatter(model, EVEN) < 0.005


def test_summary_has_a_row_per_total_and_an_error_from_the_columns() -> None:
    depths = np.linspace(0.5, 1.5, 8)
    many, few = (library(columns=count, depths=depths, noise=0.02) for count in (3200, 200))
    rng = np.random.default_rng(0)
    table = intensity_model.summarize(pd.concat([many, library(2, noise=0.02)]), EVEN, rng=rng).set_index("total")
    assert table.index.tolist() == [2, 8]
    assert table.loc[8, "weight_Pt"] == pytest.approx(0.014, rel=0.05)
    assert table.loc[8, "cross_section_square_angstrom"] == pytest.approx(8 * WEIGHTS.mean(), rel=0.01)
    # Variance of the weights among 8 atoms drawn one by one is 7 / 8 of the alloy's.
    expected = np.sqrt(((depths - 1) ** 2).sum() * WEIGHTS.var()) / (8 * WEIGHTS.mean())
    off = table.loc[8, "relative_scatter"] - expected
    assert abs(off) < 4 * table.loc[8, "standard_error"]
    wide = intensity_model.summarize(few, EVEN, rng=rng)["standard_error"][0]
    assert 2 < wide / table.loc[8, "standard_error"] < 8


def test_one_slab_or_two_totals_are_refused() -> None:
    with pytest.raises(ValueError, match="two slabs"):
        intensity_model.fit(library(columns=40).assign(slab=0))
    with pytest.raises(ValueError, match="one total"):
        intensity_model.fit(pd.concat([library(2, columns=40), library(3, columns=40)]))
