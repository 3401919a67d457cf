import math

import pandas as pd
import pytest

from heamap.cli import main
from heamap.errors import InputError
from heamap.paper import comparison, evidence
from heamap.paper.contrast import FAILS, FIELDS, HOLDS, contrast, read_comparison, verdict
from heamap.paper.page import render

NAN = math.nan
HEADER = ",".join(comparison.FIELDS)


def numbers(condition: str, *rows: tuple) -> pd.DataFrame:
    return pd.DataFrame([(*row, condition) for row in rows], columns=list(comparison.FIELDS))


NOISY = numbers(
    "noise",
    ("Setting", "epochs", "", "800", 48.0, NAN, NAN),
    ("6", "R2", "Pt", "0.82", 0.51, 0.33, 0.63),
    ("6", "R2", "Ni", "> 0.7", 0.12, -0.1, 0.3),
    ("6", "R2 of true total x composition", "Pt", "", 0.2, 0.1, 0.3),
    ("7 and 8", "mean: particle", "Pt", "0.23 (Fig. 7), 0.27 (Fig. 8)", 0.25, NAN, NAN),
)
STILL = numbers(
    "no noise",
    ("6", "R2", "Ni", "> 0.7", 0.65, 0.6, 0.72),
    ("6", "R2", "Pt", "0.82", 0.8, 0.75, 0.85),
    ("Table 2", "share", "Pt", "0.5", 0.9, 0.8, 1.0),
)


@pytest.mark.parametrize(
    ("paper", "low", "high", "said"),
    [
        ("0.82", 0.75, 0.85, HOLDS),
        ("0.82", 0.82, 0.82, HOLDS),
        ("0.82", 0.83, 0.95, FAILS),
        ("0.82", -0.3, 0.81, FAILS),
        ("> 0.7", 0.75, 0.9, HOLDS),
        ("> 0.7", 0.65, 0.75, HOLDS),
        ("> 0.7", 0.5, 0.69, FAILS),
        ("0.17-0.18", 0.1, 0.2, HOLDS),
        ("0.17-0.18", 0.172, 0.178, HOLDS),
        ("0.17-0.18", 0.175, 0.3, HOLDS),
        ("0.17-0.18", 0.181, 0.3, FAILS),
        ("0.17-0.18", 0.0, 0.169, FAILS),
        ("up to 0.6", 0.5, 0.9, HOLDS),
        ("up to 0.6", 0.61, 0.9, FAILS),
        ("", 0.0, 1.0, ""),
        ("0.82", NAN, NAN, ""),
        ("0.23 (Fig. 7), 0.27 (Fig. 8)", NAN, NAN, ""),
    ],
)
def test_a_number_holds_where_our_interval_allows_it(paper, low, high, said):
    assert verdict(paper, low, high) == said


def test_another_print_is_a_programmers_mistake():
    with pytest.raises(ValueError, match=r"got 'about 0\.7'"):
        verdict("about 0.7", 0.0, 1.0)


def test_every_row_of_both_lines_has_its_verdicts():
    found = contrast(NOISY, STILL)
    assert list(found.columns) == list(FIELDS)
    said = found[["quantity", "element", "paper", "verdict", "other_verdict"]]
    assert list(said.itertuples(index=False, name=None)) == [
        ("epochs", "", "800", "", ""),
        ("R2", "Pt", "0.82", FAILS, HOLDS),
        ("R2", "Ni", "> 0.7", FAILS, HOLDS),
        ("R2 of true total x composition", "Pt", "", "", ""),
        ("mean: particle", "Pt", "0.23 (Fig. 7), 0.27 (Fig. 8)", "", ""),
        ("share", "Pt", "0.5", "", FAILS),
    ]
    pt = found.iloc[1]
    assert (pt["condition"], pt["ours"], pt["low"], pt["high"]) == ("noise", 0.51, 0.33, 0.63)
    assert tuple(pt[f"other_{name}"] for name in ("condition", "ours", "low", "high")) == ("no noise", 0.8, 0.75, 0.85)
    alone = found.iloc[-1]
    assert alone["condition"] == ""
    assert math.isnan(alone["ours"])


def test_a_line_without_numbers_stands_beside_another_all_the_same():
    found = contrast(pd.DataFrame(columns=list(comparison.FIELDS)), STILL)
    assert found["verdict"].tolist() == ["", "", ""]
    assert found["other_verdict"].tolist() == [HOLDS, HOLDS, FAILS]


