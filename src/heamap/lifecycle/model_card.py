"""The card of a released model, made of its contract and of what its line wrote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from heamap.contract import Contract
from heamap.elements import ELEMENTS
from heamap.evaluation import reached
from heamap.evaluation.accuracy import (
    BOUND,
    LABELS,
    NAMES,
    UNTOLD,
    bound_error,
    dose_words,
    interval_lines,
    told_line,
    untold_lines,
)
from heamap.evaluation.report import MODEL
from heamap.evaluation.targets import TARGETS
from heamap.params import Params

MISSING = "–"


@dataclass(frozen=True)
class Facts:
    """What the card is made of.

    Attributes
    ----------
    contract : of the model
    params : that its run was trained with
    samples : of its data (``heamap.dataset.store.Dataset``), one row an image
    evaluation, targets, gate : ``reports/evaluation.json``, ``targets.json`` and ``gate.json``
    file_bytes : size of the ONNX file
    lineage : in words, by what it is
    """

    contract: Contract
    params: Params
    samples: pd.DataFrame
    evaluation: Mapping[str, Any]
    targets: Sequence[Mapping[str, Any]]
    gate: Mapping[str, Any]
    file_bytes: int
    lineage: Mapping[str, str]


def page(facts: Facts) -> str:
    """All of ``MODEL_CARD.md``."""
    sections = {
        "heamap-fcn": _what(facts),
        "Training ranges": _ranges(facts),
        "Accuracy": _accuracy(facts.evaluation),
        "Targets": reached.markdown(facts.evaluation, facts.targets),
        "Intervals": _intervals(facts.evaluation),
        "What not to believe": _doubts(facts),
        "Domain": _domain(facts.contract),
        "Gate": _gate(facts.gate),
        "Lineage": table(("", ""), ((name, f"`{value}`") for name, value in facts.lineage.items())),
        "Licence and citation": _LICENCE,
    }
    titles = (f"{'#' if place == 0 else '##'} {title}" for place, title in enumerate(sections))
    return "\n\n".join(
        f"{title}\n\n{text.strip()}" for title, text in zip(titles, sections.values(), strict=True)
    ) + "\n"  # fmt: skip


_LICENCE = """GPL-3.0-or-later, as heamap.

Cite M. Ragone et al., *Comput. Mater. Sci.* 201 (2022) 110905, for the method, this repository at the parent commit
above, and what simulated the images: abTEM (Madsen and Susi, *Open Research Europe* 1 (2021) 24), with structures from
the potential of Zhou, Johnson and Wadley, *Phys. Rev. B* 69 (2004) 144113."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


def _what(facts: Facts) -> str:
    contract, network = facts.contract, "-".join(map(str, facts.params.train.filters))
    told = ""
    if contract.energy is not None:
        told = " It allows for the energy of the beam, which comes from the file or from the user too."
    if contract.background is not None:
        most = f"up to {contract.background.most:g} of the beam"
        told += f" What an image shows beside the particle, {most}, is taken off as background."
    needs = {
        "absolute": "It reads fractions of the incident beam, so the detector must be calibrated: gain and black level "
        "come from the file or from the user, the detector's collection angles from the user. Brightness on another "
        "detector than training's is brought to training's by one factor, and the image is called doubtful."
        f"{told}",
        "local": "It reads images of any unit; their local normalisation erases the absolute scale.",
    }
    seen = {
        1: "",
        2: " It sees each image as it is and transposed; the maps are the mean.",
        4: " It sees each image as it is and turned by a quarter, a half and three quarters; the maps are the mean.",
    }[contract.orientations]
    by_columns = ""
    if contract.columns is not None:
        by_columns = (
            f" Counts are {1 - contract.columns.weight:.0%} of what is read off the maps and "
            f"{contract.columns.weight:.0%} of what a second network makes of each column's surroundings and its "
            "neighbours', which is in the same file."
        )
    return "\n".join(
        [
            "Made by `heamap release` from the contract inside the model and from its line's reports.",
            "",
            f"A fully convolutional network (filters {network}) that turns a HAADF-STEM image of "
            f"{contract.sampling_angstrom:g} Å a pixel, to which other images are resampled, into five maps: atoms of "
            f"{', '.join(contract.elements)} in each atom column.{seen}{by_columns} {needs[contract.normalization]} "
            f"ONNX, {facts.file_bytes / 1e6:.1f} MB.",
        ]
    )


def _ranges(facts: Facts) -> str:
    ranges, probe, effects = facts.contract.ranges, facts.params.simulate.microscope, facts.params.train.effects
    own = facts.samples[facts.samples["split"] == "train"]
    kev = [energy / 1e3 for energy in ranges.energy_ev]
    rows = [
        ("beam energy", _range(kev, "keV")),
        ("convergence semiangle", _range(ranges.semiangle_mrad, "mrad")),
        ("detector", _range(ranges.detector_mrad, "mrad")),
        ("defocus", _range(probe.defocus_angstrom, "Å")),
        ("spherical aberration", _range(probe.spherical_aberration_angstrom, "Å")),
        ("two-fold astigmatism", _range(probe.astigmatism_angstrom, "Å")),
        ("dose", _range(ranges.dose_per_square_angstrom, "electrons per Å²")),
        ("source size, full width at half maximum", _range(effects.source_fwhm_angstrom, "Å")),
        ("support and contamination", _range(effects.background_fraction, "of the incident beam")),
        ("pixel size of the network", f"{facts.contract.sampling_angstrom:g} Å"),
        ("field", f"{facts.params.base.field_angstrom:g} Å square"),
        ("particle diameter", _spread(own["diameter_angstrom"], "Å")),
        ("particle thickness", _spread(own["thickness_angstrom"], "Å")),
        ("atoms in a column", _range(ranges.column_total, "")),
        ("nearest columns", f"{ranges.nearest_column_angstrom:.2f} Å apart"),
        *((f"share of {symbol} in a particle", _spread(own[f"fraction_{symbol}"], "")) for symbol in ELEMENTS),
        (
            "particles by chemistry model",
            ", ".join(f"{n} {kind}" for kind, n in own["chemistry"].value_counts().items()),
        ),
        ("images", _images(facts.samples)),
    ]
    return table(("of the training images", "from, to"), rows)


