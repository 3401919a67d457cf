"""The sections of a report, as HTML. Whatever comes from a file is escaped here."""

import json
from html import escape
from typing import Any

import numpy as np

from heamap.contract import Contract
from heamap.evaluation.aggregation_report import AggregationCalibration
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL, with_sums
from heamap_serving.atom_counting import AtomCounting
from heamap_serving.certainty import accuracy_of, claims
from heamap_serving.composition import ALIKE, CALIBRATED, SHARED, TOLD, Composition
from heamap_serving.html_page import badge, section, table
from heamap_serving.report_acquisition import source_rows
from heamap_serving.score import Scored
from heamap_serving.verdict import NOT_CHECKED, Verdict

NO_SKILL = "{}: on the test images no better than the total times the composition; the map may show totals alone."
NAMES = {NI_CO_FE: "Ni+Co+Fe", TOTAL: "total"}
ON_TEST_IMAGES = "on the test images"
OWN_FIGURES = "Figures of this kind of model on its test images, not of this image."


def name_of(target: str) -> str:
    return NAMES.get(target, target)


def intensity_unit(scored: Scored) -> str:
    return "fraction of the beam × Å²" if scored.in_beam_fractions else "counts of the file × Å²"


def interval_name(found: Composition) -> str:
    """How the interval is called wherever it is drawn."""
    names = {CALIBRATED: f"{found.level:.0%} interval", ALIKE: "bounds, all columns alike", TOLD: "as told"}
    return names.get(found.way, "no interval")


def header(title: str, verdict: Verdict) -> str:
    return (
        f"<header><h1>{escape(title)}</h1>{badge(verdict.word)}\n"
        '<div class="tools"><button id="theme" type="button">Dark page</button>'
        '<button id="print" type="button">Print</button></div></header>\n<main>\n'
    )


def domain(verdict: Verdict) -> str:
    """The verdict, its reasons and what was measured; nothing where no check was made."""
    if verdict.word == NOT_CHECKED:
        return ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    parts = [f"<h2>Is this an image that the model knows? {badge(verdict.word)}</h2>"]
    parts.append(f'<ul class="reasons">{reasons}</ul>' if reasons else "<p>No check objects.</p>")
    if verdict.regions is not None and (verdict.regions > 0).any():
        share = float((verdict.regions > 0).mean())
        parts.append(
            f'<p class="note">{share:.0%} of the squares of {verdict.region_angstrom:.3g} Å are doubtful (dashed in '
            "the picture) or refused (dotted).</p>"
        )
    if verdict.checks:
        rows = [[escape(name), f"{value:.4g}"] for name, value in verdict.checks.items()]
        parts.append(f"<details><summary>What was measured</summary>{table(['check', 'value'], rows)}</details>")
    return section("domain", *parts)


def view(columns: int, layers: dict[str, dict[str, Any]], totals: tuple[int, int], shape: tuple[int, ...]) -> str:
    """The picture with its switch and read-out.

    Parameters
    ----------
    totals : smallest and largest of the training columns
    shape : of the image: a flat one takes less of the page
    """
    tall = round(730 * shape[0] / shape[1]) + 80
    choices = "".join(
        f'<label><input type="radio" name="layer" value="{value}"{" checked" if value == "image" else ""}>'
        + (f'<span class="swatch" style="background:{entry["colour"]}"></span>' if entry["colour"] else "")
        + f"{escape(entry['name'])}</label>"
        for value, entry in layers.items()
    )
    says = f"Picture with {columns} columns. Arrow keys go from column to column, Home and End to the first and last."
    picture = (
        f'<div id="view" class="plot" style="--tall:{tall}px" tabindex="0" role="application" '
        f'aria-describedby="readout" aria-label="{says}">'
        "</div>"
    )
    side = (
        f'<fieldset id="layers"><legend>Show</legend>{choices}</fieldset>'
        '<label class="screen"><input type="checkbox" id="rings" checked> mark the columns</label>'
        '<div id="scale" hidden><span>0</span><i></i><span class="most"></span></div>'
        '<p id="remark" class="note" role="status"></p>'
        '<div id="readout" role="status" aria-live="polite" aria-atomic="true">Point at a column, or move to the '
        "picture with Tab and from column to column with the arrow keys.</div>"
        f'<p class="note">Diamonds: total outside what the intervals were calibrated on. Trained on columns of '
        f"{totals[0]} to {totals[1]} atoms. Drag to move, wheel to enlarge, double click for the whole.</p>"
    )
    return f'<section class="screen wide">{picture}<div>{side}</div></section>\n'


