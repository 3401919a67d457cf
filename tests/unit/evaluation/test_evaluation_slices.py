import json

import numpy as np
import pandas as pd
import pytest

from heamap.evaluation import slices
from heamap.evaluation.metrics import r2
from heamap.evaluation.table import with_predictions
from heamap.evaluation.targets import TARGETS, with_sums


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Four images of 30 columns; the predictions err more where the total is larger."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 6, size=(120, 5))
    columns = pd.DataFrame(with_sums(counts), columns=[f"true_{target}" for target in TARGETS])
    columns["sample"] = np.repeat([2, 5, 7, 11], 30)
    columns["edge_distance_angstrom"] = np.tile(np.arange(30) / 2, 4)
    errors = rng.normal(0, 0.02, counts.shape) * counts.sum(axis=1, keepdims=True)
    return with_predictions(columns, counts + errors)


@pytest.fixture(scope="module")
def images() -> pd.DataFrame:
    return pd.DataFrame(
        {"chemistry": ["waves", "motif", "waves", "motif", "columns"], "dose": [3e5, 1e5, 2e5, 4e5, 9e5]},
        index=[2, 5, 7, 11, 12],
    )


def halved(table: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """A yardstick that errs twice as far as the model."""
    return {target: {"twice": (2 * table[f"pred_{target}"] - table[f"true_{target}"]).to_numpy()} for target in TARGETS}


def scored(table: pd.DataFrame, **labels: pd.Categorical) -> dict:
    return slices.score(table, halved(table), labels, resamples=200, rng=np.random.default_rng(1))


def test_distance_from_the_edge_of_a_square() -> None:
    square = [[0, 0], [0, 40], [40, 0], [40, 40], [20, 20]]
    found = slices.edge_distances_angstrom([[0, 0], [0, 12], [20, 20], [35, 20]], square, sampling_angstrom=0.2)
    np.testing.assert_allclose(found, [0, 0, 4, 1], atol=1e-9)


def test_distance_from_the_edge_of_a_triangle_is_measured_across_its_side() -> None:
    found = slices.edge_distances_angstrom([[10, 10]], [[0, 0], [0, 40], [40, 0]], sampling_angstrom=1.0)
    assert found == pytest.approx(10)
    found = slices.edge_distances_angstrom([[15, 15]], [[0, 0], [0, 40], [40, 0]], sampling_angstrom=1.0)
    assert found == pytest.approx(10 / np.sqrt(2))


def test_a_particle_of_one_row_is_all_edge() -> None:
    for particle in ([[3.0, 3.0]], [[0.0, 0.0], [5.0, 5.0], [9.0, 9.0]]):
        np.testing.assert_array_equal(
            slices.edge_distances_angstrom(particle, particle, sampling_angstrom=0.2), np.zeros(len(particle))
        )


def test_bins_hold_their_lower_edge_and_not_their_upper() -> None:
    found = slices.bins([0.9, 1, 5.9, 6, 400], (1, 6, np.inf))
    assert list(found.categories) == ["1 to 6", "6 and more"]
    assert [None if isinstance(name, float) else name for name in found] == [
        None,
        *["1 to 6"] * 2,
        *["6 and more"] * 2,
    ]


def test_thirds_hold_as_many_images_and_say_their_range() -> None:
    found = slices.thirds(pd.Series([6.0, 1.0, 5.0, 2.0, 4.0, 3.0], index=[9, 8, 7, 6, 5, 4]))
    assert found.loc[[8, 6]].tolist() == ["low 1 to 2"] * 2
    assert found.loc[[4, 5]].tolist() == ["middle 3 to 4"] * 2
    assert found.loc[[7, 9]].tolist() == ["high 5 to 6"] * 2


def test_equal_settings_are_not_torn_apart() -> None:
    assert slices.thirds(pd.Series([60.0] * 5)).tolist() == ["low 60 to 60"] * 5
    mixed = slices.thirds(pd.Series([1.0, 1.0, 1.0, 7.0, np.nan]))
    assert mixed.tolist()[:4] == ["low 1 to 1"] * 3 + ["high 7 to 7"]
    assert mixed.isna().tolist() == [False] * 4 + [True]


def test_cuts_follow_the_columns_and_the_images(table: pd.DataFrame, images: pd.DataFrame) -> None:
    found = slices.cuts(table, images)
    assert list(found) == ["total", "edge_distance_angstrom", "chemistry", "dose"]
    assert found["chemistry"].tolist() == ["waves"] * 30 + ["motif"] * 30 + ["waves"] * 30 + ["motif"] * 30
    # The image of 9e5 is not in the table, so it does not shift the thirds.
    assert [str(name) for name in found["dose"][::30]] == [
        "middle 3e+05 to 3e+05",
        "low 1e+05 to 2e+05",
        "low 1e+05 to 2e+05",
        "high 4e+05 to 4e+05",
    ]
    total = table["true_total"].to_numpy()
    np.testing.assert_array_equal(found["total"] == "11 to 16", (total >= 11) & (total < 16))
    np.testing.assert_array_equal(found["edge_distance_angstrom"] == "0 to 1.2", table["edge_distance_angstrom"] < 1.2)


def test_an_image_of_which_nothing_is_known_is_refused(table: pd.DataFrame, images: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"\[5, 11\]"):
        slices.cuts(table, images.drop(index=[5, 11]))


def test_slices_hold_the_scores_of_their_own_columns(table: pd.DataFrame) -> None:
    found = scored(table, total=slices.bins(table["true_total"], slices.TOTAL_EDGES))["total"]
    low = table[(table["true_total"] >= 6) & (table["true_total"] < 11)]
    part = found["6 to 11"]
    assert (part["columns"], part["images"]) == (len(low), low["sample"].nunique())
    assert part["targets"]["Pt"]["r2"]["value"] == pytest.approx(r2(low["true_Pt"], low["pred_Pt"]))
    assert part["targets"]["total"]["mae"]["value"] == pytest.approx(
        (low["pred_total"] - low["true_total"]).abs().mean()
    )
    assert part["targets"]["Pt"]["mae"]["value"] < found["16 to 21"]["targets"]["Pt"]["mae"]["value"]
    assert sum(part["columns"] for part in found.values()) == (table["true_total"] > 0).sum()


def test_half_the_error_is_a_skill_of_three_quarters_in_every_slice(table: pd.DataFrame, images: pd.DataFrame) -> None:
    found = slices.score(table, halved(table), slices.cuts(table, images), resamples=50, rng=np.random.default_rng(2))
    skills = [
        measured["skill"]["twice"]
        for parts in found.values()
        for part in parts.values()
        for measured in part["targets"].values()
        if part["images"] > 1
    ]
    assert len(skills) > 70
    for skill in skills:
        assert skill == pytest.approx({"value": 0.75, "low": 0.75, "high": 0.75})


def test_one_image_has_scores_but_no_interval(table: pd.DataFrame) -> None:
    label = pd.Categorical(np.where(table["sample"] == 7, "alone", "others"))
    found = scored(table, setting=label)["setting"]
    alone = found["alone"]["targets"]["Pt"]
    assert alone["r2"]["value"] > 0
    assert (alone["r2"]["low"], alone["mae"]["high"], alone["skill"]["twice"]["low"]) == (None, None, None)
    others = found["others"]["targets"]["Pt"]["mae"]
    assert others["low"] < others["value"] < others["high"]


def test_error_shares_are_those_of_the_slice(table: pd.DataFrame) -> None:
    # Image 7 is off by two atoms of Fe, the others are right.
    told = table.assign(**{f"pred_{target}": table[f"true_{target}"] for target in TARGETS})
    told.loc[told["sample"] == 7, ["pred_Fe", "pred_NiCoFe", "pred_total"]] += 2.0
    label = pd.Categorical(np.where(told["sample"] < 6, "right", "mixed"))
    found = scored(told, setting=label)["setting"]
    assert found["right"]["targets"]["Fe"]["error_shares"]["0"] == {"value": 1, "low": 1, "high": 1}
    for target in ("Fe", "NiCoFe", "total"):
        # A resample of two images is one of them alone in a quarter of the draws.
        assert found["mixed"]["targets"][target]["error_shares"]["2"] == {"value": 0.5, "low": 0, "high": 1}
    assert found["mixed"]["targets"]["Pt"]["error_shares"]["0"]["low"] == 1
    rows = slices.as_table({"setting": found}).set_index(["slice", "target"])
    assert rows.loc[("mixed", "Fe"), ["share_2", "share_2_low", "share_2_high"]].tolist() == [0.5, 0, 1]


def test_empty_slices_are_left_out_and_what_is_undefined_is_null(table: pd.DataFrame) -> None:
    constant = table.assign(true_Pd=2.0)
    label = pd.Categorical(["some"] * 100 + [None] * 20, categories=["some", "none"])
    found = scored(constant, setting=label)
    assert list(found["setting"]) == ["some"]
    assert found["setting"]["some"]["columns"] == 100
    assert found["setting"]["some"]["targets"]["Pd"]["r2"] == {"value": None, "low": None, "high": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_table_repeats_the_scores(table: pd.DataFrame) -> None:
    found = scored(table, total=slices.bins(table["true_total"], slices.TOTAL_EDGES))
    rows = slices.as_table(found).set_index(["cut", "slice", "target"])
    assert len(rows) == len(found["total"]) * len(TARGETS)
    row, part = rows.loc[("total", "11 to 16", "Fe")], found["total"]["11 to 16"]
    assert row["columns"] == part["columns"]
    assert row["r2_low"] == part["targets"]["Fe"]["r2"]["low"]
    assert row["skill_twice"] == part["targets"]["Fe"]["skill"]["twice"]["value"]


def test_the_same_generator_gives_the_same_intervals(table: pd.DataFrame) -> None:
    label = slices.bins(table["true_total"], slices.TOTAL_EDGES)
    assert scored(table, total=label) == scored(table, total=label)