def test_two_prints_of_one_number_are_refused():
    with pytest.raises(InputError, match=r"the paper's R2 Pt is '0\.82' here and '0\.83' beside"):
        contrast(NOISY, STILL.assign(paper=STILL["paper"].replace("0.82", "0.83")))


def test_the_page_counts_what_holds_and_shows_what_the_paper_gives():
    page = render("noise", (), NOISY, (), contrast(NOISY, STILL))
    assert "This line: noise; 0 of 2 hold." in page
    assert "Beside it: no noise; 2 of 3 hold." in page
    assert (
        '<td>R2</td><td>Pt</td><td class="n">0.82</td><td class="n">0.510 [0.330, 0.630]</td><td>does not hold</td>'
        '<td class="n">0.800 [0.750, 0.850]</td><td>holds</td>'
    ) in page
    assert '<td>share</td><td>Pt</td><td class="n">0.5</td><td class="n"></td><td></td>' in page
    assert page.count("R2 of true total x composition") == 1
    assert "Which of the paper" not in render("noise", (), NOISY, ())


def test_a_comparison_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "comparison.csv"
    NOISY.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_comparison(path), NOISY)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "is missing; heamap figures makes it"),
        ("", "not a readable table"),
        ("\x00\x01,\n1,2,3\n", "not a readable table|lacks the columns"),
        ("figure,quantity\n6,R2\n", "lacks the columns"),
        (f"{HEADER}\n", "holds no numbers"),
        (f"{HEADER}\n6,R2,Pt,0.82,good,0.3,0.6,c\n", "column ours holds what is no number"),
        (f"{HEADER}\n6,R2,Pt,0.82,0.5\n", "must name one condition"),
        (f"{HEADER}\n6,R2,Pt,0.82,0.5,0.3,0.6,c\n6,R2,Ni,0.82,0.5,0.3,0.6,d\n", "must name one condition"),
        (f"{HEADER}\n6,R2,Pt,0.82,0.5,0.3,0.6,c\n6,R2,Pt,0.82,0.5,0.3,0.6,c\n", "twice"),
        (f"{HEADER}\n6,R2,Pt,some,0.5,0.3,0.6,c\n", "'some' is no number as the paper prints them"),
    ],
)
def test_a_wrong_table_is_one_line_and_exit_2_before_anything_is_drawn(
    content, fault, finished, tmp_path, monkeypatch, capsys
):
    path, out = tmp_path / "comparison.csv", tmp_path / "out"
    if content is not None:
        path.write_text(content)
    monkeypatch.chdir(finished)
    assert main(["figures", "--out", str(out), "--beside", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("heamap: ")
    assert pd.Series(line).str.contains(fault).all()
    assert not out.exists()


def test_a_folder_in_the_place_of_the_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a readable table"):
        read_comparison(tmp_path)


def test_figures_beside_another_line_write_the_conditions(clone, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "DPI", 20)
    for name in ("data/scores", "data/motifs", "models"):
        (clone / name).rename(tmp_path / name.replace("/", "_"))
    path, out = tmp_path / "other.csv", tmp_path / "out"
    STILL[STILL["figure"] == "6"].to_csv(path, index=False)
    monkeypatch.chdir(clone)
    # The figures of what was taken away are left out.
    assert main(["figures", "--out", str(out), "--beside", str(path)]) == 1
    capsys.readouterr()
    found = pd.read_csv(out / "conditions.csv", keep_default_na=False).set_index(["quantity", "element"])
    # The model of this clone is right in every column: R2 is 1, with no doubt.
    assert tuple(found.loc[("R2", "Pt"), ["verdict", "other_verdict"]]) == (FAILS, HOLDS)
    assert tuple(found.loc[("R2", "Ni"), ["verdict", "other_verdict"]]) == (HOLDS, HOLDS)
    assert "Which of the paper" in (out / "index.html").read_text()


def test_conditions_of_an_earlier_run_go(clone, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "conditions.csv").touch()
    for name in ("data", "models", "plots"):
        (clone / name).rename(tmp_path / name)
    evidence.draw_evidence(clone, out)
    assert {path.name for path in out.iterdir()} == {"index.html", "comparison.csv"}
