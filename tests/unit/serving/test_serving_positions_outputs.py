import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from browser import Browser, find_chromium
from domain_examples import alloy_limits
from matplotlib.text import Text
from PIL import Image
from position_examples import STEP, columns_of, image_of
from serving_examples import make_contract, write_model

from heamap.acquisition import Acquisition
from heamap.contract import METADATA_KEY
from heamap_serving.index_page import write_index
from heamap_serving.positions.figure import BANNER, draw_positions
from heamap_serving.positions.outputs import remarks, write
from heamap_serving.positions.records import POSITIONS_ONLY, position_table, summary_record
from heamap_serving.positions.result import read_positions
from heamap_serving.region import Region
from heamap_serving.session import load_model

REASONS = ("no black level: give --black-level", "no angles of the detector: give --detector-mrad INNER OUTER")
TITLE = "<img src=x onerror=1> $5.tif"
KNOWN = Acquisition.stated("file", sampling_angstrom=STEP)
SOURCE = {"file": TITLE, "sha256": "0" * 64}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    contract = make_contract(domain=alloy_limits())
    path = write_model(tmp_path_factory.mktemp("model") / "model.onnx", {METADATA_KEY: contract.to_json()})
    return load_model(path)


@pytest.fixture(scope="module")
def result(model):
    image = image_of(columns_of(), 5000.0, noise=20.0)
    return read_positions(image, model.contract, KNOWN, Region(roi=(30, 10, 200, 200)))


