import numpy as np
import pandas as pd
import pytest

from heamap.evaluation import accuracy, accuracy_figure
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
            "dose_per_square_angstrom": 2e5,
            "element": ["Pt", "Fe", "composition"],
            "mmse": [0.5, 0.5, np.nan],
            "standard_error": [0.025, 0.25, np.nan],
            "r2": [0.9, 0.4, np.nan],
            "skill": [0.8, 0.02, np.nan],
            "exact_share": [0.6, 0.4, 0.1],
            "exact_share_error": [0.004, 0.01, 0.001],
            "converged": [True, False, True],
        }
    )


def shares() -> pd.DataFrame:
    """Two in five columns are right, and no share is the same."""
    parts = {"0": 0.4, "1": 0.3, "2": 0.15, "3": 0.1, "more": 0.05}
    ends = {
        f"{name}_{end}": share + shift
        for name, share in parts.items()
        for end, shift in (("low", -0.02), ("high", 0.03))
    }
    return pd.DataFrame([{"target": target, **parts, **ends} for target in TARGETS])


def untold() -> dict:
    """Known of Pt and, as nothing varies, not of Fe."""
    drawn = {"skill": 0.4, "low": 0.3, "high": 0.5, "reached": 1.0}
    return {
        "targets": {
            "Pt": {"r2": 0.7, "skill": 0.45},
            "Ni": {"r2": 0.1, "skill": -0.9},
            "Fe": {"r2": None, "skill": None},
        },
        "drawn": {"Pt": drawn, "Ni": drawn | {"skill": -0.4, "reached": 0.05}, "Fe": dict.fromkeys(drawn)},
        "level": 0.9,
        "images": 12,
        "draws": 40,
    }


