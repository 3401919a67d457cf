import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from serving_examples import lattice_image, make_accuracy, make_contract, write_model

import heamap
from heamap.cli import main
from heamap.contract import METADATA_KEY, CompositionErrors, ToldComposition
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.conformal import Intervals
from heamap.evaluation.targets import TARGETS
from heamap.evaluation.told_composition import bring_to
from heamap_serving.calibration import Calibration
from heamap_serving.certainty import doubted, read_certainty
from heamap_serving.composition import ALIKE, CALIBRATED, TOLD, TOLD_REMARK, composition_of
from heamap_serving.micrograph import Micrograph
from heamap_serving.outputs import picture_of
from heamap_serving.region import Region
from heamap_serving.score import score
from heamap_serving.session import load_model
from heamap_serving.told import read_told, told_shares

TOLD_SHARES = (0.1, 0.3, 0.2, 0.2, 0.2)
LIST = "Pt=10,Ni=30,Pd=20,Co=20,Fe=20"
IMAGE, _ = lattice_image((150, 160), (0.2, 0.2))


def around(half_width: float) -> dict:
    sides = {"low": ((-half_width,),) * len(TARGETS), "high": ((half_width,),) * len(TARGETS)}
    rest = {"edges": (), "totals": (0.0, 1e3), "growth": (0.0,) * len(TARGETS), "stretch": ((1.0,),) * len(TARGETS)}
    return Intervals(level=0.9, images=10, columns=1000, **sides, **rest).to_dict()


def contract(*, knows: bool):
    """A model that doubts Ni, and knows, or does not, what counts are worth that are brought to a composition."""
    told = ToldComposition(intervals=around(1.0), accuracy=make_accuracy(Co=-0.2)) if knows else None
    errors = CompositionErrors(level=0.9, images=10, bias=(0.0,) * 6, half_width=(0.05,) * 6)
    return make_contract(intervals=around(4.0), accuracy=make_accuracy(Ni=-0.1), told=told, composition=errors)


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "knows.onnx", {METADATA_KEY: contract(knows=True).to_json()})


@pytest.mark.parametrize("text", [LIST, "Fe=20, Co=20, Pd=20, Ni=30, Pt=10", "Pt=.1,Ni=.3,Pd=.2,Co=.2,Fe=.2"])
def test_per_cent_and_shares_in_any_order_are_read(text):
    assert read_told(text) == pytest.approx(TOLD_SHARES)


def test_rounded_numbers_are_brought_to_a_sum_of_one():
    found = told_shares({"Pt": 10.2, "Ni": 30.1, "Pd": 20, "Co": 20, "Fe": 20})
    assert sum(found) == pytest.approx(1, abs=1e-12)
    assert found[0] == pytest.approx(0.102 / 1.003)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Pt", "expected atomic per cent as Pt=20,"),
        ("Pt=much", "expected atomic per cent as Pt=20,"),
        ("Pt=50,Pt=50", "Pt is given twice"),
        ("Pt=50,Ni=50", "must name each of Pt,Ni,Pd,Co,Fe"),
        ("Pt=20,Ni=20,Pd=20,Co=20,Au=20", "must name each of Pt,Ni,Pd,Co,Fe"),
        ("Pt=20,Ni=20,Pd=20,Co=20,Fe=10", "add up to 100 (shares to 1), got 90"),
        ("Pt=-20,Ni=60,Pd=20,Co=20,Fe=20", "shares must be numbers of 0 or more"),
        ("Pt=nan,Ni=60,Pd=20,Co=20,Fe=20", "shares must be numbers of 0 or more"),
    ],
)
def test_what_is_no_composition_is_refused_in_one_line(text, message, tmp_path, model, capfd):
    with pytest.raises(InputError, match=message.replace("(", r"\(").replace(")", r"\)")):
        read_told(text)
    np.save(tmp_path / "a.npy", IMAGE)
    words = ("score", tmp_path / "a.npy", "--out", tmp_path / "out", "--model", model, "--composition", text)
    assert main([str(word) for word in words]) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_counts_are_brought_to_it_and_totals_maps_and_places_stay(model):
    loaded, micrograph = load_model(model), Micrograph(IMAGE, (0.2, 0.2))
    plain = score(micrograph, loaded, Calibration())
    told = score(micrograph, loaded, Calibration(composition=TOLD_SHARES))
    np.testing.assert_array_equal(told.counts, bring_to(plain.counts, TOLD_SHARES))
    np.testing.assert_allclose(told.counts.sum(axis=0) / told.counts.sum(), TOLD_SHARES, atol=1e-6)
    np.testing.assert_allclose(told.counts.sum(axis=1), plain.counts.sum(axis=1))
    np.testing.assert_array_equal(told.maps, plain.maps)
    np.testing.assert_array_equal(told.positions, plain.positions)
    assert (plain.told, told.told) == (None, TOLD_SHARES)


