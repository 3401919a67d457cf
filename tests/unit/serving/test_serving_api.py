import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from serving_examples import lattice_image

import heamap
from heamap.errors import InputError
from heamap_serving.api import Result

IMAGE, CENTRES = lattice_image((150, 160), (0.2, 0.2))


@pytest.fixture
def result(model_file):
    return heamap.score(IMAGE, sampling_angstrom=0.2, model=model_file, title="a <b> image")


def test_an_array_gives_the_same_columns_as_the_command_line_would(result, model_file, tmp_path):
    assert isinstance(result, Result)
    table = result.columns
    np.testing.assert_allclose(table[["row_px", "col_px"]], CENTRES, atol=0.2)
    np.testing.assert_array_equal(table[["Pt", "Ni", "Pd", "Co", "Fe"]], result.counts)
    np.save(tmp_path / "image.npy", IMAGE)
    again = heamap.score(tmp_path / "image.npy", sampling_angstrom=0.2, model=model_file)
    pd.testing.assert_frame_equal(again.columns, table)


def test_it_shows_itself_in_a_notebook_and_escapes_its_title(result):
    page = result._repr_html_()
    assert "data:image/png;base64," in page
    assert "a &lt;b&gt; image" in page
    assert '<th scope="row">Pt</th><td>33.' in page
    assert result._repr_png_().startswith(b"\x89PNG")
    assert "a &lt;b&gt; image" in result.report()


def test_it_saves_what_the_command_line_writes(result, tmp_path):
    result.save(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"columns.csv", "columns.parquet", "maps.tif", "maps.hspy", "figure.png", "figure.pdf"}
    assert names >= {"report.html", "provenance.json"}


def test_region_mask_and_elements_reach_the_result(model_file):
    mask = np.zeros(IMAGE.shape)
    mask[:75] = 1
    part = heamap.score(IMAGE, sampling_angstrom=0.2, model=model_file, mask=mask, elements="Ni", roi=(0, 0, 160, 100))
    assert part.columns["row_px"].max() < 75.5
    assert part.elements == ("Ni",)
    assert part.provenance["region"]["roi_px"]["height"] == 100


def test_an_array_without_a_pixel_size_is_refused(model_file):
    with pytest.raises(InputError, match="an array has no pixel size"):
        heamap.score(IMAGE, model=model_file)


def test_importing_heamap_stays_light_and_knows_no_other_names():
    code = "import sys, heamap; assert not {'numpy', 'heamap_serving'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        heamap.scores  # noqa: B018
