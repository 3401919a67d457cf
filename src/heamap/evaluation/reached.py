"""Which of its targets (``evaluate.targets``) a model reaches on the test split, and by how much it misses."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from heamap import params
from heamap.evaluation.accuracy import bound_error, dose_words
from heamap.evaluation.report import MODEL
from heamap.evaluation.targets import NI_CO_FE, TOTAL


@dataclass(frozen=True)
class Reached:
    """One target: at least ``threshold`` of a score.

    Attributes
    ----------
    value : None where the score is undefined, which reaches nothing
    low, high : ends of its interval over the test images; None where it has none
    note : what the score is beside its name
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float
    note: str = ""

    @property
    def met(self) -> bool:
        """By the value; the interval says how sure that is."""
        return self.value is not None and self.value >= self.threshold

    @property
    def missed_by(self) -> float | None:
        """0 where met; None where the score is undefined."""
        return None if self.value is None else max(self.threshold - self.value, 0.0)

    @property
    def verdict(self) -> str:
        """In words, with what the interval leaves open."""
        if self.value is None:
            return "missed, undefined"
        if self.met:
            return "met" + (
                ", but its interval reaches below" if self.low is not None and self.low < self.threshold else ""
            )
        open_ = ", though its interval reaches it" if self.high is not None and self.high >= self.threshold else ""
        return f"missed by {self.missed_by:.3f}{open_}"


def reached(report: Mapping[str, Any], targets: params.Targets) -> tuple[Reached, ...]:
    """Judge an evaluation by the targets.

    Parameters
    ----------
    report : ``reports/evaluation.json``

    Returns
    -------
    the total within one atom, R2 of Pt, R2 of Pt over the bound's, skill of Ni+Co+Fe, of Ni, of Co and of Fe
    """
    pt, light = report["scores"]["Pt"][MODEL], report["scores"][NI_CO_FE][MODEL]
    return (
        _reached(
            "total within 1 atom", report["scores"][TOTAL][MODEL]["within_1"], targets.min_within_one_total,
            "share of the columns",
        ),
        _reached("R² of Pt", pt["r2"], targets.min_r2_pt, _at_best(report, "Pt", "r2")),
        _over_bound(report, targets.min_r2_pt_over_bound),
        _reached("skill of Ni+Co+Fe", light["skill"], targets.min_skill_nicofe, _baseline(report, NI_CO_FE)),
        *(
            _reached(
                f"skill of {symbol}", report["scores"][symbol][MODEL]["skill"], targets.min_skill_each,
                _baseline(report, symbol),
            )
            for symbol in ("Ni", "Co", "Fe")
        ),
    )  # fmt: skip


def to_dict(found: Sequence[Reached]) -> list[dict[str, Any]]:
    """JSON-ready form, as in ``reports/targets.json``."""
    return [{**asdict(each), "met": each.met, "missed_by": each.missed_by, "verdict": each.verdict} for each in found]


def markdown(report: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> str:
    """All of ``reports/targets.md``.

    Parameters
    ----------
    report : ``reports/evaluation.json``
    found : ``to_dict``
    """
    if not found:
        return "No targets are set (`evaluate.targets`).\n"
    met = sum(each["met"] for each in found)
    lines = [
        f"{met} of {len(found)} targets met, by {report['columns']} columns of {report['images']} test images of "
        f"{dose_words(*report['dose_per_square_angstrom']['test_images'])}; in brackets the "
        f"{report['interval']['level']:.0%} interval over images.",
        "",
        "| | value | at least | |",
        "|---|---|---|---|",
    ]
    for each in found:
        words = f"{each['name']}, {each['note']}" if each["note"] else each["name"]
        lines.append(f"| {words} | {_value(each)} | {each['threshold']:g} | {each['verdict']} |")
    return "\n".join([*lines, ""])


def _reached(name: str, score: Mapping[str, float | None], threshold: float, note: str = "") -> Reached:
    return Reached(name, score["value"], score["low"], score["high"], threshold, note)


def _baseline(report: Mapping[str, Any], target: str) -> str:
    over, best = f"over: {report['yardsticks'][report['baseline_1'][target]]}", _at_best(report, target, "skill")
    return f"{over}; {best}" if best else over


def _at_best(report: Mapping[str, Any], target: str, score: str) -> str:
    """What can be reached without being told the composition of the image, where it is known."""
    # Reports of earlier versions know of no untold composition.
    best = report.get("untold_composition", {}).get("targets", {}).get(target, {}).get(score)
    return "" if best is None else f"at best about {best:.2f} where the total is known and the composition is not"


def _over_bound(report: Mapping[str, Any], threshold: float) -> Reached:
    """The bound is that of the test columns' totals, held fixed: its own error is told beside, not added."""
    name, r2 = "R² of Pt over the bound's", report["scores"]["Pt"][MODEL]["r2"]
    dose = report["dose_per_square_angstrom"]["bound"]
    best = next(
        row for row in report["bound"] if row["element"] == "Pt" and row["dose_per_square_angstrom"] == dose
    )  # fmt: skip
    if best["r2"] is None or best["r2"] <= 0:
        return Reached(name, None, None, None, threshold, f"the bound at {dose:.3g} electrons per Å² has none")
    known = f"{best['r2']:.3f} ± {bound_error(best, 'r2'):.3f}"
    note = f"the bound's at {dose:.3g} electrons per Å²: {known}, held fixed"
    value, low, high = (None if r2[end] is None else r2[end] / best["r2"] for end in ("value", "low", "high"))
    return Reached(name, value, low, high, threshold, note)


def _value(each: Mapping[str, Any]) -> str:
    value, low, high = (each[name] for name in ("value", "low", "high"))
    if value is None:
        return "–"
    return f"{value:.3f}" + ("" if None in (low, high) else f" [{low:.3f}, {high:.3f}]")
