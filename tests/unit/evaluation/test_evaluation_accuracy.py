import numpy as np
import pandas as pd

from heamap.evaluation import accuracy
from heamap.evaluation.targets import TARGETS


def scores() -> pd.DataFrame:
    rows = []
    for place, target in enumerate(TARGETS):
        for name, skill in (("model", 0.1 * place), ("line_cell", -3.0), ("mean_column", np.nan)):
            rows.append({"target": target, "estimator": name, "skill": skill, "r2": skill / 2})
            rows[-1] |= {
                f"{score}_{end}": skill + shift
                for score in ("skill", "r2")
                for end, shift in (("low", -0.1), ("high", 0.1))
            }
    return pd.DataFrame(rows)


def bound() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "element": ["Pt", "composition"],
            "dose_per_square_angstrom": 2.5e5,
            "r2": [0.9, np.nan],
            "skill": [0.8, np.nan],
        }
    )


def test_table_has_a_row_an_estimator_and_a_column_a_target() -> None:
    text = accuracy.markdown(scores(), bound(), columns=10, images=2, level=0.95)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0].count("|") == len(TARGETS) + 2
    named = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines[2:]}
    assert named["the model"][:2] == ["0.00 (0.00)", "0.05 (0.10)"]
    assert named["1 mean column"][0] == "– (–)"
    assert named["5 Bayes bound: total known"] == ["0.90 (0.80)", *[""] * 6]
    assert "10 columns of 2 test images" in text
    assert "The bound is of simulated columns of vibrating atoms at 2.5e+05 electrons per square Angstrom." in text
    assert "Total R² 0.30 [0.50, 0.70], skill 0.60 [0.50, 0.70]" in text


def test_plot_shows_the_model_and_pins_what_lies_outside_to_its_edge() -> None:
    axes = accuracy.skill_plot(scores(), bound()).axes[0]
    drawn = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(drawn["the model"].get_xdata(), [0.1 * place for place in range(len(TARGETS))])
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert len(hollow) == 1
    assert set(hollow[0].get_xdata()) == {-0.6}
    walls = [line for line in axes.lines if line.get_linewidth() == 3 and len(line.get_xdata())]
    assert [wall.get_xdata()[0] for wall in walls] == [0.8]
