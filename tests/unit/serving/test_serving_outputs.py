from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text
from serving_examples import lattice_image

from heamap.acquisition import NOTHING_KNOWN
from heamap.elements import ELEMENTS
from heamap_serving import tiles
from heamap_serving.certainty import Certainty
from heamap_serving.figure import NO_SKILL, draw, pixels
from heamap_serving.outputs import column_table, fractions, image_composition, write_csv
from heamap_serving.score import Scored

COUNTS = np.array([[4.0, 1.0, 0.0, 0.0, 1.0], [2.0, 1.0, 2.0, 0.0, -0.5]])
"""6 and 4.5 atoms; of the image 6, 2, 2, 0 and 1 of 11 where a negative count stands for none."""
BASELINE = [f"total_x_composition_{element}" for element in ELEMENTS]


def scored(counts):
    shape = (64, 64)
    return Scored(
        image=np.zeros(shape, np.float32),
        maps=np.zeros((*shape, 5), np.float32),
        positions=np.full((len(counts), 2), 10.0),
        counts=counts,
        certainty=None,
        aggregation=None,
        original_steps=(0.2, 0.2),
        known=NOTHING_KNOWN,
        cut=tiles.plan(shape, stride=8),
    )


def picture(doubted=(), certainty=None, remarks=(), shape=(100, 120), elements=ELEMENTS):
    image, positions = lattice_image(shape, (0.2, 0.2))
    counts = np.tile([4.0, 1.0, 2.0, 0.5, 1.0], (len(positions), 1))
    return draw(
        title="t",
        image=image,
        maps=np.repeat(image[..., None] / 500, 5, axis=-1),
        positions=positions,
        counts=counts,
        shares=fractions(counts),
        certainty=certainty,
        doubted=doubted,
        remarks=remarks,
        sampling_angstrom=0.2,
        elements=elements,
    )


def captions(figure):
    """What stands below each map."""
    return {axes.get_title(): axes.get_xlabel() for axes in figure.get_axes() if axes.get_title()}


def test_the_baseline_shares_the_total_out_by_the_composition_of_the_image():
    table = column_table(scored(COUNTS), 0.2)

    np.testing.assert_allclose(table[BASELINE].sum(axis=1), table["total"])
    np.testing.assert_allclose(table[BASELINE].iloc[0], 6 * np.array([6, 2, 2, 0, 1]) / 11)
    np.testing.assert_allclose(table[BASELINE].div(table["total"], axis=0), [image_composition(COUNTS)] * 2)


@pytest.mark.parametrize("counts", [COUNTS, np.empty((0, 5))])
def test_the_table_is_written_as_pandas_would(counts, tmp_path):
    table = column_table(scored(counts), 0.2)
    table["calibrated"] = [True, False][: len(table)]
    table["domain"] = "in domain"
    write_csv(tmp_path / "columns.csv", table)

    assert (tmp_path / "columns.csv").read_text() == table.to_csv(index=False, float_format="%.4f")


def test_an_image_without_columns_has_a_baseline_of_no_rows():
    table = column_table(scored(np.empty((0, 5))), 0.2)

    assert table[BASELINE].shape == (0, 5)


@pytest.mark.parametrize("doubted", [(), ("Ni", "Co"), ELEMENTS])
def test_a_map_bears_the_remark_exactly_where_its_element_is_doubted(doubted):
    found = captions(picture(doubted))

    assert {name for name, caption in found.items() if caption == NO_SKILL} == set(doubted)
    assert set(ELEMENTS) < set(found)


def test_the_reach_of_the_total_and_of_nickel_cobalt_and_iron_stands_below_their_map():
    columns = len(lattice_image((100, 120), (0.2, 0.2))[1])
    low = np.tile([3, 0, 1, 0, 0, 1, 6], (columns, 1))
    certainty = Certainty(0.9, low, low + 5, np.ones(columns, bool))
    # Counts of 2.5 Ni+Co+Fe and 8.5 in total.
    reach = captions(picture(certainty=certainty))["all five"]

    assert reach == "90% interval: total -2.5 to +2.5,\nNi+Co+Fe -1.5 to +3.5"


@pytest.mark.parametrize("elements", range(1, 6))
@pytest.mark.parametrize("shape", [(100, 120), (60, 400), (400, 60)])
def test_no_text_of_the_picture_lies_over_another_or_over_the_edge(shape, elements):
    columns = len(lattice_image(shape, (0.2, 0.2))[1])
    certainty = Certainty(0.9, np.zeros((columns, 7), int), np.full((columns, 7), 130), np.ones(columns, bool))
    remarks = tuple(f"{element} gathers in columns" for element in ELEMENTS)
    figure = picture(ELEMENTS, certainty, remarks, shape, ELEMENTS[:elements])
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    # Words alone: numbers at ticks outside the axes are never drawn.
    written = [text for text in figure.findobj(Text) if any(sign.isalpha() for sign in text.get_text())]
    boxes = [text.get_window_extent(renderer).padded(-1) for text in written]

    assert any(text.get_text().count("gathers") == len(ELEMENTS) for text in written)
    for (one, first), (other, second) in combinations(zip(written, boxes, strict=True), 2):
        assert not first.overlaps(second), (one.get_text(), other.get_text())
    for text, box in zip(written, boxes, strict=True):
        assert min(box.x0, box.y0) >= 0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
        assert box.y1 <= figure.bbox.y1, text.get_text()


def test_the_picture_in_pixels_has_the_density_asked_for_and_its_image_upright():
    figure = picture()
    found = pixels(figure, 50)
    width, height = figure.get_size_inches()

    assert found.shape == pytest.approx((50 * height, 50 * width, 3), abs=1)
    # White page, dark micrograph.
    assert (found[0, 0] == 255).all()
    box = figure.get_axes()[0].get_position()
    middle = found[int((1 - box.y1 + 0.002) * len(found)) + 3, int((box.x0 + box.x1) / 2 * found.shape[1])]
    assert middle.mean() < 128


def test_the_histograms_bars_hold_every_column():
    figure = picture()
    heights = [
        collection.get_paths()[bar].vertices[1, 1]
        for axes in figure.get_axes()
        if axes.get_ylabel() == "Pt"
        for collection in axes.collections
        for bar in range(len(collection.get_paths()))
    ]

    # Counts of 4 and shares of 4 / 8.5, every column alike.
    columns = len(lattice_image((100, 120), (0.2, 0.2))[1])
    assert sorted(height for height in heights if height) == [columns, columns]
