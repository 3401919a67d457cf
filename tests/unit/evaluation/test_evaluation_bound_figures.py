import numpy as np
import pandas as pd
import pytest

from heamap.elements import COLOURS
from heamap.evaluation.bound_figures import SHOWN, skill_against_total

TOTALS, DOSES = (5, 10, 20), (1e4, 4e5)


def skill_of(name: str, total: int, dose: float) -> float:
    return (1 + list(SHOWN).index(name)) / 10 + total / 100 + (dose > 1e5) / 50


def table() -> pd.DataFrame:
    """Highest totals first, as no order is promised; the composition is tabulated and not drawn."""
    rows = [
        {
            "dose_per_square_angstrom": dose,
            "total": total,
            "element": name,
            "skill": np.nan if name == "composition" else skill_of(name, total, dose),
            "standard_error": 0.02 * total,
            "variance": 0.2 * total,
        }
        for dose in reversed(DOSES)
        for total in reversed(TOTALS)
        for name in (*SHOWN, "composition")
    ]
    return pd.DataFrame(rows)


def test_every_panel_draws_one_line_per_count_with_the_values_of_its_dose() -> None:
    panels = skill_against_total(table()).axes
    assert [axes.get_title() for axes in panels] == ["1e+04 e/Å$^2$", "4e+05 e/Å$^2$"]
    for axes, dose in zip(panels, DOSES, strict=True):
        assert len(axes.containers) == len(SHOWN)
        for name, drawn in zip(SHOWN, axes.containers, strict=True):
            line = drawn.lines[0]
            assert list(line.get_xdata()) == list(TOTALS)
            assert list(line.get_ydata()) == [skill_of(name, total, dose) for total in TOTALS]


def test_bars_are_the_error_of_mmse_over_the_variance() -> None:
    for drawn in skill_against_total(table()).axes[0].containers:
        middle = np.array(drawn.lines[0].get_ydata(), float)
        ends = np.array([segment[:, 1] for segment in drawn.lines[2][0].get_segments()], float)
        np.testing.assert_allclose(ends, np.column_stack([middle - 0.1, middle + 0.1]))


def test_elements_keep_their_colours_and_the_sum_is_black() -> None:
    figure = skill_against_total(table())
    colours = {drawn.get_label(): drawn.lines[0].get_color() for drawn in figure.axes[0].containers}
    assert colours == {**{name: COLOURS[name] for name in ("Pt", "Pd", "Ni", "Co", "Fe")}, "Ni + Co + Fe": "black"}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(colours)


@pytest.mark.parametrize("doses", [1, 2])
def test_there_is_a_panel_a_dose(doses: int) -> None:
    some = table()
    some = some[some["dose_per_square_angstrom"].isin(DOSES[:doses])]
    assert len(skill_against_total(some).axes) == doses
