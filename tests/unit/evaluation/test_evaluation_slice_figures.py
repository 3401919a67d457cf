import numpy as np
import pandas as pd

from heamap.evaluation.slice_figures import SHOWN, slice_plot
from heamap.evaluation.targets import TARGETS
from heamap.evaluation.yardsticks import FIRST


def table() -> pd.DataFrame:
    """Skill .5 [.4, .7] of thin columns, -3 of thick ones and none of a single image's; Pt is better by .1."""
    rows = []
    for cut, name, skill, low, high in (
        ("total", "1 to 6", 0.5, 0.4, 0.7),
        ("total", "6 and more", -3.0, -4.0, -0.5),
        ("dose", "low", 0.2, None, None),
    ):
        for target in TARGETS:
            first, shift = f"skill_{FIRST[target]}", 0.1 * (target == "Pt")
            row = {"cut": cut, "slice": name, "target": target, "skill_line_cell": 0.9, first: skill + shift}
            ends = (("low", low), ("high", high))
            rows.append(row | {f"{first}_{end}": None if value is None else value + shift for end, value in ends})
    return pd.DataFrame(rows)


def test_every_slice_has_its_skill_over_baseline_1_and_its_interval() -> None:
    figure = slice_plot(table(), {"Pt": 0.3, "NiCoFe": 0.2, "total": None})
    assert [axes.get_title() for axes in figure.axes] == ["Pt", "Ni + Co + Fe", "Total"]
    for axes, shift, lines in zip(figure.axes, (0.1, 0, 0), (2, 2, 1), strict=True):
        filled, hollow = (line for line in axes.lines if line.get_marker() == "o")
        np.testing.assert_allclose(filled.get_xdata(), [0.5 + shift, 0.2 + shift])
        np.testing.assert_array_equal(filled.get_ydata(), [0, 2])
        assert hollow.get_markerfacecolor() == "none"
        assert (hollow.get_xdata().tolist(), hollow.get_ydata().tolist()) == ([-0.6], [1])
        ends = [segment.tolist() for segment in axes.collections[0].get_segments()]
        np.testing.assert_allclose(ends[0], [[0.4 + shift, 0], [0.7 + shift, 0]])
        # What lies further left is cut off at the edge; one image has no interval.
        np.testing.assert_allclose(ends[1], [[-0.6, 1], [-0.5 + shift, 1]])
        assert len(ends) == 2
        assert sum(line.get_marker() == "None" for line in axes.lines) == lines


def test_rows_are_named_and_run_downwards() -> None:
    axes = slice_plot(table(), dict.fromkeys(SHOWN, 0.3)).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["total: 1 to 6", "total: 6 and more", "dose: low"]
    assert axes.get_ylim() == (2.5, -0.5)
