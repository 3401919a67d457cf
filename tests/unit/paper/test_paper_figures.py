import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.paper import count_figures, example_figures
from heamap.paper.micrograph_figure import micrograph_figure
from heamap.paper.sources import Sources


@pytest.fixture
def sources(finished) -> Sources:
    return Sources(finished)


def test_the_model_is_drawn_where_its_labels_are(sources):
    figure = example_figures.model_image_labels(sources)
    panels = {axes.get_title(): axes for axes in figure.axes}
    atoms = panels["Model, along the beam"].collections[0].get_offsets().data
    total = panels["Total, label"].images[0]
    left, right, bottom, top = total.get_extent()
    maps = np.asarray(total.get_array())
    row, col = np.unravel_index(maps.argmax(), maps.shape)
    x, y = left + (col + 0.5) * (right - left) / maps.shape[1], top + (row + 0.5) * (bottom - top) / maps.shape[0]
    # The thickest column of the labels is a stack of atoms of the model, within a pixel.
    assert np.hypot(*(atoms - [x, y]).T).min() < 0.03
    assert {f"{symbol}, label" for symbol in ELEMENTS} <= set(panels)


def test_examples_are_the_first_test_images_with_truth_beside_prediction(sources):
    figure = example_figures.examples(sources)
    rows = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert rows == [f"test sample {sample}" for sample in sources.dataset.split("test")]
    first = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    (image,) = (axes.images[0].get_array() for title, axes in first.items() if title == "Image, 1.28 nm")
    true, predicted = (first[f"Pt, {kind}"].images[0] for kind in ("true", "predicted"))
    assert true.get_clim() == predicted.get_clim()
    # The model of the fixture multiplies the image by 5 for Pt.
    np.testing.assert_allclose(predicted.get_array(), 5 * image, rtol=1e-5)


def test_the_papers_bars_stand_above_ours():
    table = pd.DataFrame({f"true_{symbol}": [1, 2, 3, 4] for symbol in ELEMENTS})
    table = table.assign(**{f"pred_{symbol}": [1, 2, 4, 9] for symbol in ELEMENTS})
    axes = count_figures.error_shares(table).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[:2] == ["Pt, paper", "Pt, ours"]
    widths = np.array([[bar.get_width() for bar in container] for container in axes.containers if len(container) == 10])
    np.testing.assert_allclose(widths[:, 0], [50, 41, 7, 2, 0])
    np.testing.assert_allclose(widths[:, 1], [50, 25, 0, 0, 25])


def test_errors_by_count_fill_every_bar_and_show_the_bias():
    table = pd.DataFrame({"true_Co": [0, 0, 0, 0, 3, 3], "pred_Co": [0.0, 0.0, 1.0, 2.0, 1.0, 1.0]})
    left, right = count_figures.error_by_count(table, "Co").axes[:2]
    widths = np.array([[bar.get_height() for bar in container] for container in left.containers])
    np.testing.assert_allclose(widths.sum(axis=0), 100)
    np.testing.assert_allclose(widths[:, 0], [50, 25, 25, 0, 0])
    np.testing.assert_allclose(right.containers[0].lines[0].get_xydata(), [[0, 0.75], [3, -2]])


def test_the_distribution_counts_every_column_in_the_field(sources):
    figure = count_figures.count_distribution(sources)
    samples = sources.dataset.samples.index
    number = sum(len(sources.dataset.columns(sample)) for sample in samples)
    assert figure.get_suptitle() == f"{number:,} columns of {len(samples)} particles"
    for axes in figure.axes:
        assert sum(bar.get_height() * bar.get_width() for bar in axes.containers[0]) == pytest.approx(1)


def test_mean_fractions_stand_beside_the_papers_and_the_truth(sources):
    above, below = micrograph_figure(sources.micrographs[0]).axes
    assert above.images[0].get_array().shape[2] == 4
    np.testing.assert_allclose([bar.get_height() for bar in below.containers[0]], [25, 0, 0, 0, 75])
    seventh, eighth = (line.get_ydata() for line in below.lines)
    np.testing.assert_allclose(seventh, [23, 17.5, 17.5, 17.5, 25])
    np.testing.assert_allclose(eighth, [27, 18, 18, 18, 18])
    assert [segment[0][1] for segment in below.collections[0].get_segments()] == pytest.approx([37.5, 0, 0, 62.5, 0])
