import numpy as np

from heamap.evaluation.coverage import coverage_report, sharpness
from heamap.evaluation.interval_figures import coverage_plot, coverage_table, sharpness_table
from heamap.evaluation.targets import TARGETS, with_sums


def report() -> dict:
    """Totals are always missed, everything else is always covered."""
    counts = np.tile(np.arange(5.0), (40, 1))
    low, high = with_sums(counts) - 1, with_sums(counts) + 1
    low[:, -1] += 5
    high[:, -1] += 5
    slices = {"dose": np.repeat(["low", "high"], 20)}
    return coverage_report(np.arange(40) // 10, counts, low, high, slices, level=0.9)


def test_table_has_every_target_overall_and_in_every_slice() -> None:
    table = coverage_table(report())
    assert len(table) == len(TARGETS) * 3
    total = table[table["target"] == "total"]
    assert set(total["share"]) == {0.0}
    assert set(total["verdict"]) == {"not covered"}
    assert total["cut"].tolist() == ["overall", "dose", "dose"]


def test_too_few_are_drawn_as_diamonds_and_too_many_as_triangles() -> None:
    figure = coverage_plot(coverage_table(report()), level=0.9)
    panels = dict(zip(TARGETS, figure.axes, strict=True))
    marks = [line.get_marker() for line in panels["total"].lines if line.get_marker() != "None"]
    assert marks == ["D", "D", "D"]
    assert {line.get_marker() for line in panels["Pt"].lines if line.get_marker() != "None"} == {"^"}
    assert figure.axes[0].get_yticklabels()[1].get_text() == "dose: high"


def test_sharpness_has_a_row_a_target() -> None:
    width = np.tile(np.arange(1.0, 8.0), (20, 1))
    rival = np.column_stack([2 * width[:, :-1], np.zeros(20)])
    found = sharpness(np.arange(20) // 5, width, rival, resamples=20, rng=np.random.default_rng(0))
    table = sharpness_table(found)
    assert list(table.columns) == ["target", "ratio", "low", "high"]
    assert table["target"].tolist() == list(TARGETS)
    np.testing.assert_allclose(table[["ratio", "low", "high"]].iloc[:-1].astype(float), 0.5)
    assert table[["ratio", "low", "high"]].iloc[-1].isna().all()
