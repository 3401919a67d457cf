import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.paper import comparison
from heamap.paper.micrograph_figure import micrograph_figure
from heamap.paper.sources import Sources


def entry(table: pd.DataFrame, quantity: str, element: str) -> pd.Series:
    (row,) = table[(table["quantity"] == quantity) & (table["element"] == element)].iloc
    return row


def test_a_model_that_is_right_scores_one_beside_the_papers_number(finished):
    table = comparison.of_predictions(Sources(finished))
    assert list(table.columns) == list(comparison.FIELDS)
    for symbol, paper in {"Pt": "0.82", "Pd": "0.8", "Fe": "> 0.7"}.items():
        row = entry(table, comparison.R2, symbol)
        assert (row["figure"], row["paper"]) == ("6", paper)
        assert (row["ours"], row["low"], row["high"]) == (1, 1, 1)
        assert entry(table, comparison.R2_CODE, symbol)["ours"] == 1
    right = entry(table, "share of columns off by 0", "Pt")
    assert (right["paper"], right["ours"]) == ("0.5", 1)
    assert entry(table, "share of columns off by more than 3", "Pt")["paper"] == ""


def test_thickness_alone_scores_less_than_the_truth(finished):
    table = comparison.of_predictions(Sources(finished))
    scores = [entry(table, comparison.R2_THICKNESS, symbol)["ours"] for symbol in ELEMENTS]
    assert max(scores) < 0.9


def test_a_wrong_model_scores_what_its_errors_say(clone):
    path = clone / "data/evaluation/predictions.parquet"
    table = pd.read_parquet(path)
    table.assign(pred_Pt=table["true_Pt"] + 1.0).to_parquet(path)
    found = comparison.of_predictions(Sources(clone))
    truth = table["true_Pt"].to_numpy(np.float64)
    assert entry(found, comparison.R2, "Pt")["ours"] == pytest.approx(1 - 1 / truth.var())
    assert entry(found, "share of columns off by 1", "Pt")["ours"] == 1


def test_the_setting_is_that_of_the_line(finished):
    table = comparison.of_setting(Sources(finished)).set_index("quantity")
    assert table["ours"].to_dict() == {
        "training images": 4,
        "test images": 2,
        "epochs": 3,
        "smallest particle (nm)": 1.0,
        "largest particle (nm)": 1.4,
        "field of view (nm)": pytest.approx(1.28),
    }
    assert table.at["training images", "paper"] == "8000"


def test_micrographs_stand_beside_the_papers_and_their_truth(finished):
    table = comparison.of_micrographs(Sources(finished))
    pt = entry(table, f"{comparison.MEAN_FRACTION}: particle", "Pt")
    assert (pt["ours"], pt["paper"]) == (0.25, "0.23 (Fig. 7), 0.27 (Fig. 8)")
    assert entry(table, f"{comparison.TRUE_FRACTION}: particle", "Pt")["ours"] == pytest.approx((0.5 + 0.25) / 2)
    assert entry(table, f"{comparison.LARGEST_FRACTION}: particle", "Pt")["ours"] == 0.5


def test_a_micrograph_without_truth_has_no_true_rows(clone):
    (clone / "examples/truth/particle.csv").unlink()
    table = comparison.of_micrographs(Sources(clone))
    assert not table["quantity"].str.startswith(comparison.TRUE_FRACTION).any()


def test_a_micrograph_in_which_no_column_was_found_has_no_fractions(clone):
    path = clone / "data/scores/particle/columns.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    sources = Sources(clone)
    table = comparison.of_micrographs(sources)
    assert np.isnan(entry(table, f"{comparison.MEAN_FRACTION}: particle", "Pt")["ours"])
    assert entry(table, f"{comparison.TRUE_FRACTION}: particle", "Pt")["ours"] == pytest.approx((0.5 + 0.25) / 2)
    assert len(micrograph_figure(sources.micrographs[0]).axes) == 2


def test_a_batch_without_a_scored_micrograph_is_refused(clone):
    (clone / "data/scores/particle/columns.csv").unlink()
    with pytest.raises(InputError, match="no scored micrograph"):
        comparison.of_micrographs(Sources(clone))


def test_a_table_without_its_columns_is_refused_with_the_stage(clone):
    path = clone / "data/evaluation/predictions.parquet"
    pd.read_parquet(path).drop(columns="pred_Ni").to_parquet(path)
    with pytest.raises(
        InputError, match=r"lacks the columns \['pred_Ni'\]; run: dvc repro --force --single-item evaluate"
    ):
        comparison.of_predictions(Sources(clone))


def test_a_broken_table_is_refused_in_one_line(clone):
    path = clone / "data/evaluation/predictions.parquet"
    path.write_bytes(b"no table")
    with pytest.raises(InputError, match="not a readable table") as caught:
        comparison.of_predictions(Sources(clone))
    assert "\n" not in str(caught.value)


def test_errors_beyond_table_2_are_a_programmers_mistake():
    with pytest.raises(ValueError, match="must be one of"):
        comparison.share_name("4")