def test_it_is_the_composition_of_the_columns_that_a_mask_leaves(model):
    mask = np.zeros(IMAGE.shape, bool)
    mask[:, 80:] = True
    found = score(
        Micrograph(IMAGE, (0.2, 0.2)), load_model(model), Calibration(composition=TOLD_SHARES), Region(mask=mask)
    )
    np.testing.assert_allclose(found.counts.sum(axis=0) / found.counts.sum(), TOLD_SHARES, atol=1e-6)


def test_intervals_and_doubts_are_of_counts_like_these_where_the_model_knows():
    counts = np.full((3, 5), 6.0)
    for knows, told, half_width, weak in (
        (True, True, 1, ("Co",)),
        (True, False, 4, ("Ni",)),
        (False, True, 4, ("Ni",)),
    ):
        own = contract(knows=knows)
        found = read_certainty(counts, own, told=told)
        assert (found.low[0, 0], found.high[0, 0]) == (6 - half_width, 6 + half_width)
        assert doubted(own, told=told) == weak


def scored(model, **changes):
    """What a scored image of three columns says: two atoms of each element, and brought to the shares told."""
    plain = score(Micrograph(IMAGE, (0.2, 0.2)), load_model(model), Calibration(composition=TOLD_SHARES))
    told, own = 10 * np.tile(TOLD_SHARES, (3, 1)), np.full((3, 5), 2.0)
    return replace(plain, **({"counts": told, "own": own, "certainty": None} | changes))


def test_a_told_composition_has_the_image_s_own_beside_it(model):
    found = composition_of(scored(model), contract(knows=True))
    assert found.way == TOLD
    np.testing.assert_allclose(found.shares, (*TOLD_SHARES, 0.7))
    np.testing.assert_array_equal(found.low, found.shares)
    assert found.alone.way == CALIBRATED
    np.testing.assert_allclose(found.alone.shares, [0.2] * 5 + [0.6])
    np.testing.assert_allclose(found.alone.low, [0.15] * 5 + [0.55])
    plain = composition_of(scored(model, told=None), contract(knows=True))
    assert (plain.way, plain.alone, plain.outside) == (CALIBRATED, None, ())
    # Without errors of whole compositions the intervals of the columns, two atoms to four from none, are added up.
    alike = composition_of(scored(model), contract(knows=True).model_copy(update={"composition": None})).alone
    assert alike.way == ALIKE
    np.testing.assert_allclose(alike.high[:5], 0.6)


def test_what_the_image_alone_speaks_against_is_named(model):
    errors = CompositionErrors(level=0.9, images=10, bias=(0.0,) * 6, half_width=(0.05, 0.2, 0.2, 0.2, 0.2, 0.08))
    # Pt .1 where the image says .15 to .25; Ni+Co+Fe .7 where it says .52 to .68.
    assert composition_of(scored(model), make_contract(composition=errors)).outside == ("Pt", "NiCoFe")
    assert composition_of(scored(model), make_contract()).outside == ()
    none = scored(model, counts=np.empty((0, 5)), own=np.empty((0, 5)))
    assert composition_of(none, make_contract(composition=errors)) is None


def test_maps_keep_the_remarks_of_the_model_s_own_counts(model):
    plain = scored(model)
    figure = picture_of(plain, load_model(model), "an image")
    captions = {axes.get_title(): axes.get_xlabel() for axes in figure.axes if axes.get_title() in ELEMENTS}
    assert [symbol for symbol, caption in captions.items() if caption] == ["Ni"]
    assert any(TOLD_REMARK in text.get_text() for text in figure.texts)
    untold = picture_of(replace(plain, told=None), load_model(model), "an image")
    assert not any(TOLD_REMARK in text.get_text() for text in untold.texts)


