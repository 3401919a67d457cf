from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import at_best
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.yardsticks import FIRST
from heamap.params import load

ROOT = Path(__file__).parents[3]

DOSES = (1e4, 1e5, 4e5)


def params(*, dose: tuple[float, float] = (1e5, 4e5)) -> SimpleNamespace:
    """What the functions read of the parameters."""
    return SimpleNamespace(
        train=SimpleNamespace(effects=SimpleNamespace(dose_per_square_angstrom=dose)),
        bounds=SimpleNamespace(totals=(2, 4)),
    )


def bounds() -> pd.DataFrame:
    """Totals of 2 and 4 at two doses: the variance is .2 atoms squared an atom, the error a quarter or half of it."""
    return pd.DataFrame(
        [
            {
                "dose_per_square_angstrom": dose,
                "total": total,
                "element": element,
                "mean": 0.2 * total,
                "variance": 0.2 * total,
                "mmse": left * 0.2 * total,
                "skill": 1 - left,
                "exact_share": 1 - total / 10,
                "prior_share": 0.1,
                "standard_error": 0.03 * total,
                "exact_share_error": 0.01,
                "converged": total == 2,
            }
            for dose, left in ((1e5, 0.5), (4e5, 0.25))
            for total in (2, 4)
            for element in ("Pt", "Pd")
        ]
    )


def scores(r2: float | None = 0.4) -> dict[str, dict[str, dict[str, dict[str, float | None]]]]:
    """What baseline 1 explains of the test columns, as the report has it."""
    return {target: {FIRST[target]: {"r2": {"value": r2}}} for target in ("Pt", "Pd", "total")}


@pytest.fixture
def tabulated(tmp_path, monkeypatch) -> None:
    path = tmp_path / "table.parquet"
    bounds().to_parquet(path)
    monkeypatch.setattr(at_best, "BOUNDS", path)


@pytest.mark.parametrize(
    ("span", "chosen"),
    [((1e5, 4e5), 1e5), ((3e5, 5e5), 4e5), ((0.0, 1e3), 1e4), ((9e5, 1e6), 4e5)],
    ids=["the nearer", "the middle itself", "below all", "above all"],
)
def test_the_usual_bound_is_at_the_dose_next_to_the_middle(span, chosen) -> None:
    table = pd.DataFrame(
        [{"dose_per_square_angstrom": dose, "element": name} for dose in DOSES for name in ("Pt", "Pd")]
    )
    found = at_best.usual(table, params(dose=span))
    assert found["dose_per_square_angstrom"].tolist() == [chosen, chosen]
    assert found["element"].tolist() == ["Pt", "Pd"]


def test_doses_of_images_and_bound_are_recorded() -> None:
    bound = pd.DataFrame({"dose_per_square_angstrom": [2e5, 2e5], "element": ["Pt", "Pd"]})
    assert at_best.doses(bound, params(dose=(2e5, 2e5))) == {"test_images": [2e5, 2e5], "bound": 2e5}


@pytest.mark.usefixtures("tabulated")
def test_the_pooled_bound_is_that_of_the_test_columns_totals() -> None:
    found = at_best.pooled_bound(pd.DataFrame({"true_total": [2, 2, 2, 4]}), scores(), params())
    assert len(found) == 2 * 2
    pt = found[found["element"] == "Pt"].set_index("dose_per_square_angstrom")
    within = 0.2 * 2.5
    for dose, left in ((1e5, 0.5), (4e5, 0.25)):
        assert pt.loc[dose, "mmse"] == pytest.approx(left * within)
        assert pt.loc[dose, "skill"] == pytest.approx(1 - left)
        assert pt.loc[dose, "r2"] == pytest.approx(1 - left * 0.6)
        assert pt.loc[dose, "exact_share"] == pytest.approx((3 * 0.8 + 0.6) / 4)
        assert pt.loc[dose, "standard_error"] == pytest.approx(np.hypot(3 * 0.06, 0.12) / 4)
    assert not pt["converged"].any()


@pytest.mark.usefixtures("tabulated")
def test_totals_that_do_not_count_need_not_have_converged() -> None:
    assert at_best.pooled_bound(pd.DataFrame({"true_total": [2, 2]}), scores(None), params())["converged"].all()


@pytest.mark.usefixtures("tabulated")
def test_thicker_columns_than_tabulated_name_the_parameter_to_raise() -> None:
    with pytest.raises(InputError, match=r"asked for 3 to 5; raise the last of bounds\.totals \[2, 4\]"):
        at_best.pooled_bound(pd.DataFrame({"true_total": [3, 5]}), scores(), params())


def test_what_can_be_said_without_the_composition_is_the_same_each_time(tmp_path, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    settings = load(ROOT / "params.yaml")
    table = pd.DataFrame(rng.multinomial(np.tile([2, 4], 60), [0.2] * 5), columns=[f"true_{e}" for e in ELEMENTS])
    table["sample"] = np.repeat([3, 5], 60)
    near = {f"near_{e}": 5.0 for e in ELEMENTS}
    library = table.rename(columns=lambda name: name.removeprefix("true_")).assign(**near, slab=np.tile([0, 1, 2], 40))
    library["total"] = library[list(ELEMENTS)].sum(axis=1)
    for repeat in ("first", "second"):
        seen = library[list(ELEMENTS)] @ [3.0, 1.1, 2.0, 1.0, 0.9]
        library[f"{repeat}_square_angstrom"] = 0.01 * seen * (1 + 0.05 * rng.normal(size=120))
    library.to_parquet(tmp_path / "library.parquet")
    monkeypatch.setattr(at_best, "LIBRARY", tmp_path / "library.parquet")
    monkeypatch.setattr(at_best, "PARTICLES", 300)
    monkeypatch.setattr(at_best, "LEAST_PARTICLES", 200)
    found, again = (at_best.untold(table, table, 2e5, settings) for _ in range(2))
    assert found == again
    assert found["particles"] == 300
    assert found["images"] == 2
    assert found["targets"]["Pt"]["skill"] > found["targets"]["Ni"]["skill"]
    # Of more images than a few there are fewer particles, down to a least number.
    monkeypatch.setattr(at_best, "FEW_IMAGES", 1)
    assert at_best.untold(table, table[table["sample"] == 3], 2e5, settings)["particles"] == 300
    assert at_best.untold(table, table, 2e5, settings)["particles"] == 200


def test_a_missing_table_names_the_stage_to_run(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(at_best, "BOUNDS", tmp_path / "absent.parquet")
    with pytest.raises(InputError, match=r"absent\.parquet is missing; run the bounds stage"):
        at_best.pooled_bound(pd.DataFrame({"true_total": [3]}), scores(), params())
