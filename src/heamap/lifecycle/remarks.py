"""What stands beside the verdict on a model and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heamap.evaluation.local_features import TREES
from heamap.evaluation.report import LEVEL
from heamap.evaluation.targets import NI_CO_FE, TOTAL
from heamap.evaluation.yardsticks import FIRST


@dataclass(frozen=True)
class Remark:
    """One number, and in words what it is; ``note`` holds its interval where it has one."""

    name: str
    value: float | int | None
    note: str


def remarks(evaluation: Mapping[str, Any], max_coverage_gap: float) -> tuple[Remark, ...]:
    """What an evaluation report tells of a model beyond the criteria.

    Parameters
    ----------
    evaluation : ``reports/evaluation.json``
    max_coverage_gap : a share of counts inside their intervals this far above the promised one is told

    Returns
    -------
    skill of Pt, Ni+Co+Fe and the total over the trees; of Ni+Co+Fe over baseline 1; of the bound; width of the
    intervals over that of atom counting's, below 1 where narrower; slices whose coverage is off; every target whose
    intervals hold more than they promise
    """
    skill, summary, intervals = evaluation["skill"], evaluation["summary"], evaluation["intervals"]
    missed = intervals["coverage"]["not_covered"]
    return (
        *(_skill(skill, target, TREES) for target in ("Pt", NI_CO_FE, TOTAL)),
        _skill(skill, NI_CO_FE, FIRST[NI_CO_FE]),
        *(
            Remark(
                f"bound_skill_{target}",
                summary[f"bound_skill_{target}"],
                "of the bound: vibrating atoms, at the tabulated dose next to the test images'",
            )
            for target in ("Pt", NI_CO_FE)
        ),
        *(_width(intervals["sharpness"][target], target) for target in ("Pt", TOTAL)),
        Remark("slices_not_covered", len(missed), "; ".join(missed)),
        *_overcovered(intervals["coverage"], max_coverage_gap),
    )


def interval(found: Mapping[str, float | None]) -> str:
    """The 95 % interval of a score over the test images, in words; empty where it has none."""
    low, high = found["low"], found["high"]
    return "" if low is None or high is None else f"{LEVEL:.0%} interval {low:.3f} to {high:.3f}"


def _skill(skill: Mapping[str, Any], target: str, yardstick: str) -> Remark:
    found = skill[target][yardstick]
    return Remark(f"skill_{target}_over_{yardstick}", found["value"], interval(found))


def _width(found: Mapping[str, float | None], target: str) -> Remark:
    words = ", ".join(filter(None, ("interval width over atom counting's", interval(found))))
    return Remark(f"width_over_counting_{target}", found["ratio"], words)


def _overcovered(coverage: Mapping[str, Any], gap: float) -> list[Remark]:
    most = coverage["level"] + gap
    shares = {target: found["overall"]["share"] for target, found in coverage["targets"].items()}
    return [
        Remark(f"overcoverage_{target}", share, f"intervals hold more than {most:g}: wider than they promise to be")
        for target, share in shares.items()
        if share > most
    ]
