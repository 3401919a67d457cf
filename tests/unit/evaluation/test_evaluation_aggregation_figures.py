import io

import numpy as np
import pandas as pd
import pytest

from heamap.elements import ELEMENTS
from heamap.evaluation.aggregation_figures import (
    ALIKE,
    MODEL,
    RATES,
    TRUTH,
    aggregation_plot,
    correlogram_table,
    rate_table,
)
from heamap.evaluation.claims import Power, highest_share, lowest_share
from heamap.evaluation.model_calibration import AGGREGATED, PLAIN

POWER = Power(0.05, (4,) * 5, (3, 0, 1, 0, 0), (3,) * 5, (0, 1, 0, 0, 0), (0.2,) * 5)


def image(chemistry: str, nearest: float | None, *, claimed: bool, gathers: bool) -> dict:
    """Pt alone is claimed or gathers; columns are ``nearest`` alike at 2.5 Angstrom and not at 5."""
    return {
        "chemistry": chemistry,
        "true_gathers": {symbol: gathers and symbol == "Pt" for symbol in ELEMENTS},
        "elements": {
            symbol: {"claim": "aggregated" if claimed and symbol == "Pt" else "no claim"} for symbol in ELEMENTS
        },
        "correlogram": {
            "distance_angstrom": [2.5, 5.0, None],
            "correlation": {symbol: [nearest, 0.0, None] for symbol in ELEMENTS},
        },
    }


def report(power: Power | None = POWER) -> dict:
    images = [
        image(AGGREGATED, 0.1, claimed=True, gathers=True),
        image(AGGREGATED, 0.3, claimed=True, gathers=True),
        image(AGGREGATED, None, claimed=False, gathers=True),
        image(AGGREGATED, 0.2, claimed=False, gathers=False),
        image("waves", 0.5, claimed=True, gathers=True),
        *[image(PLAIN, 0.0, claimed=False, gathers=False)] * 3,
    ]
    return {"power": None if power is None else power.to_dict(), "images": images}


def row(table: pd.DataFrame, **place) -> pd.Series:
    for name, value in place.items():
        table = table[table[name] == value]
    return table.squeeze()


def test_the_model_is_counted_by_its_power_and_the_truth_by_its_own_test() -> None:
    table = rate_table(report())
    assert list(table.columns) == list(RATES)
    assert len(table) == 2 * 5 * 2
    model = row(table, chemistry=AGGREGATED, element="Pt", counts=MODEL)
    assert model[["gathers", "particles", "share", "claimed"]].tolist() == [3, 4, 0.75, 2]
    assert (model["low"], model["high"]) == (lowest_share(3, 4), highest_share(3, 4))
    truth = row(table, chemistry=AGGREGATED, element="Pt", counts=TRUTH)
    assert truth[["gathers", "particles", "share"]].tolist() == [3, 4, 0.75]
    assert pd.isna(truth["claimed"])
    alarm = row(table, chemistry=PLAIN, element="Ni", counts=MODEL)
    assert alarm[["gathers", "particles", "claimed"]].tolist() == [1, 3, 0]
    assert alarm["share"] == pytest.approx(1 / 3)


def test_without_particles_of_a_kind_nothing_is_known_of_it() -> None:
    bare = report(Power(0.05, (0,) * 5, (0,) * 5, (3,) * 5, (0,) * 5, (None,) * 5))
    bare["images"] = [one for one in bare["images"] if one["chemistry"] == PLAIN]
    table = rate_table(bare)
    seeded = table[table["chemistry"] == AGGREGATED]
    assert seeded["share"].isna().all()
    assert (set(seeded["low"]), set(seeded["high"])) == ({0.0}, {1.0})
    axes = aggregation_plot(table, correlogram_table(bare)).axes[0]
    assert len(axes.texts) == 0


def test_the_correlogram_is_the_mean_over_the_images_that_know_it() -> None:
    table = correlogram_table(report())
    assert list(table.columns) == list(ALIKE)
    nearest = row(table, chemistry=AGGREGATED, element="Fe", shell=0)
    assert nearest["images"] == 3
    assert nearest["correlation"] == pytest.approx(0.2)
    assert nearest["standard_error"] == pytest.approx(0.1 / np.sqrt(3))
    assert nearest["distance_angstrom"] == 2.5
    assert set(table["shell"]) == {0, 1}
    assert row(table, chemistry=AGGREGATED, element="Fe", shell=1)["images"] == 4
    assert np.isnan(row(table, chemistry="waves", element="Pt", shell=0)["standard_error"])


@pytest.mark.parametrize("found", [None, report(None)], ids=["no error model", "no power"])
def test_a_model_that_was_not_measured_leaves_a_table_of_headers(found: dict | None) -> None:
    buffer = io.StringIO()
    rate_table(found).to_csv(buffer, index=False)
    assert buffer.getvalue() == ",".join(RATES) + "\n"
    assert list(correlogram_table(None).columns) == list(ALIKE)


def test_picture_shows_the_numbers_and_the_lines_of_every_chemistry() -> None:
    rates, alike = rate_table(report()), correlogram_table(report())
    seeded, bare, *elements = aggregation_plot(rates, alike).axes
    words = [text.get_text() for text in seeded.texts]
    assert words[0] == "3 of 4, 2 claimed"
    assert words[5] == "3 of 4"
    assert [text.get_text() for text in bare.texts][1] == "1 of 3, 0 claimed"
    marks = [line for line in seeded.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [float(line.get_ydata()[0]) for line in marks] == [0.75, 0, 0.25, 0, 0]
    # The shade is what claims may not reach into: less than half detected, more than a fifth called by mistake.
    assert [patch.get_y() for patch in (seeded.patches[0], bare.patches[0])] == [0.0, 0.2]
    assert seeded.patches[0].get_height() == 0.5
    assert [axes.get_title() for axes in elements] == list(ELEMENTS)
    labels = [text.get_text() for text in elements[0].get_legend().get_texts()]
    assert labels == ["gathers in columns (4)", "by chance (3)", "waves (1)"]
    lines = [container.lines[0] for container in elements[3].containers]
    heights = np.array([line.get_ydata() for line in lines], float)
    np.testing.assert_allclose(heights, [[0.2, 0.0], [0.0, 0.0], [0.5, 0.0]])
    assert list(lines[0].get_xdata()) == [2.5, 5.0]


def test_an_element_that_is_not_seen_leaves_its_panel_empty_and_the_key_to_another() -> None:
    blind = report()
    for one in blind["images"]:
        one["correlogram"]["correlation"]["Pt"] = [None, None, None]
    _, _, pt, nickel, *_ = aggregation_plot(rate_table(blind), correlogram_table(blind)).axes
    assert (len(pt.containers), len(nickel.containers)) == (0, 3)
    assert pt.get_legend() is None
    assert len(nickel.get_legend().get_texts()) == 3