def _images(samples: pd.DataFrame) -> str:
    made = (samples["split"] + " (" + samples["engine"] + ")").value_counts()
    return "; ".join(f"{number} {kind}" for kind, number in made.items())


def _accuracy(evaluation: Mapping[str, Any]) -> str:
    heads, dose = ("", *(NAMES[target] for target in TARGETS)), evaluation["dose_per_square_angstrom"]
    # Reports of earlier versions know of no untold composition.
    scores, untold = evaluation["scores"], evaluation.get("untold_composition")
    best = {
        row["element"]: row for row in evaluation["bound"] if row["dose_per_square_angstrom"] == dose["bound"]
    }  # fmt: skip

    def rows(score: str) -> list[list[str]]:
        estimators = [name for name in LABELS if any(name in scores[target] for target in TARGETS)]
        found = [
            [LABELS[name], *(_score(scores[target].get(name, {}).get(score)) for target in TARGETS)]
            for name in estimators
        ]
        known = [LABELS[BOUND], *(_bound(best.get(target), score) for target in TARGETS)]
        if untold is None:
            return [*found, known]
        ends = [LABELS[UNTOLD], *(_two_places(untold["targets"].get(target, {}).get(score)) for target in TARGETS)]
        return [*found, known, ends]

    errors = [
        [label, *(_score(score(scores[target][MODEL])) for target in TARGETS)]
        for label, score in (
            ("exactly right", lambda own: own["error_shares"]["0"]),
            ("at most 1 atom off", lambda own: own["within_1"]),
            ("mean absolute error (atoms)", lambda own: own["mae"]),
        )
    ]
    return "\n".join(
        [
            f"{evaluation['columns']} columns of {evaluation['images']} test images that the reference engine made, "
            f"of {dose_words(*dose['test_images'])}; in brackets the {evaluation['interval']['level']:.0%} interval "
            f"over images. The bound is the best estimate that is possible where a column's total and its image's "
            f"composition are known, at {dose['bound']:.3g} electrons per Å², ± its standard error.",
            "",
            "R²:",
            "",
            table(heads, rows("r2")),
            "",
            "Skill, 1 - MSE / MSE of baseline 1 (true total × composition; of the total, the mean column):",
            "",
            table(heads, rows("skill")),
            "",
            "The model's errors:",
            "",
            table(heads, errors),
            *([] if untold is None else ["", untold_lines(untold).strip()]),
        ]
    )


def _intervals(evaluation: Mapping[str, Any]) -> str:
    # Reports of earlier versions know of no told composition.
    told = evaluation.get("told_composition")
    return interval_lines(evaluation["intervals"]) + ("" if told is None else "\n" + told_line(told))


def _doubts(facts: Facts) -> str:
    missed = facts.evaluation["intervals"]["coverage"]["not_covered"]
    weak = () if facts.contract.accuracy is None else facts.contract.accuracy.not_told_apart
    lines = [
        f"The single counts of {', '.join(weak)}: on the test images no better than true total × composition (the "
        "interval of the skill reaches 0)."
        if weak
        else "The interval of no element's skill reaches 0; small skills stay small (see the table).",
        f"Intervals in these targets and slices, where they held more or fewer columns than promised: "
        f"{'; '.join(missed)}."
        if missed
        else "No slice of the test images was covered otherwise than promised.",
        "Anything outside the training ranges, and any crystal but this alloy down [110].",
        "All test images are simulated; no micrograph with known counts was at hand.",
    ]
    return "\n".join(f"* {line}" for line in lines)


def _domain(contract: Contract) -> str:
    limits = contract.domain
    if limits is None:
        return "The model carries no limits: no image is refused for its content."
    return (
        f"Images unlike {limits.views} views of the training particles are called doubtful or refused. The bounds are "
        f"set so that of {limits.calibration_views} views of {limits.calibration_particles} other particles "
        f"{limits.false_alarm_rate:.1%} at most lie beyond them; of views of yet other particles it may be more."
    )


def _gate(gate: Mapping[str, Any]) -> str:
    rows = [
        (entry["name"], _number(entry["value"]), entry["threshold"], "pass" if entry["passed"] else "FAIL")
        for entry in gate["criteria"]
    ]
    return table(("criterion", "value", "threshold", ""), rows)


def _range(ends: Sequence[float], unit: str) -> str:
    return f"{ends[0]:,g} to {ends[1]:,g} {unit}".strip()


def _spread(values: pd.Series, unit: str) -> str:
    return f"{values.min():.2f} to {values.max():.2f} {unit}".strip()


def _score(found: Mapping[str, float | None] | None) -> str:
    if found is None or found["value"] is None:
        return MISSING
    ends = "" if None in (found["low"], found["high"]) else f" [{found['low']:.2f}, {found['high']:.2f}]"
    return f"{found['value']:.2f}{ends}"


def _two_places(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _bound(found: Mapping[str, Any] | None, score: str) -> str:
    if found is None or found[score] is None:
        return MISSING
    converged = "" if found["converged"] else ", not converged"
    return f"{found[score]:.2f} ± {bound_error(found, score):.3f}{converged}"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3g}"
