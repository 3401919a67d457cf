"""The page of a batch: every image with its outcome, and the way to its report."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from heamap.elements import ELEMENTS
from heamap_serving.html_page import badge, page, table
from heamap_serving.names import link, shown
from heamap_serving.pictures import data_uri
from heamap_serving.positions.records import POSITIONS_ONLY
from heamap_serving.session import Model

HEADS = ["image", "", "outcome", "columns", "atoms a column", *(f"{element} (%)" for element in ELEMENTS), "remarks"]


def write_index(out: Path, records: Sequence[Mapping[str, Any]], skipped: Sequence[Path], model: Model) -> None:
    """Write ``index.html`` into the folder of a batch.

    Parameters
    ----------
    records : of the summary, one an image; thumbnails are read from the images' folders
    skipped : files that are no micrographs
    """
    done = sum(record["status"] == "scored" for record in records)
    placed = sum(record["status"] == POSITIONS_ONLY for record in records)
    left = "".join(f"<li>{escape(shown(path))}</li>" for path in skipped)
    body = (
        f"<header><h1>{len(records)} micrograph{'s' * (len(records) != 1)}, {done} scored"
        f"{f', {placed} {POSITIONS_ONLY}' if placed else ''}</h1>"
        '<div class="tools"><button id="theme" type="button">Dark page</button>'
        '<button id="print" type="button">Print</button></div></header>\n<main>\n'
        f'<section class="scroll images">{table(HEADS, [_row(out, record) for record in records])}</section>\n'
        + (f"<section><h2>Not micrographs</h2><ul>{left}</ul></section>\n" if left else "")
        + _not_told_apart(records)
        + f'<p class="note">{escape(model.name)}, SHA-256 {model.sha256}, on {escape(model.provider)}. Also in '
        "summary.csv and summary.json.</p>\n</main>"
    )
    (out / "index.html").write_text(page("Scored micrographs – heamap", body), encoding="utf-8")


def _row(out: Path, record: Mapping[str, Any]) -> list[str]:
    path = Path(str(record["file"]))
    name = f'<span title="{escape(shown(path))}">{escape(shown(path.name))}</span>'
    if record["status"] == POSITIONS_ONLY:
        return _positions_row(out, record, name)
    if record["status"] != "scored":
        word = "refused" if record.get("domain") == "refused" else str(record["status"])
        return [name, "", badge(word), "", "", *[""] * len(ELEMENTS), escape(str(record["message"]))]
    folder = str(record["folder"])
    shares = [f"{100 * record[f'fraction_{element}']:.1f}" for element in ELEMENTS]
    told = "composition as told" if record.get("composition_told") else ""
    if record.get("told_outside"):
        told += f", outside of what the image alone says: {record['told_outside']}"
    remarks = [record.get("aggregated"), told, record.get("message")]
    return [
        _link(out, folder, name),
        _thumbnail(out / folder / "thumbnail.png"),
        badge(str(record.get("domain") or record["status"])),
        str(record["columns"]),
        f"{record['mean_total']:.1f}",
        *shares,
        escape("; ".join(str(remark) for remark in remarks if remark)),
    ]


def _positions_row(out: Path, record: Mapping[str, Any], name: str) -> list[str]:
    """Of an image that was not counted: where its columns are, and why there are no counts."""
    folder, constant = str(record["folder"]), record.get("lattice_constant_angstrom")
    remarks = [
        record.get("message"),
        f"lattice constant {constant:.3f} Å" if constant is not None else "",
        f"doubtful: {str(record['domain_reasons']).split('; ')[0]}" if record.get("domain") == "doubtful" else "",
    ]
    return [
        _link(out, folder, name),
        _thumbnail(out / folder / "thumbnail.png"),
        badge(POSITIONS_ONLY),
        str(record["columns"]),
        "",
        *[""] * len(ELEMENTS),
        escape("; ".join(str(remark) for remark in remarks if remark)),
    ]


def _link(out: Path, folder: str, name: str) -> str:
    drawn = (out / folder / "report.html").exists()
    return f'<a href="{link(folder)}/{"report.html" if drawn else "columns.csv"}">{name}</a>'


def _not_told_apart(records: Sequence[Mapping[str, Any]]) -> str:
    """Said once: it is the model's, not an image's."""
    found = sorted({str(record["not_told_apart"]) for record in records if record.get("not_told_apart")})
    if not found:
        return ""
    names = escape(", ".join(found).replace(";", ","))
    return (
        f'<p class="note">Not told apart: {names}. On the test images the columns\' counts of these elements were no '
        "better than total × composition; shares of the whole image may still hold.</p>\n"
    )


def _thumbnail(path: Path) -> str:
    try:
        return f'<img class="thumb" alt="" src="{data_uri(path.read_bytes())}">'
    except OSError:
        return ""
