import re

import pandas as pd
import pytest

from heamap.cli import main
from heamap.errors import InputError
from heamap.paper import evidence
from heamap.paper.evidence import check_folder, draw_evidence
from heamap.paper.page import spoken

EVERY = (
    *("figure_2", "figure_3", "figure_4", "figure_5", "figure_6", "table_2", "figures_7_8_particle", "figure_S2"),
    *("figure_S3", "figure_S4", "figure_S5", "figure_S6", "figure_S7", "figure_S8"),
)


@pytest.fixture(scope="module")
def drawn(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "DPI", 20)
        return out, evidence.draw_evidence(finished, out)


def test_every_figure_is_drawn_as_png_and_pdf(drawn):
    out, found = drawn
    assert found.figures == EVERY
    assert found.left_out == ()
    made = {path.name for path in out.iterdir()}
    assert made == {"index.html", "comparison.csv", *(f"{stem}.{kind}" for stem in EVERY for kind in ("png", "pdf"))}


def test_pictures_may_go_into_a_folder_of_their_own(clone, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "DPI", 20)
    for name in ("data/scores", "data/motifs", "data/evaluation", "models"):
        (clone / name).rename(tmp_path / name.replace("/", "_"))
    out, pictures = tmp_path / "out", tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "figure_S8.png").touch()
    figures = draw_evidence(clone, out, pictures=pictures).figures
    assert figures == ("figure_3", "figure_S2", "figure_S3")
    assert {path.name for path in pictures.iterdir()} == {f"{stem}.png" for stem in figures}
    assert {path.name for path in out.iterdir()} == {
        "index.html",
        "comparison.csv",
        *(f"{stem}.pdf" for stem in figures),
    }
    assert (out / "index.html").read_text().count("data:image/png;base64,") == len(figures)


def test_the_page_holds_its_pictures_and_names_both_sides(drawn):
    page = (drawn[0] / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(EVERY)
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "R2: paper Pt 0.82, Ni &gt; 0.7" in page
    assert "an earlier champion" in page


def test_the_numbers_have_one_row_a_quantity_and_element(drawn):
    table = pd.read_csv(drawn[0] / "comparison.csv")
    assert not table.duplicated(["figure", "quantity", "element"]).any()
    assert set(table["figure"]) == {"Setting", "5", "6", "Table 2", "7 and 8"}
    assert table["condition"].nunique() == 1


def test_what_lacks_its_input_is_left_out_and_said_so(clone, tmp_path, monkeypatch, capsys):
    for name in ("data/scores/summary.json", "data/evaluation/predictions.parquet", "models/model.onnx"):
        (clone / name).unlink()
    (clone / "data/motifs/motifs.json").unlink()
    monkeypatch.chdir(clone)
    code = main(["figures", "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code == 1
    assert "3 figures drawn" in said.out
    assert said.err.splitlines() == [
        "heamap: data/evaluation/predictions.parquet is missing; run: dvc repro evaluate (left out: comparison.csv, "
        "Figure 5, Figure 6, Table 2, Figure S4, Figure S5, Figure S6, Figure S7, Figure S8)",
        "heamap: data/scores/summary.json is missing; run: dvc repro score (left out: comparison.csv, Figures 7 and 8)",
        "heamap: data/motifs/motifs.json is missing; run: dvc repro motifs (left out: Figure 2)",
        "heamap: models/model.onnx is missing; run: dvc repro export (left out: Figure 4)",
    ]
    assert {path.stem for path in (tmp_path / "out").glob("*.p*")} == {"figure_3", "figure_S2", "figure_S3"}
    assert "dvc repro score" in (tmp_path / "out/index.html").read_text()


def test_figures_of_an_earlier_run_go_and_other_files_stay(clone, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("figures_7_8_gone.png", "figure_S3.pdf", "notes.txt", "my_figure_1.png"):
        (out / name).touch()
    for name in ("data", "models", "plots"):
        (clone / name).rename(tmp_path / name)
    assert draw_evidence(clone, out).figures == ()
    assert {path.name for path in out.iterdir()} == {"notes.txt", "my_figure_1.png", "index.html", "comparison.csv"}


def test_figures_of_ones_own_are_not_taken_for_those_of_an_earlier_run(tmp_path):
    (tmp_path / "figure_S3.pdf").touch()
    with pytest.raises(InputError, match=r"figure_S3\.pdf was not made by heamap"):
        check_folder(tmp_path)
    for name in ("index.html", "comparison.csv"):
        (tmp_path / name).touch()
    check_folder(tmp_path)
    check_folder(tmp_path / "absent")


def test_a_folder_without_a_line_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"params\.yaml: No such file"):
        draw_evidence(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(finished, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="name a folder"):
        draw_evidence(finished, tmp_path / "out")


def test_numbers_are_spoken_with_their_intervals():
    rows = [
        ("6", "R2", "Pt", "0.82", 0.5, 0.4, 0.6, "c"),
        ("6", "R2", "Ni", "", float("nan"), float("nan"), float("nan"), "c"),
        ("7 and 8", "mean: a", "Pt", "0.2", 0.25, float("nan"), float("nan"), "c"),
        ("7 and 8", "mean", "Pt", "", 1.0, float("nan"), float("nan"), "c"),
    ]
    table = pd.DataFrame(rows, columns=["figure", "quantity", "element", "paper", "ours", "low", "high", "condition"])
    assert spoken(table, ("R2", "mean")) == (
        "R2: paper Pt 0.82; ours Pt 0.500 [0.400, 0.600], Ni undefined.",
        "mean: a: paper Pt 0.2; ours Pt 0.250.",
        "mean: ours Pt 1.",
    )
