import io

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from heamap.elements import ELEMENTS
from heamap.evaluation import figures
from heamap.evaluation.table import with_predictions
from heamap.evaluation.targets import TARGETS, with_sums


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 6, size=(300, 5))
    truth = pd.DataFrame(with_sums(counts).astype(int), columns=[f"true_{target}" for target in TARGETS])
    truth["peak_intensity"] = 0.5 * counts[:, 0] + 2.0
    return with_predictions(truth, counts.astype(float))


def pixels(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    buffer.seek(0)
    return matplotlib.image.imread(buffer)


def test_intensity_line_is_that_of_the_element_that_makes_the_intensity(table: pd.DataFrame) -> None:
    fits = figures.intensity_fits(table).set_index("target")
    assert fits.loc["Pt", "slope"] == pytest.approx(0.5)
    assert fits.loc["Pt", "intercept"] == pytest.approx(2.0)
    assert fits.loc["Pt", "r2"] == pytest.approx(1.0)
    assert fits.loc["Fe", "r2"] < 0.1


def test_an_element_without_variation_gets_no_line(table: pd.DataFrame) -> None:
    constant = table.assign(true_Co=3)
    assert "Co" not in set(figures.intensity_fits(constant)["target"])
    panels = {axes.get_xlabel(): axes for axes in figures.intensity_against_count(constant).axes}
    assert len(panels["Co (atoms in column)"].lines) == 0
    assert len(panels["Pt (atoms in column)"].lines) == 1


def test_intensity_panels_show_every_column_once(table: pd.DataFrame) -> None:
    figure = figures.intensity_against_count(table)
    for axes in figure.axes[: len(TARGETS)]:
        assert axes.collections[0].get_array().sum() == len(table)


def test_prediction_panels_have_truth_across_and_prediction_up(table: pd.DataFrame) -> None:
    doubled = table.assign(pred_Pt=2.0 * table["true_Pt"] + 20)
    axes = figures.prediction_against_truth(doubled).axes[0]
    assert axes.get_xlabel().startswith("True")
    assert axes.get_ylabel().startswith("Predicted")
    across, up = np.moveaxis(axes.collections[0].get_coordinates(), -1, 0)
    assert (across.min(), across.max()) == pytest.approx((-0.5, 5.5))
    assert (up.min(), up.max()) == pytest.approx((20, 30))


def test_prediction_panels_state_their_r2(table: pd.DataFrame) -> None:
    titles = [axes.get_title() for axes in figures.prediction_against_truth(table).axes]
    assert "Pt: $R^2$ = 1.000" in titles
    assert "Ni + Co + Fe: $R^2$ = 1.000" in titles


def test_error_bars_fill_one_hundred_per_cent() -> None:
    shares = pd.DataFrame(
        {"target": list(TARGETS), "0": 0.5, "1": 0.3, "2": 0.1, "3": 0.06, "more": 0.04}, index=range(len(TARGETS))
    )
    axes = figures.error_shares(shares).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
    np.testing.assert_allclose(ends, 100)


def test_learning_curves_draw_every_element() -> None:
    curves = pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0], "val_loss": [3.0, 2.0]})
    curves = curves.assign(**{f"val_r2_{symbol}": [0.1, 0.2] for symbol in ELEMENTS})
    losses, scores = figures.learning_curves(curves).axes
    assert [line.get_label() for line in losses.lines] == ["training", "validation"]
    assert [line.get_label() for line in scores.lines] == list(ELEMENTS)


def test_overview_puts_the_origin_at_the_top_left_and_each_element_in_its_column() -> None:
    image = np.zeros((16, 24))
    true = np.zeros((16, 24, 5))
    true[2, 20, 1] = 6.0
    figure = figures.overview(image, true, true / 2, sampling_angstrom=0.5)
    named = {axes.get_title(): axes for axes in figure.axes}
    shown = named["Ni, true"].images[0]
    assert shown.get_array()[2, 20] == 6
    left, right, bottom, top = shown.get_extent()
    assert (left, right) == pytest.approx((-0.025, 1.175))
    assert top < bottom
    assert named["Ni, predicted"].images[0].get_clim() == (0, 6)


def test_figures_have_no_global_state_and_draw_ink(table: pd.DataFrame) -> None:
    drawn = pixels(figures.prediction_against_truth(table))
    assert drawn[..., :3].min() < 0.1
    assert drawn[..., :3].std() > 0.05
