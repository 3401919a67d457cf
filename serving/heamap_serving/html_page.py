"""The frame of every page: one file that asks for nothing else, from any server."""

import base64
import gzip
import json
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Any

POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'"
"""What a browser lets the page do (Content-Security-Policy): nothing over the network.

Plotly's WebGL markers compile their drawing code, hence ``unsafe-eval``; nothing of a file ever becomes a script.
"""


def page(title: str, body: str, *, script: str = "", data: dict[str, Any] | None = None) -> str:
    """A whole page; the plotting library is in it where ``data`` is given.

    Parameters
    ----------
    title : plain text
    body : HTML
    script : name of the asset that brings the page to life, after ``theme.js``
    data : what the script reads
    """
    code = [asset("theme.js"), *([asset(script)] if script else [])]
    inside = "" if data is None else f"{_json_element('data', data)}\n{_library()}\n"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{asset('page.css')}</style>\n</head>\n<body>\n{body}\n{inside}"
        + "".join(f"<script>\n{text}</script>\n" for text in code)
        + "</body>\n</html>\n"
    )


def table(header: list[str], rows: list[list[str]], caption: str = "") -> str:
    """A table of HTML cells; the first of each row is its heading."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>\n"
        for first, *rest in rows
    )
    title = f"<caption>{caption}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}</tbody></table>\n"


def section(identifier: str, *parts: str) -> str:
    """A section of a page, of parts in HTML; the identifier may be empty."""
    own = f' id="{identifier}"' if identifier else ""
    return f"<section{own}>{''.join(parts)}</section>\n"


def badge(word: str) -> str:
    """A verdict; what it means is said by its word and its sign, never by colour alone."""
    kinds = {
        "in domain": ("good", "✓"),
        "scored": ("good", "✓"),
        "doubtful": ("doubt", "?"),
        "positions only": ("doubt", "○"),
        "refused": ("bad", "✗"),
        "failed": ("bad", "✗"),
    }
    kind, sign = kinds.get(word, ("none", "–"))
    return f'<span class="badge {kind}"><span aria-hidden="true">{sign}</span> {escape(word)}</span>'


@lru_cache
def asset(name: str) -> str:
    return (files("heamap_serving") / "assets" / name).read_text(encoding="utf-8")


def _json_element(identifier: str, value: dict[str, Any]) -> str:
    # A "<" inside a script element could end it or open a comment.
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{identifier}">{text}</script>'


@lru_cache
def _library() -> str:
    """Plotly's script, packed: 4.8 MB of text are 1.9 MB in the page."""
    from plotly.offline import get_plotlyjs

    packed = gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)
    return f'<script type="text/plain" id="library">{base64.b64encode(packed).decode("ascii")}</script>'