def paper(still: str) -> str:
    """What is printed instead of the plots; also shown where scripts are off."""
    return (
        f'<img class="paper" alt="Micrograph, element maps and histograms" src="{still}">\n'
        "<noscript><style>.paper { display: block; max-width: 100% } .screen { display: none }</style></noscript>\n"
    )


def composition(found: Composition | None, scored: Scored, elements: tuple[str, ...], weak: tuple[str, ...]) -> str:
    """Shares of the elements, and of Ni, Co and Fe together, with their intervals."""
    if found is None:
        return section("", "<h2>Composition</h2><p>No columns were found.</p>")
    means = with_sums(scored.counts).mean(axis=0)
    rows = []
    for target in (*elements, NI_CO_FE):
        index = SHARED.index(target)
        rows.append(
            [
                name_of(target),
                f"{100 * found.shares[index]:.1f}",
                share_range(found, index),
                f"{means[TARGETS.index(target)]:.2f}",
                "not told apart" if target in weak else "",
            ]
        )
    apart = ""
    if set(weak) & set(elements):
        apart = '<p class="note">Not told apart: counts of columns no better than total × composition there.</p>'
    if found.outside:
        apart += (
            f'<p class="note">Told outside of the interval that the image alone gives: '
            f"{', '.join(name_of(name) for name in found.outside)}. Is it the composition of what is scored here?</p>"
        )
    rows.append(["total", "100", "", f"{means[-1]:.2f}", ""])
    heads = ["", *composition_heads(found), "atoms a column", ON_TEST_IMAGES]
    return section(
        "",
        f"<h2>Composition of {len(scored.counts)} columns</h2>",
        '<div class="pair"><div id="composition" class="plot"></div>',
        f'<div class="scroll">{table(heads, rows)}<p class="note">{escape(found.how)}.</p>{apart}</div></div>',
    )


def share_range(found: Composition, index: int) -> str:
    """Ends of a share's interval in per cent: of a told composition, those that the image alone gives."""
    ends = found.alone or found
    return f"{100 * ends.low[index]:.1f} to {100 * ends.high[index]:.1f}"


def composition_heads(found: Composition) -> list[str]:
    """Heads of the shares and of ``share_range``."""
    if found.alone is None:
        return ["share (%)", interval_name(found)]
    return ["share (%), as told", f"the image alone: {interval_name(found.alone)}"]


def histograms() -> str:
    return (
        '<section class="screen"><h2>Counts and in-column fractions</h2><div id="histograms" class="plot"></div>'
        '<p class="note">Dashed: the mean. The scatter of the counts holds the model\'s own errors.</p></section>\n'
    )


def counting(counted: AtomCounting, scored: Scored) -> str:
    """Atom counting beside the network."""
    totals = scored.counts.sum(axis=1)
    if not len(totals):
        return ""
    lines = []
    if len(totals) > 2 and np.ptp(counted.intensities) > 0 and np.ptp(totals) > 0:
        alike = np.corrcoef(counted.intensities, totals)[0, 1]
        lines.append(f"Correlation of integrated intensity and the network's total: {alike:.2f}.")
    if counted.totals is None or counted.line is None:
        lines.append(f"No counts by intensity here: {escape(counted.reason)}.")
        side = ""
    else:
        apart = totals - counted.totals
        rows = [
            ["network", f"{totals.mean():.2f}", f"{totals.sum():.0f}"],
            ["atom counting", f"{counted.totals.mean():.2f}", f"{counted.totals.sum():.0f}"],
            ["network − atom counting", f"{apart.mean():+.2f} ± {apart.std():.2f}", f"{apart.sum():+.0f}"],
        ]
        side = table(["total", "mean a column", "all columns"], rows)
        lines.append(
            f"Line: total = {counted.line.slope:.4g} × intensity {counted.line.intercept:+.3g}, fitted to "
            f"{counted.line.columns} columns of the training images (R² {counted.line.r2:.2f}). It knows nothing of "
            "elements: heavy columns look longer to it."
        )
    notes = "".join(f'<p class="note">{line}</p>' for line in lines)
    return section(
        "",
        "<h2>Beside atom counting by intensity</h2>",
        f'<div class="pair"><div id="counting" class="plot"></div><div>{side}{notes}</div></div>',
    )


