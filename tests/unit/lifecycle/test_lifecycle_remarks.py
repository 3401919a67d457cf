"""What is told beside the verdict, from a hand-made evaluation report."""

from typing import Any

from heamap.lifecycle.remarks import Remark, interval, remarks


def spread(value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def report() -> dict[str, Any]:
    return {
        "summary": {"bound_skill_Pt": 0.72, "bound_skill_NiCoFe": None},
        "skill": {
            "Pt": {"local_features": spread(-0.01, -0.2, 0.15), "line_cell": spread(0.6, 0.5, 0.7)},
            "NiCoFe": {
                "local_features": spread(0.2, 0.1, 0.3),
                "true_total_x_composition": spread(0.21, 0.06, 0.3),
            },
            "total": {"local_features": spread(None, None, None)},
        },
        "intervals": {
            "coverage": {
                "level": 0.9,
                "targets": {
                    "Pt": {"overall": {"share": 0.93}},
                    "Fe": {"overall": {"share": 0.919}},
                    "total": {"overall": {"share": 0.85}},
                },
                "not_covered": ["Pt (above)", "total, chemistry waves (below)"],
            },
            "sharpness": {
                "Pt": {"width": 3.0, "rival_width": 4.0, "ratio": 0.75, "low": 0.7, "high": 0.8},
                "total": {"width": 3.0, "rival_width": 0.0, "ratio": None, "low": None, "high": None},
            },
        },
    }


def test_every_remark_is_listed_with_its_number_and_interval() -> None:
    bound = "of the bound: vibrating atoms, at the tabulated dose next to the test images'"
    assert remarks(report(), 0.02) == (
        Remark("skill_Pt_over_local_features", -0.01, "95% interval -0.200 to 0.150"),
        Remark("skill_NiCoFe_over_local_features", 0.2, "95% interval 0.100 to 0.300"),
        Remark("skill_total_over_local_features", None, ""),
        Remark("skill_NiCoFe_over_true_total_x_composition", 0.21, "95% interval 0.060 to 0.300"),
        Remark("bound_skill_Pt", 0.72, bound),
        Remark("bound_skill_NiCoFe", None, bound),
        Remark("width_over_counting_Pt", 0.75, "interval width over atom counting's, 95% interval 0.700 to 0.800"),
        Remark("width_over_counting_total", None, "interval width over atom counting's"),
        Remark("slices_not_covered", 2, "Pt (above); total, chemistry waves (below)"),
        Remark("overcoverage_Pt", 0.93, "intervals hold more than 0.92: wider than they promise to be"),
    )


def test_overcoverage_is_told_only_beyond_the_gap_allowed() -> None:
    told = [remark.name for remark in remarks(report(), 0.01) if remark.name.startswith("overcoverage")]
    assert told == ["overcoverage_Pt", "overcoverage_Fe"]
    assert not [remark for remark in remarks(report(), 1.0) if remark.name.startswith("overcoverage")]


def test_half_an_interval_is_none() -> None:
    assert interval(spread(0.5, 0.4, None)) == ""