def test_broken_intervals_of_told_counts_are_refused_when_the_model_is_loaded(tmp_path):
    broken = contract(knows=True).model_dump()
    del broken["told"]["intervals"]["low"]
    path = write_model(tmp_path / "broken.onnx", {METADATA_KEY: json.dumps(broken)})
    with pytest.raises(InputError, match="intervals: not as heamap writes them"):
        load_model(path)


def test_the_command_line_writes_tables_page_and_record(model, tmp_path, capsys):
    np.save(tmp_path / "a.npy", IMAGE)
    out = tmp_path / "out"
    words = ["score", tmp_path / "a.npy", "--out", out, "--model", model, "--sampling-angstrom", "0.2"]
    assert main([str(word) for word in words]) == 0
    before = pd.read_csv(out / "a/columns.csv")
    page = (out / "a/report.html").read_text()
    assert "as told" not in page
    assert not pd.read_csv(out / "summary.csv")["composition_told"].any()
    # Another composition is another result, which is made anew.
    assert main([*(str(word) for word in words), "--composition", LIST]) == 0
    assert "told outside of what the image alone says: Pt; Co; Fe; NiCoFe" in capsys.readouterr().out
    after = pd.read_csv(out / "a/columns.csv")
    np.testing.assert_allclose(after["total"], before["total"], atol=2e-4)
    shares = after[list(ELEMENTS)].sum() / after["total"].sum()
    np.testing.assert_allclose(shares, TOLD_SHARES, atol=1e-4)
    record = json.loads((out / "a/provenance.json").read_text())
    told = record["told_composition"]
    assert told["shares"] == record["input"]["composition"]
    assert told["shares"] == pytest.approx(dict(zip(ELEMENTS, TOLD_SHARES, strict=True)))
    # The tiny model's own shares are 5, 4, 3, 2 and 1 of 15.
    assert told["image_alone"]["Pt"] == pytest.approx({"share": 1 / 3, "low": 0.283, "high": 0.383}, abs=1e-3)
    assert told["outside"] == ["Pt", "Co", "Fe", "NiCoFe"]
    assert record["accuracy"]["targets"]["Co"]["skill_low"] == -0.2
    page = (out / "a/report.html").read_text()
    assert '<th scope="row">Pt</th><td>10.0</td><td>28.3 to 38.3</td>' in page
    assert "Told outside of the interval that the image alone gives: Pt, Co, Fe, Ni+Co+Fe." in page
    assert "of counts brought to the true composition" in page
    summary = pd.read_csv(out / "summary.csv")
    assert summary["not_told_apart"].tolist() == ["Co"]
    assert summary["composition_told"].tolist() == [True]
    assert "composition as told, outside of what the image alone says: Pt" in (out / "index.html").read_text()
    assert summary["told_outside"].tolist() == ["Pt; Co; Fe; NiCoFe"]
    assert summary["fraction_Ni"].tolist() == pytest.approx([0.3], abs=1e-4)


def test_a_model_without_figures_of_told_counts_says_so(tmp_path):
    model = write_model(tmp_path / "m.onnx", {METADATA_KEY: contract(knows=False).to_json()})
    result = heamap.score(
        IMAGE, sampling_angstrom=0.2, model=model, composition=dict(zip(ELEMENTS, TOLD_SHARES, strict=True))
    )
    assert "without a told composition: this model carries none" in result.report()
    assert result.composition.way == TOLD
    np.testing.assert_allclose(result.composition.shares[:5], TOLD_SHARES, atol=1e-6)
    page = result._repr_html_()
    assert "share (%), as told" in page
    assert '<th scope="row">Pt</th><td>10.0</td><td>28.3 to 38.3</td>' in page


def test_what_is_no_composition_is_refused_in_python_too():
    with pytest.raises(InputError, match="shares must be numbers, got"):
        told_shares(dict.fromkeys(ELEMENTS, "much"))
    for shares in ((0.2,) * 4, (1.2, -0.2, 0, 0, 0), (0.2, 0.2, 0.2, 0.2, 0.1), (float("nan"),) * 5):
        with pytest.raises(InputError, match="5 shares of 0 or more that sum to 1"):
            Calibration(composition=shares)