def cells(text: str) -> dict[str, list[str]]:
    """Rows of a Markdown table by their first cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines[2:]}


def test_table_has_a_row_an_estimator_and_a_column_a_target() -> None:
    text = accuracy.markdown(scores(), bound(), columns=10, images=2, level=0.95)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0].count("|") == len(TARGETS) + 2
    named = cells(text)
    assert named["the model"][:2] == ["0.00 (0.00)", "0.05 (0.10)"]
    assert named["1 mean column"][0] == "– (–)"
    assert named["5 Bayes bound: total, composition known"] == [
        "0.90 ± 0.005 (0.80 ± 0.010)",
        *[""] * 3,
        "0.40 ± 0.300 (0.02 ± 0.490), not converged",
        *[""] * 2,
    ]
    assert "at a dose of 2e+05 electrons per Å²" in text
    assert "10 columns of 2 test images" in text
    assert "Total R² 0.30 [0.50, 0.70], skill 0.60 [0.50, 0.70]" in text


def test_without_a_bound_nothing_is_said_of_it() -> None:
    text = accuracy.markdown(scores(), None, columns=10, images=2, level=0.95)
    assert "5 Bayes" not in text
    assert "dose" not in text


def test_errors_stand_beside_the_best_share_of_exact_counts() -> None:
    measured = scores().assign(mae=0.75, mae_low=0.7, mae_high=0.81)
    text = accuracy.error_table(measured, shares(), bound(), level=0.95)
    rows = cells(text)
    assert list(rows) == ["Pt", "Ni", "Pd", "Co", "Fe", "Ni+Co+Fe", "Total"]
    ranges = ["40.0% [38.0%, 43.0%]", "30.0% [28.0%, 33.0%]", "15.0% [13.0%, 18.0%]"]
    r2 = ["0.05 [0.00, 0.20]", "0.75 [0.70, 0.81]"]
    assert rows["Ni"] == [*r2, ranges[0], "", *ranges[1:], "15.0%"]
    assert rows["Fe"][2:4] == ["40.0% [38.0%, 43.0%]", "40.0% ± 1.0%"]
    assert rows["Pt"][3] == "60.0% ± 0.4%"
    assert "with 95% intervals over images" in text


COVERAGE = {
    "level": 0.9,
    "not_covered": [],
    "targets": {target: {"overall": {"share": 0.9, "low": None, "high": None}} for target in TARGETS}
    | {"Pt": {"overall": {"share": 0.912, "low": 0.874, "high": 0.945}}},
}
OTHERS = ("Ni", "Pd", "Co", "Fe", "Ni+Co+Fe", "Total")


def test_widths_and_what_is_not_covered_are_one_line_each() -> None:
    sharp = {
        "Pt": {"ratio": 0.625, "low": 0.5, "high": 0.75},
        "total": {"ratio": None, "low": None, "high": None},
    }
    missed = ["Pt, edge_distance 10 (below)", "total, dose low (above)"]
    width, _, shares, _, verdict, _ = accuracy.interval_lines(
        {"coverage": COVERAGE | {"not_covered": missed}, "sharpness": sharp}
    ).split("\n")
    assert width.startswith("Width of the 90% prediction intervals, the model's / atom counting's: ")
    assert "Pt 0.62 [0.50, 0.75], Total undefined." in width
    assert verdict.startswith("Covered less often than promised: Pt, edge distance 10. More often")
    assert shares.endswith("Pt 91.2% [87.4%, 94.5%], " + ", ".join(f"{name} 90.0%" for name in OTHERS) + ".")
    assert "need be: 1 targets and slices" in verdict
    text = accuracy.interval_lines({"coverage": COVERAGE, "sharpness": sharp})
    assert "Every target is covered, overall and in every slice." in text


def test_the_bounds_error_is_that_of_its_mmse() -> None:
    row = {"r2": 0.6, "skill": 0.5, "mmse": 2.0, "standard_error": 0.1}
    assert accuracy.bound_error(row, "r2") == pytest.approx(0.4 / 20)
    assert accuracy.bound_error(row, "skill") == pytest.approx(0.5 / 20)
    assert accuracy.bound_error(row | {"mmse": 0.0, "r2": 1.0}, "r2") == 0


def test_doses_are_told_apart_from_one_dose_for_all() -> None:
    assert accuracy.dose_words(1e5, 4e5) == "1e+05 to 4e+05 electrons per Å², each its own"
    assert accuracy.dose_words(2e5, 2e5) == "2e+05 electrons per Å² each"


def test_the_page_holds_both_tables_and_the_intervals() -> None:
    interval = {"value": 0.5, "low": 0.25, "high": 0.75}
    quantities = ("r2", "mae", "skill")
    estimators = {
        "model": dict.fromkeys(quantities, interval)
        | {"error_shares": dict.fromkeys(("0", "1", "2", "3", "more"), interval), "within_1": interval}
    }
    document = {
        "dose_per_square_angstrom": {"test_images": [2e5, 2e5], "bound": 2e5},
        "columns": 10,
        "images": 2,
        "scores": dict.fromkeys(TARGETS, estimators),
        "skill": {target: {} for target in TARGETS},
        "intervals": {
            "coverage": COVERAGE,
            "sharpness": {target: {"ratio": 0.5, "low": 0.25, "high": 0.75} for target in TARGETS},
        },
        "told_composition": {"coverage": COVERAGE},
        "untold_composition": untold(),
    }
    text = accuracy.page(document, bound())
    places = [
        text.index(words)
        for words in (
            "10 columns of 2 test images",
            "| the model | 0.50 (0.50) |",
            "Dose of the test images: 2e+05 electrons per Å² each.",
            "| Fe | 0.50 [0.25, 0.75] | 0.50 [0.25, 0.75] | 50.0% [25.0%, 75.0%] | 40.0% ± 1.0% |",
            "Pt 0.50 [0.25, 0.75], Total 0.50 [0.25, 0.75].",
            "Every target is covered",
            "Told the true composition of the image, columns inside their 90% interval, calibrated alike: Pt 91.2% [",
            "Of 40 draws of 12 particles each, with the totals of the test images: skill over all, [90% of the draws]",
            "Pt 0.40 [0.30, 0.50], 100%; Ni -0.40 [0.30, 0.50], 5%.",
        )
    ]
    assert places == sorted(places)


def test_what_can_be_said_without_the_composition_has_a_row_and_a_wall() -> None:
    text = accuracy.markdown(scores(), bound(), columns=10, images=2, level=0.95, untold=untold())
    named = cells(text)["5 Bayes: total known, composition not"]
    assert named[:2] + named[4:] == ["0.70 (0.45)", "0.10 (-0.90)", "– (–)", "", ""]
    assert "5 Bayes: total known" not in accuracy.markdown(scores(), bound(), columns=10, images=2, level=0.95)
    axes = accuracy_figure.skill_plot(scores(), bound(), untold()).axes[0]
    walls = [line.get_xdata()[0] for line in axes.lines if line.get_color() == "0.45" and len(line.get_xdata())]
    # What lies further left than the plot is drawn at its edge.
    assert walls == [0.45, -0.6]


def test_plot_shows_the_model_and_pins_what_lies_outside_to_its_edge() -> None:
    axes = accuracy_figure.skill_plot(scores(), bound()).axes[0]
    drawn = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(drawn["the model"].get_xdata(), [0.1 * place for place in range(len(TARGETS))])
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert len(hollow) == 1
    assert set(hollow[0].get_xdata()) == {-0.6}
    walls = [line for line in axes.lines if line.get_linewidth() == 3 and len(line.get_xdata())]
    assert [wall.get_xdata()[0] for wall in walls] == [0.8, 0.02]
