"""How an image was taken, as part of its page."""

from html import escape
from typing import Any

from heamap.acquisition import ENTRIES
from heamap_serving.html_page import section, table


def acquisition(record: dict[str, Any]) -> str:
    """What is known of how the image was taken, and who states it."""
    taken = record["acquisition"]
    rows = [[escape(ENTRIES[name].label), *_fact(name, fact)] for name, fact in taken.items() if fact is not None]
    unknown = [ENTRIES[name].label for name, fact in taken.items() if fact is None]
    notes = [] if not unknown else [f"Not known: {', '.join(unknown)}."]
    if record.get("beam", {}).get("detector_factor", 1) != 1:
        notes.append(
            f"Brightness was multiplied by {record['beam']['detector_factor']:.3f}, to that on the model's detector."
        )
    return section(
        "acquisition",
        f"<h2>How it was taken</h2>{table(['', 'value', 'stated by'], rows)}",
        *(f'<p class="note">{escape(note)}</p>' for note in notes),
    )


SOURCES = {"option": "option", "microscope": "the microscope's file", "file": "the image's file"}


def _fact(name: str, fact: dict[str, Any]) -> list[str]:
    """Value with its unit, and who states it."""
    source = SOURCES[fact["source"]] + (f" (derived: {fact['derived']})" if fact["derived"] else "")
    return [escape(ENTRIES[name].words(fact["value"])), escape(source)]


def source_rows(record: dict[str, Any]) -> list[list[str]]:
    """What of a file the image is: rows of a table, for what there is to say."""
    source, region = record["input"], record["region"]
    rows = []
    if source.get("dataset"):
        rows.append(["dataset", escape(source["dataset"])])
    if source.get("frames") is not None:
        rows.append(["frames", _frames(source["frames"])])
    if region["roi_px"] is not None:
        rows.append(["region (pixels)", escape(str(region["roi_px"]))])
    if region["mask_share"] is not None:
        rows.append(["mask", f"lets through {region['mask_share']:.1%} of the pixels"])
    return rows


def _frames(frames: dict[str, Any]) -> str:
    """How one image was made of a series."""
    if frames["way"] == "single":
        return f"frame {frames['first'] + 1} alone"
    if frames["way"] == "sum":
        return f"{frames['number']} frames added as they are"
    most = max(max(abs(row), abs(col)) for row, col in frames["shifts_px"])
    return f"{frames['number']} frames aligned and added; the largest shift is {most:.1f} pixels"