@pytest.fixture(scope="module")
def written(model, result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "particle"
    table = write(folder, TITLE, result, model, SOURCE, REASONS)
    return SimpleNamespace(folder=folder, table=table)


@pytest.fixture(scope="module")
def without_lattice(model):
    sites = columns_of(40.0, constant=6.2)
    half = np.array([0.9, 0.0])
    image = image_of(np.concatenate([sites - half, sites + half]), 5000.0, sigma=0.4)
    return read_positions(image, model.contract, KNOWN)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_the_table_places_columns_in_the_file_and_counts_nothing(result):
    table = position_table(result)
    np.testing.assert_allclose(table["col_px"], result.positions[:, 1] + 30)
    np.testing.assert_allclose(table["y_angstrom"], table["row_px"] * STEP)
    assert list(table.columns) == [
        *("column", "row_px", "col_px", "x_angstrom", "y_angstrom", "relative_intensity", "integrated_intensity"),
        *("grain", "strain_xx", "strain_yy", "strain_xy", "rotation_degree", "misplaced", "domain"),
    ]
    assert (table["grain"] == 1).all()
    assert table["relative_intensity"].median() == pytest.approx(1)
    assert table["misplaced"].max() < 0.1


def test_the_table_is_written_with_empty_cells_where_nothing_is_known(written, result):
    read = pd.read_csv(written.folder / "columns.csv")
    assert "nan" not in (written.folder / "columns.csv").read_text()
    assert read["strain_xx"].isna().sum() == (~result.strain.known).sum() > 0
    np.testing.assert_allclose(read["row_px"], written.table["row_px"], rtol=1e-5)
    pd.testing.assert_frame_equal(pd.read_parquet(written.folder / "columns.parquet"), written.table)


def test_every_file_of_a_result_is_there(written, model, result, tmp_path):
    names = {"columns.csv", "columns.parquet", "thumbnail.png", "provenance.json"}
    assert {path.name for path in written.folder.iterdir()} == names | {"figure.png", "figure.pdf", "report.html"}
    write(tmp_path / "bare", TITLE, result, model, SOURCE, REASONS, pictures=False)
    assert {path.name for path in (tmp_path / "bare").iterdir()} == names


def test_provenance_says_that_nothing_was_counted_and_why(written, result, model):
    record = json.loads((written.folder / "provenance.json").read_text())
    assert record["result"] == POSITIONS_ONLY
    assert record["not_counted_because"] == list(REASONS)
    assert record["lattice"][0]["lattice_constant_angstrom"] == pytest.approx(3.7, abs=0.01)
    assert record["lattice"][0]["fcc_110"] is True
    assert record["columns"] == {"found": len(result.positions), "maxima": result.maxima} | {
        "blurs_angstrom": [[0.35, 0.6], [0.45, 0.8]]
    }
    assert record["region"]["roi_px"] == {"x": 30, "y": 10, "width": 200, "height": 200}
    assert record["model"]["sha256"] == model.sha256


def test_the_summary_says_positions_only(result):
    record = summary_record(result, REASONS)
    assert record["status"] == "positions only"
    assert record["message"] == "; ".join(REASONS)
    assert record["columns"] == len(result.positions)
    assert record["lattice_constant_angstrom"] == pytest.approx(3.7, abs=0.01)
    assert "mean_total" not in record
    json.dumps(record, allow_nan=False)


def test_the_picture_says_in_large_words_what_it_is(result):
    figure = draw_positions(TITLE, result, remarks(result, REASONS))
    said = texts(figure)
    assert BANNER in said
    sizes = {text.get_text(): text.get_fontsize() for text in figure.findobj(Text)}
    assert sizes[BANNER] == max(sizes.values())
    titles = {axes.get_title() for axes in figure.get_axes() if axes.get_title()}
    assert {"strain xx (%), along the rows", "rotation (degrees)", "columns by relative intensity"} <= titles
    assert sum(text in ("0.5 nm", "1 nm") for text in said) == 6
    assert any("--detector-mrad INNER OUTER" in text for text in said)


def test_without_a_lattice_there_is_no_strain_to_draw(without_lattice, model, tmp_path):
    figure = draw_positions("dumbbells", without_lattice, ())
    assert not any("strain" in axes.get_title() for axes in figure.get_axes())
    table = write(tmp_path / "d", "dumbbells", without_lattice, model, SOURCE, REASONS)
    assert (table["grain"] == 0).all()
    assert table["strain_xx"].isna().all()
    page = (tmp_path / "d" / "report.html").read_text()
    assert "No strain: it is measured on lattices of fcc" in page
    assert "one column in a cell" in page


def test_panels_of_a_flat_image_stand_below_each_other(result):
    flat = replace(result, image=np.tile(result.image[60:100], (1, 3)))
    figure = draw_positions("flat", flat, ())
    places = {axes.get_title(): axes.get_position() for axes in figure.get_axes() if axes.get_title()}
    image, relative = (next(box for name, box in places.items() if word in name) for word in ("HAADF", "relative int"))
    assert image.y0 > relative.y1
    assert image.width > 0.8


def test_the_strongest_strain_is_drawn_strongest(result):
    strain = replace(result.strain, xx=np.where(np.arange(len(result.positions)) == 50, 0.05, 0.0))
    figure = draw_positions("t", replace(result, strain=strain), ())
    axes = next(axes for axes in figure.get_axes() if axes.get_title().startswith("strain xx"))
    shown = next(drawn for drawn in axes.collections if drawn.get_array() is not None)
    assert shown.get_array().max() == pytest.approx(5.0)
    assert shown.get_clim()[1] == -shown.get_clim()[0] > 0


def test_the_page_is_whole_and_nothing_of_a_file_becomes_html(written):
    page = (written.folder / "report.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "Positions only: no atoms were counted" in page
    for reason in REASONS:
        assert reason in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'class="still light"' in page
    assert 'class="still dark"' in page


def test_the_picture_of_dark_pages_is_dark(result):
    from heamap_serving.figure import pixels
    from heamap_serving.positions.figure import DARK

    assert pixels(draw_positions("t", result, (), DARK), 40)[0, 0].max() < 60
    assert pixels(draw_positions("t", result, ()), 40)[0, 0].min() == 255


def test_the_index_shows_such_images_as_what_they_are(written, result, model, tmp_path):
    folder = tmp_path / "batch"
    (folder / "particle").mkdir(parents=True)
    for name in ("thumbnail.png", "report.html"):
        (folder / "particle" / name).write_bytes((written.folder / name).read_bytes())
    record = {"file": "a/particle.tif", "folder": "particle", **summary_record(result, REASONS)}
    failed = {"file": "b.tif", "folder": "", "status": "failed", "message": "no such file"}
    write_index(folder, [record, failed], (), model)
    page = (folder / "index.html").read_text()
    assert "2 micrographs, 0 scored, 1 positions only" in page
    assert 'href="particle/report.html"' in page
    assert "--black-level; no angles" in page
    assert "lattice constant 3.7" in page
    assert page.count('class="thumb"') == 1


def test_a_browser_shows_one_picture_for_each_kind_of_page_and_asks_for_nothing(written):
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium here")
    browser = Browser(chromium)
    try:
        browser.open(written.folder / "report.html")
        shown = "[...document.querySelectorAll('.still')].map(e => e.offsetHeight > 0).join()"
        assert browser.value(shown) == "true,false"
        browser.value("document.getElementById('theme').click()")
        assert browser.value(shown) == "false,true"
        assert browser.value("document.documentElement.scrollWidth <= innerWidth") is True
        assert not [url for url in browser.requests if url.startswith("http")]
        assert browser.faults == []
    finally:
        browser.close()


def test_the_written_picture_has_the_pixels_of_the_figure(written):
    with Image.open(written.folder / "figure.png") as picture:
        assert picture.width == pytest.approx(13.5 * 130, abs=2)
