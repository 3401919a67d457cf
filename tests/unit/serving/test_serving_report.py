import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tifffile
from browser import Browser, find_chromium
from serving_examples import lattice_image, make_accuracy, make_contract, write_model

from heamap.cli import main
from heamap.contract import METADATA_KEY, CompositionErrors, CountingLine
from heamap.evaluation.conformal import Intervals
from heamap.evaluation.targets import TARGETS
from heamap_serving import report_plots, report_sections
from heamap_serving.calibration import Calibration
from heamap_serving.io import read_micrograph
from heamap_serving.outputs import count, source_record
from heamap_serving.provenance import provenance
from heamap_serving.report import report
from heamap_serving.score import score
from heamap_serving.session import load_model
from heamap_serving.verdict import verdict_of

COUNTING = CountingLine(slope=1e-1, intercept=0.5, r2=0.9, columns=4000, radius_angstrom=1.1)
COMPOSITION = CompositionErrors(level=0.9, images=10, bias=(0.01,) * 6, half_width=(0.05,) * 6)
HOSTILE = "<img src=x onerror=1>.tif"


def make_intervals():
    """Two atoms to either side, calibrated on totals of 0 to 1000."""
    return Intervals(
        level=0.9,
        edges=(),
        totals=(0.0, 1000.0),
        growth=(0.0,) * len(TARGETS),
        low=((-2.0,),) * len(TARGETS),
        high=((2.0,),) * len(TARGETS),
        stretch=((1.0,),) * len(TARGETS),
        images=10,
        columns=1000,
    ).to_dict()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    contract = make_contract(
        intervals=make_intervals(), accuracy=make_accuracy(Co=-0.1), counting=COUNTING, composition=COMPOSITION
    )
    return write_model(tmp_path_factory.mktemp("model") / "model.onnx", {METADATA_KEY: contract.to_json()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two images alike, one with a name that is HTML, and one that cannot be scored."""
    folder = tmp_path_factory.mktemp("in")
    image, _ = lattice_image((150, 160), (0.2, 0.2))
    tifffile.imwrite(folder / "good.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    shutil.copy(folder / "good.tif", folder / HOSTILE)
    np.save(folder / "<b>bare.npy", image)
    return folder


@pytest.fixture(scope="module")
def scores(folder, model, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    options = ("--model", model, "--beam-fraction-per-count", "1e-4", "--black-level", "0")
    assert main([str(word) for word in ("score", folder, "--out", out, *options)]) == 1
    return out


@pytest.fixture(scope="module")
def browser():
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed")
    browser = Browser(executable)
    yield browser
    browser.close()


@pytest.fixture
def opened(browser, scores):
    browser.requests.clear()
    browser.faults.clear()
    browser.open(scores / "good" / "report.html")
    browser.wait("document.documentElement.dataset.ready === 'yes'")
    return browser


def place_of(browser, column):
    """Pixel of the window where a column is drawn."""
    return browser.value(
        "(() => { const view = document.getElementById('view'), layout = view._fullLayout,"
        " box = view.getBoundingClientRect();"
        f" return [box.left + layout.xaxis._offset + layout.xaxis.d2p(view.data[1].x[{column}]),"
        f" box.top + layout.yaxis._offset + layout.yaxis.d2p(view.data[1].y[{column}])] }})()"
    )


def said(row):
    """What the page must say of a column of the table."""
    return [
        [report_sections.name_of(name), f"{row[name]:.1f} atoms", f"{row[f'low_{name}']} to {row[f'high_{name}']}"]
        for name in ("total", *TARGETS[:-1])
    ]


def read_out(browser):
    return browser.value(
        "[...document.querySelectorAll('#readout tr')].map(row => [...row.children].map(cell => cell.textContent))"
    )


def test_the_pointer_over_a_column_reads_its_counts_and_intervals(opened, scores):
    table = pd.read_parquet(scores / "good" / "columns.parquet")
    for column in (0, 17, len(table) - 1):
        opened.move(*place_of(opened, column))
        opened.wait(f"document.getElementById('readout').dataset.column === '{column}'")
        row = table.iloc[column]
        *counts, (counted, total, _) = read_out(opened)
        assert counts == said(row)
        assert counted == "atom counting"
        assert total == f"{row['counted_total']:.1f} atoms"
        label = opened.value("document.querySelector('#view .hoverlayer').textContent")
        assert f"total {row['total']:.1f} [{row['low_total']}, {row['high_total']}]" in label
    assert opened.faults == []


def test_the_keyboard_goes_from_column_to_column_and_reads_them_out(opened, scores):
    table = pd.read_parquet(scores / "good" / "columns.parquet")
    for _ in range(4):
        opened.press("Tab")
        if opened.value("document.activeElement.id") == "view":
            break
    assert opened.value("document.activeElement.id") == "view"
    assert opened.value("document.getElementById('readout').getAttribute('aria-live')") == "polite"
    opened.press("Home")
    here = table.iloc[0]
    for key, axis, sign in (
        ("ArrowDown", "y", 1),
        ("ArrowRight", "x", 1),
        ("ArrowUp", "y", -1),
        ("ArrowLeft", "x", -1),
    ):
        opened.press(key)
        there = table.iloc[int(opened.value("document.getElementById('readout').dataset.column"))]
        other = "x" if axis == "y" else "y"
        # Columns stand 2.8 Angstrom apart on a square lattice.
        assert there[f"{axis}_angstrom"] - here[f"{axis}_angstrom"] == pytest.approx(sign * 2.8, abs=0.1)
        assert there[f"{other}_angstrom"] == pytest.approx(here[f"{other}_angstrom"], abs=0.1)
        assert read_out(opened)[:-1] == said(there)
        here = there
    opened.press("End")
    assert opened.value("document.getElementById('readout').dataset.column") == str(len(table) - 1)
    opened.press("Escape")
    assert "arrow keys" in opened.value("document.getElementById('readout').textContent")


def test_the_switch_shows_another_map_with_its_scale_and_remark(opened):
    first = opened.value("document.getElementById('view').data[0].source")
    opened.value("document.querySelector('#layers input[value=Co]').focus()")
    opened.value("document.querySelector('#layers input[value=Co]').click()")
    assert opened.value("document.getElementById('view').data[0].source") != first
    assert opened.value("document.getElementById('scale').hidden") is False
    assert "no better than the total times the composition" in opened.value(
        "document.getElementById('remark').textContent"
    )
    opened.value("document.querySelector('#layers input[value=Pt]').click()")
    assert opened.value("document.getElementById('remark').textContent") == ""


def test_the_page_asks_for_nothing_and_follows_the_system_s_colours(opened):
    assert {url.split(":")[0] for url in opened.requests} <= {"file", "data", "blob"}
    colours = []
    for scheme in ("light", "dark"):
        opened.scheme(scheme)
        opened.wait(
            "document.getElementById('view').layout.font.color ==="
            " getComputedStyle(document.documentElement).getPropertyValue('--text').trim()"
        )
        colours.append(opened.value("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1]
    opened.value("document.getElementById('theme').click()")
    assert opened.value("getComputedStyle(document.body).backgroundColor") == colours[0]
    opened.scheme("light")


def test_on_paper_a_still_picture_stands_for_the_plots(opened):
    opened.call("Emulation.setEmulatedMedia", media="print")
    shown = "el => getComputedStyle(el).display"
    assert opened.value(f"({shown})(document.querySelector('img.paper'))") == "block"
    assert opened.value(f"[...document.querySelectorAll('.plot')].map({shown})") == ["none"] * 4
    opened.call("Emulation.setEmulatedMedia", media="")


def test_a_file_name_that_is_html_stays_text(browser, scores):
    for path in (scores / HOSTILE.removesuffix(".tif") / "report.html", scores / "index.html"):
        browser.faults.clear()
        browser.open(path)
        assert browser.value("document.querySelectorAll('img[src=x], b').length") == 0
        assert HOSTILE in browser.value("document.body.textContent")
        assert "<img src=x" not in path.read_text()
        assert browser.faults == []


def test_the_index_links_every_report_and_names_what_failed(browser, scores):
    browser.open(scores / "index.html")
    links = browser.value("[...document.links].map(link => decodeURIComponent(link.href))")
    assert sorted(link.removeprefix("file://") for link in links) == sorted(
        str(scores / name / "report.html") for name in ("good", HOSTILE.removesuffix(".tif"))
    )
    text = browser.value("document.body.innerText")
    assert "npy files hold no pixel size" in text
    assert "3 micrographs, 2 scored" in text


def test_very_many_columns_are_drawn_by_webgl_and_read_all_the_same(browser, model, tmp_path, monkeypatch):
    monkeypatch.setattr(report_plots, "MOST_SVG_COLUMNS", 10)
    scored, _, page = scored_page(model, tmp_path)
    path = tmp_path / "many.html"
    path.write_text(page)
    browser.faults.clear()
    browser.open(path)
    browser.wait("document.documentElement.dataset.ready === 'yes'")
    webgl = browser.value("document.createElement('canvas').getContext('webgl') !== null")
    drawn = browser.value("document.getElementById('view').data[1].type")
    assert drawn == ("scattergl" if webgl else "scatter")
    browser.move(*place_of(browser, 12))
    browser.wait("document.getElementById('readout').dataset.column === '12'")
    assert read_out(browser)[0][1] == f"{scored.counts[12].sum():.1f} atoms"
    assert browser.faults == []


def scored_page(model, tmp_path, **changes):
    """A scored image, its model and its report."""
    image, _ = lattice_image((150, 160), (0.2, 0.2))
    path = tmp_path / "image.npy"
    np.save(path, image)
    loaded = load_model(model)
    micrograph, calibration = read_micrograph(path), Calibration(0.2, energy_kev=200)
    scored = score(micrograph, loaded, calibration)
    source = source_record({"file": "f", "sha256": "0"}, micrograph, calibration)
    record = provenance(scored, loaded, source)
    record["model"] |= {"file": "m", "origin": "champion of the <registry>", "sha256": "s"}
    if changes:
        scored = replace(scored, **changes)
        record["beam"]["detector_factor"] = scored.detector_factor
    still = np.zeros((8, 8, 3), np.uint8)
    return scored, loaded, report("an image", scored, loaded, count(scored, loaded), record, still)


def test_the_verdict_and_its_doubtful_squares_are_shown(model, tmp_path):
    domain = SimpleNamespace(
        verdict="doubtful",
        reasons=("spacing <off>",),
        regions=np.array([[0, 1], [2, 0]], np.int8),
        region_angstrom=15.0,
        checks={"distance": 3.2},
    )
    _, _, page = scored_page(model, tmp_path, domain=domain)
    assert "doubtful</span>" in page
    assert "<li>spacing &lt;off&gt;</li>" in page
    assert '"dash":"dash"},"x0":1.5,"x1":3.0,"y0":0.0,"y1":1.5' in page
    assert '"dash":"dot"},"x0":0.0,"x1":1.5,"y0":1.5,"y1":3.0' in page


def test_the_page_says_where_the_model_comes_from(model, tmp_path):
    _, _, page = scored_page(model, tmp_path)
    assert "m, champion of the &lt;registry&gt;, SHA-256 s" in page


def test_the_page_says_how_the_image_was_taken_and_who_states_it(model, tmp_path):
    _, _, page = scored_page(model, tmp_path)
    assert '<th scope="row">beam energy</th><td>200 keV</td><td>option</td>' in page
    assert "Not known: gain of the detector, black level, convergence semiangle, collection angles" in page


def test_without_a_domain_check_the_page_says_so(model, tmp_path):
    scored, _, page = scored_page(model, tmp_path)
    assert verdict_of(scored).word == "not checked"
    assert "not checked</span>" in page


def test_an_image_without_columns_has_a_page(tmp_path, folder):
    weak = write_model(tmp_path / "m.onnx", {METADATA_KEY: make_contract().to_json()}, weights=(1e-3,) * 5)
    out = tmp_path / "out"
    main(["score", str(folder / "good.tif"), "--out", str(out), "--model", str(weak)])
    page = (out / "good" / "report.html").read_text()
    assert "No columns were found" in page


def test_the_page_gives_composition_with_the_contract_s_interval(model, tmp_path):
    # Weights 5, 4, 3, 2, 1 of 15: Pt has a third of the atoms, give or take 5 % and 1 % of bias.
    _, _, page = scored_page(model, tmp_path)
    assert re.search(r"Pt</th><td>33\.\d</td><td>29\.\d to 39\.\d</td>", page)
    assert "10 simulated calibration images" in page


def test_the_page_says_how_many_test_columns_lay_inside_their_intervals(model, tmp_path):
    _, _, page = scored_page(model, tmp_path)

    assert page.count("<td>91% [87%, 95%]</td>") == len(TARGETS)


def test_atom_counting_waits_for_a_calibrated_image(model, tmp_path):
    _, _, page = scored_page(model, tmp_path)
    assert "give --beam-fraction-per-count" in page


def test_the_factor_of_another_detector_stands_on_the_page(model, tmp_path):
    _, _, page = scored_page(model, tmp_path, detector_factor=0.682)
    assert "Brightness was multiplied by 0.682, to that on the model&#x27;s detector." in page