def trust(contract: Contract, scored: Scored) -> str:
    """Accuracy on the test images and what may be said of aggregation."""
    said = claims(scored.aggregation)
    gathered = "".join(f"<li>{escape(line)}</li>" for line in said)
    parts = ["<h2>What the counts are worth</h2>"]
    if scored.certainty is not None:
        parts.append(
            f"<p>Each count comes with a {scored.certainty.level:.0%} interval for columns of unseen images; "
            f"{scored.certainty.calibrated.mean() if len(scored.counts) else 0:.0%} of the columns here have totals "
            "that it was calibrated on.</p>"
        )
    told = scored.told is not None
    accuracy = accuracy_of(contract, told=told)
    if accuracy is None:
        parts.append('<p class="note">This model carries no accuracy.</p>')
    else:
        rows = [
            [
                name_of(target),
                _number(own.r2),
                f"{_number(own.skill)} [{_number(own.skill_low)}, {_number(own.skill_high)}]",
                _number(own.bound_skill),
                _share(own.covered, own.covered_low, own.covered_high),
            ]
            for target, own in accuracy.targets.items()
        ]
        skill, inside = f"skill [{accuracy.level:.0%}]", "test columns inside their interval"
        heads = ["", "R²", skill, "best possible skill", inside]
        parts.append(f'<div class="scroll">{table(heads, rows)}</div>')
        parts.append(
            f'<p class="note">{OWN_FIGURES} {accuracy.columns} columns of {accuracy.images} images. '
            "Skill 0: total × composition; 1: no error.</p>"
        )
    if told:
        parts.append(f'<p class="note">{_of_which(contract)}</p>')
    parts.append(f"<ul>{gathered}</ul>" if said else f"<p>{_silence(contract, scored)}</p>")
    return section("", *parts)


def provenance(record: dict[str, Any]) -> str:
    """What the result rests on: the main lines, and the whole record."""
    model, sampling = record["model"], record["sampling"]
    rows = [
        ["file", escape(str(record["input"].get("file", "")))],
        ["SHA-256 of the file", escape(str(record["input"].get("sha256", "")))],
        ["model", escape(f"{model['file']}, {model['origin']}, SHA-256 {model['sha256']}")],
        [
            "run and commit",
            escape(f"{model['contract']['lineage']['run_id']}, {model['contract']['lineage']['commit']}"),
        ],
        ["provider", escape(model["provider"])],
        ["resampled to", f"{sampling['used_angstrom']:g} Å; {escape(sampling['resampling'])}"],
        ["tiles", f"{record['tiles']['number']} of {' × '.join(map(str, record['tiles']['tile_pixels']))} pixels"],
        ["software", escape(", ".join(f"{name} {number}" for name, number in record["versions"].items()))],
    ]
    rows[1:1] = source_rows(record)
    whole = escape(json.dumps(record, indent=2))
    return (
        section(
            "",
            f"<h2>Provenance</h2>{table(['', ''], rows)}",
            f'<details class="screen"><summary>The whole record</summary><pre>{whole}</pre></details>',
        )
        + "</main>\n"
    )


def _of_which(contract: Contract) -> str:
    """Which counts figures and intervals are of, where a composition was told."""
    if contract.told is not None:
        return "Figures and intervals are of counts brought to the true composition of each image."
    return (
        "Figures and intervals are of the model's counts without a told composition: this model carries none of counts "
        "with it."
    )


def _silence(contract: Contract, scored: Scored) -> str:
    if contract.aggregation is not None and not AggregationCalibration.from_dict(contract.aggregation).may_claim:
        return (
            "Whether elements gather in columns was not tested: on simulated particles this model was not shown to "
            "see it."
        )
    if scored.aggregation is None:
        return "Whether elements gather in columns cannot be judged here."
    return "No element is said to gather in columns; that is no proof that none does."


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _share(value: float, low: float | None, high: float | None) -> str:
    return f"{value:.0%}" if low is None or high is None else f"{value:.0%} [{low:.0%}, {high:.0%}]"
