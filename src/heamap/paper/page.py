"""One self-contained page with all figures, each with one plain paragraph, and the table of numbers."""

import base64
import html
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from heamap.paper.contrast import HOLDS
from heamap.paper.published import CITATION

STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }
img { max-width: 100%; border: 1px solid #ddd }
table { border-collapse: collapse; font-size: 13px }
td, th { padding: 2px 10px; border-bottom: 1px solid #ddd; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.out { color: #a00 }
"""


@dataclass(frozen=True)
class Entry:
    """One figure on the page.

    Attributes
    ----------
    spoken : the paper's numbers and ours, in words
    pictures : PNG files
    """

    name: str
    shows: str
    spoken: tuple[str, ...]
    why: str
    pictures: tuple[Path, ...]


def spoken(numbers: pd.DataFrame, quantities: Sequence[str]) -> tuple[str, ...]:
    """One line a quantity: the paper's numbers, ours with their intervals.

    Parameters
    ----------
    numbers : of ``heamap.paper.comparison``
    quantities : whole names, or names up to a colon (of a micrograph's rows)
    """
    lines = []
    for wanted in quantities:
        chosen = numbers[[name == wanted or name.startswith(f"{wanted}: ") for name in numbers["quantity"]]]
        for quantity, rows in chosen.groupby("quantity", sort=False):
            records = rows.to_dict("records")
            theirs = ", ".join(f"{row['element']} {row['paper']}" for row in records if row["paper"])
            ours = ", ".join(f"{row['element']} {_ours(row)}" for row in records)
            paper = f"paper {theirs}; " if theirs else ""
            lines.append(f"{quantity}: {paper}ours {ours}.")
    return tuple(lines)


def render(
    words: str,
    entries: Sequence[Entry],
    numbers: pd.DataFrame,
    left_out: Sequence[str],
    conditions: pd.DataFrame | None = None,
) -> str:
    """The page as HTML with the pictures inside.

    Parameters
    ----------
    words : the condition of our numbers
    left_out : lines on what is missing
    conditions : of ``heamap.paper.contrast``; shown as far as the paper gives a number
    """
    faults = "".join(f'<p class="out">{html.escape(line)}</p>\n' for line in left_out)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>The paper's evidence, redrawn</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        "<h1>The paper's evidence, redrawn from our data</h1>\n"
        f"<p>The paper: {html.escape(CITATION)}. Ours: {html.escape(words)}. Brackets hold 95 % intervals over the "
        "test images. Every number is in the table at the end and in comparison.csv.</p>\n"
        f"{faults}{''.join(map(_section, entries))}{'' if conditions is None else _contrast(conditions)}"
        f"<h2>All numbers</h2>\n{_table(numbers)}</body>\n</html>\n"
    )


def _section(entry: Entry) -> str:
    lines = "".join(f"<br>\n{html.escape(line)}" for line in entry.spoken)
    pictures = "".join(
        f'<p><img alt="{html.escape(entry.name)}" src="data:image/png;base64,{_encoded(path)}"></p>\n'
        for path in entry.pictures
    )
    text = f"{html.escape(entry.shows)}{lines}{'<br>' if lines else ''}\n{html.escape(entry.why)}"
    return f"<h2>{html.escape(entry.name)}</h2>\n<p>{text}</p>\n{pictures}"


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _table(numbers: pd.DataFrame) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(row['figure'])}</td><td>{html.escape(row['quantity'])}</td><td>{row['element']}</td>"
        f'<td class="n">{html.escape(row["paper"])}</td><td class="n">{_ours(row)}</td></tr>\n'
        for row in numbers.to_dict("records")
    )
    return f"<table>\n<tr><th>Figure<th>Quantity<th>Element<th>Paper<th>Ours</tr>\n{rows}</table>\n"


def _contrast(conditions: pd.DataFrame) -> str:
    """The table of two conditions, with what each is and how many of the paper's numbers hold under it."""
    known = conditions[conditions["paper"] != ""]
    counted = ""
    for side, name in (("", "This line"), ("other_", "Beside it")):
        words = "".join(known.loc[known[f"{side}condition"] != "", f"{side}condition"].unique())
        verdicts = known.loc[known[f"{side}verdict"] != "", f"{side}verdict"]
        counted += f"{name}: {html.escape(words)}; {(verdicts == HOLDS).sum()} of {len(verdicts)} hold.<br>\n"
    rows = "".join(
        f"<tr><td>{html.escape(row['figure'])}</td><td>{html.escape(row['quantity'])}</td>"
        f'<td>{html.escape(row["element"])}</td><td class="n">{html.escape(row["paper"])}</td>'
        f"{_side(row, '')}{_side(row, 'other_')}</tr>\n"
        for row in known.to_dict("records")
    )
    return (
        "<h2>Which of the paper's numbers hold</h2>\n"
        f"<p>{counted}A number holds where our 95 % interval holds it, or reaches what its bound allows; without an "
        "interval of ours nothing is said. All rows are in conditions.csv.</p>\n"
        "<table>\n<tr><th>Figure<th>Quantity<th>Element<th>Paper<th>This line<th>Verdict<th>Beside it<th>Verdict</tr>\n"
        f"{rows}</table>\n"
    )


def _side(row: Mapping[Hashable, Any], side: str) -> str:
    numbers: dict[Hashable, Any] = {name: row[f"{side}{name}"] for name in ("ours", "low", "high")}
    shown = _ours(numbers) if row[f"{side}condition"] else ""
    return f'<td class="n">{shown}</td><td>{row[f"{side}verdict"]}</td>'


def _ours(row: Mapping[Hashable, Any]) -> str:
    """Our number with its interval, where it has one."""
    if math.isnan(row["ours"]):
        return "undefined"
    interval = "" if math.isnan(row["low"]) else f" [{_short(row['low'])}, {_short(row['high'])}]"
    return f"{_short(row['ours'])}{interval}"


def _short(value: float) -> str:
    return f"{value:g}" if value == int(value) else f"{value:.3f}"
