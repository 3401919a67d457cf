"""Plotly's own objects refuse an attribute that plotly.js does not know; no page builds them."""

import base64
import gzip

import numpy as np
import plotly.graph_objects as go
import pytest

from heamap.elements import ELEMENTS
from heamap_serving import report_plots as plots
from heamap_serving.atom_counting import AtomCounting
from heamap_serving.certainty import Certainty
from heamap_serving.composition import Composition
from heamap_serving.page_numbers import MISSING, Field, packed, significant
from heamap_serving.pictures import Thinned
from heamap_serving.report_histograms import histograms
from heamap_serving.shares import fractions

POSITIONS = np.array([[10.0, 20.0], [30.0, 5.0], [50.0, 60.0]])
COUNTS = np.array([[4.0, 1.0, 0.0, 0.0, 1.0], [2.0, 1.0, 2.0, 0.0, -0.5], [8.0, 1.0, 2.0, 3.0, 0.5]])


def certainty(*calibrated):
    low = np.zeros((len(calibrated), 7), int)
    return Certainty(0.9, low, low + 9, np.array(calibrated))


def counted(*, totals):
    found = np.array([6.0, 5.0, 14.0]) if totals else None
    return AtomCounting(np.array([0.01, 0.02, 0.0300004]), found, None, "")


def micrograph(columns=3, known=None, *, totals=False):
    return plots.view(Thinned(np.zeros((40, 50), np.float32), 2), 0.2, (0.0, 0.0), columns, known, counted=totals)


def unpacked(found):
    """Fields by name, NaN where a number is not known."""
    shape = (len(found["fields"]), found["number"])
    whole = np.frombuffer(gzip.decompress(base64.b64decode(found["numbers"])), "<i4").reshape(shape)
    values = np.where(whole == MISSING, np.nan, whole)
    return {field["name"]: row / 10.0 ** field["decimals"] for field, row in zip(found["fields"], values, strict=True)}


def composition(elements):
    shares = np.array([0.5, 0.1, 0.2, 0.1, 0.1, 0.3])
    return plots.composition(Composition(shares, shares - 0.02, shares + 0.03, 0.9, "calibrated", ""), elements, "90 %")


@pytest.mark.parametrize(
    "plot",
    [
        micrograph(),
        micrograph(0),
        micrograph(plots.MOST_SVG_COLUMNS + 1),
        micrograph(known=certainty(True, False, True), totals=True),
        *(histograms(COUNTS, fractions(COUNTS), ELEMENTS[:number], range(number)) for number in range(1, 6)),
        histograms(COUNTS[:0], COUNTS[:0], ELEMENTS, range(5)),
        composition(ELEMENTS),
        plots.counting(3, "counts", counted=False),
        plots.counting(3, "counts", counted=True),
    ],
)
def test_every_attribute_is_one_that_plotly_knows(plot):
    made = go.Figure(plot, skip_invalid=False)
    assert len(made.data) == len(plot["data"])


def test_the_view_runs_down_from_the_first_pixel_and_covers_all():
    layout, (picture, _) = micrograph()["layout"], micrograph()["data"]
    # Pixels of .04 nm, averaged of 2 x 2 of .02 nm whose first centre lies at 0.
    assert picture["x0"] == picture["y0"] == pytest.approx(0.01)
    assert layout["xaxis"]["range"] == pytest.approx([-0.01, 1.99])
    assert layout["yaxis"]["range"] == pytest.approx([1.59, -0.01])


def test_the_page_knows_every_column_to_the_decimals_that_it_shows():
    known = certainty(True, False, True)
    places = POSITIONS * 1.25
    found = unpacked(plots.numbers(POSITIONS * 0.02, places, COUNTS, known, counted(totals=True)))
    assert list(found)[: len(plots.FIELDS) + 1] == [*plots.FIELDS, "Pt"]
    assert found["x"].tolist() == [0.4, 0.1, 1.2]
    assert found["y"].tolist() == [0.2, 0.6, 1.0]
    assert found["col"].tolist() == [25.0, 6.2, 75.0]
    assert found["calibrated"].tolist() == [1, 0, 1]
    assert found["Fe"].tolist() == [1.0, -0.5, 0.5]
    assert found["high_total"].tolist() == [9, 9, 9]
    assert found["network"].tolist() == [6.0, 4.5, 14.5]
    assert found["counted"].tolist() == [6.0, 5.0, 14.0]
    assert found["intensity"].tolist() == [0.01, 0.02, 0.0300004]
    for name, values in unpacked(plots.numbers(POSITIONS, places, COUNTS, None, counted(totals=False))).items():
        nothing = name in ("calibrated", "counted") or name.startswith(("low", "high"))
        assert np.isnan(values).all() == np.isnan(values).any() == nothing, name
    assert all(values.size == 0 for values in unpacked(plots.numbers(*no_columns())).values())


def no_columns():
    return np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 5)), None, AtomCounting(np.empty(0), None, None, "")


def test_numbers_as_large_as_the_counts_of_a_camera_keep_their_digits():
    large = np.array([6.54321e9, 1.0])
    found = packed([Field("intensity", large, significant(large, 6))], 2)
    assert unpacked(found)["intensity"].tolist() == [6.54321e9, 0.0]
    with pytest.raises(OverflowError, match="intensity"):
        packed([Field("intensity", large)], 2)


def test_histograms_hold_every_column_and_stand_below_each_other_on_common_scales():
    found = histograms(COUNTS, fractions(COUNTS), ("Pt", "Fe"), (0, 4))
    assert [bar["name"] for bar in found["data"]] == ["Pt", "Pt", "Fe", "Fe"]
    assert [sum(bar["y"]) for bar in found["data"]] == [3, 3, 3, 3]
    counts = dict(zip(found["data"][0]["x"], found["data"][0]["y"], strict=True))
    assert {atoms for atoms, number in counts.items() if number} == {2.0, 4.0, 8.0}
    layout = found["layout"]
    top, bottom = layout["yaxis"]["domain"], layout["yaxis3"]["domain"]
    assert bottom[0] == 0
    assert top[1] == 1
    assert top[0] - bottom[1] == pytest.approx(0.03)
    assert (layout["xaxis"]["matches"], layout["xaxis2"]["matches"]) == ("x3", "x4")
    assert {layout[f"yaxis{number}"]["matches"] for number in ("", "2", "4")} == {"y3"}
    assert [mean["x0"] for mean in layout["shapes"][::2]] == pytest.approx([14 / 3, 1 / 3])


def test_the_composition_shows_how_far_each_interval_reaches():
    points = composition(("Pt",))["data"]
    assert [point["y"] for point in points] == [["Pt"], ["Ni+Co+Fe"]]
    assert points[0]["x"] == [50.0]
    assert points[0]["error_x"]["array"] == pytest.approx([3.0])
    assert points[0]["error_x"]["arrayminus"] == pytest.approx([2.0])


def test_atom_counting_stands_beside_the_network_where_there_are_totals():
    assert [trace["meta"] for trace in plots.counting(3, "u", counted=False)["data"]] == ["network"]
    assert [trace["meta"] for trace in plots.counting(3, "u", counted=True)["data"]] == ["network", "counted"]


def test_a_plot_has_the_margins_and_the_height_asked_for():
    tall, free = (plots.plot([], {"bargap": 0}, {"l": 1}, height=height)["layout"] for height in (7, None))
    assert (tall["bargap"], tall["margin"], tall["height"]) == (0, {"l": 1}, 7)
    assert "height" not in free
