"""All figures and the table of numbers into one folder."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from heamap.errors import InputError
from heamap.paper import comparison, condition, page
from heamap.paper.catalogue import ITEMS
from heamap.paper.contrast import contrast, read_comparison
from heamap.paper.sources import Sources

DPI = 150
COMPARISON = "comparison.csv"
CONDITIONS = "conditions.csv"
PAGE = "index.html"


@dataclass(frozen=True)
class Evidence:
    """What was made.

    Attributes
    ----------
    figures : drawn, by file stem
    left_out : one line for each input that was missing: what it is, how to make it, what lacks it
    """

    figures: tuple[str, ...]
    left_out: tuple[str, ...]


def draw_evidence(root: Path, out: Path, beside: Path | None = None, *, pictures: Path | None = None) -> Evidence:
    """Draw every figure of the paper that the outputs in a clone allow.

    Writes each figure as PNG and PDF, ``comparison.csv`` (the paper's numbers beside ours: ``comparison.FIELDS``) and
    ``index.html``, which holds all of it in one file; with ``beside`` also ``conditions.csv`` (``contrast.FIELDS``).
    What lacks its input is left out and said so. Figures of an earlier run in the same folder go.

    Parameters
    ----------
    root : clone in which the line has run
    out : made if missing
    beside : ``comparison.csv`` of another line, under another condition
    pictures : where the PNGs go, made if missing; ``out`` unless given

    Raises
    ------
    InputError : ``params.yaml`` or ``beside`` is missing or wrong, or ``out`` or ``pictures`` is a file
    """
    sources = Sources(root)
    words = condition.describe(sources.exam)
    other = None if beside is None else read_comparison(beside)
    shown = pictures or out
    for folder in (out, shown):
        _make_room(folder)
    missing: dict[str, list[str]] = {}
    tables = []
    for part in (comparison.of_setting, comparison.of_predictions, comparison.of_micrographs):
        try:
            tables.append(part(sources))
        except InputError as error:
            missing.setdefault(str(error), []).append(COMPARISON)
    numbers = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(comparison.FIELDS))
    numbers.to_csv(out / COMPARISON, index=False, float_format="%.6g")
    conditions = None if other is None else contrast(numbers, other)
    if conditions is not None:
        conditions.to_csv(out / CONDITIONS, index=False, float_format="%.6g")
    entries = []
    for item in ITEMS:
        try:
            # The words first: they ask for less, and a figure without them is not shown.
            why, drawn = item.why(sources), item.draw(sources)
        except InputError as error:
            missing.setdefault(str(error), []).append(item.name)
            continue
        for stem, figure in drawn.items():
            _save(figure, shown / f"{stem}.png", out / f"{stem}.pdf")
        spoken = page.spoken(numbers, item.quantities)
        entries.append(page.Entry(item.name, item.shows, spoken, why, tuple(shown / f"{stem}.png" for stem in drawn)))
    left_out = tuple(f"{fault} (left out: {', '.join(dict.fromkeys(names))})" for fault, names in missing.items())
    (out / PAGE).write_text(page.render(words, entries, numbers, left_out, conditions))
    return Evidence(tuple(path.stem for entry in entries for path in entry.pictures), left_out)


def check_folder(out: Path) -> None:
    """Refuse a folder of somebody's own figures, which would go for bearing the names of ours.

    Raises
    ------
    InputError : there are such, and the page that stands beside ours is not
    """
    earlier = _earlier(out)
    if earlier and not ((out / PAGE).exists() and (out / COMPARISON).exists()):
        raise InputError(f"{earlier[0]} was not made by heamap and stays as it is; name another folder")


def _earlier(out: Path) -> list[Path]:
    patterns = ("figure*_*.p[nd][gf]", "table_2.p[nd][gf]", CONDITIONS)
    return [path for pattern in patterns for path in sorted(out.glob(pattern))]


def _make_room(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder")
    out.mkdir(parents=True, exist_ok=True)
    for path in _earlier(out):
        path.unlink()


def _save(figure: Figure, png: Path, pdf: Path) -> None:
    # Nothing of the moment or the version of Matplotlib, so that the same data give the same files.
    figure.savefig(png, dpi=DPI, metadata={"Software": None})
    # The panels stay where they now are: arranging them again would take as long as drawing them.
    figure.set_layout_engine("none")
    figure.savefig(pdf, metadata={"Creator": None, "Producer": None, "CreationDate": None})
