"""Our numbers under two conditions, and which of the paper's hold under each."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd

from heamap.errors import InputError
from heamap.paper.comparison import FIELDS as COMPARISON_FIELDS

KEYS = ("figure", "quantity", "element")
OURS = ("condition", "ours", "low", "high", "verdict")
FIELDS = (*KEYS, "paper", *OURS, *(f"other_{name}" for name in OURS))

HOLDS, FAILS = "holds", "does not hold"

NUMBER = r"(\d+\.?\d*)"
PRINTED = re.compile(rf"(?:(?P<bound>> |up to ))?{NUMBER}(?:-{NUMBER})?")


def contrast(numbers: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Two comparisons with the paper side by side.

    Parameters
    ----------
    numbers, other : of ``heamap.paper.comparison``, each under its own condition

    Returns
    -------
    ``FIELDS``, one row a quantity and element, those of ``numbers`` first; ``verdict`` as ``verdict`` gives it. What
    one side lacks has an empty ``condition`` there, no numbers and no verdict.

    Raises
    ------
    InputError : the two print other numbers of the paper
    """
    both = numbers.merge(other, on=list(KEYS), how="outer", suffixes=("", "_of_other"), sort=False)
    # An outer merge sorts by the keys.
    order = pd.concat([numbers[list(KEYS)], other[list(KEYS)]]).drop_duplicates()
    both = order.merge(both, on=list(KEYS), how="left")
    printed = both["paper"].fillna(both["paper_of_other"])
    changed = both[printed != both["paper_of_other"].fillna(printed)]
    if len(changed):
        row = changed.iloc[0]
        name = " ".join(filter(None, (row["quantity"], row["element"])))
        raise InputError(
            f"the paper's {name} is {row['paper']!r} here and {row['paper_of_other']!r} beside; make both comparisons "
            "with one version of heamap"
        )
    found = both.assign(paper=printed)
    found = found.rename(columns={f"{name}_of_other": f"other_{name}" for name in OURS})
    for side in ("", "other_"):
        found[f"{side}condition"] = found[f"{side}condition"].fillna("")
        intervals = zip(found["paper"], found[f"{side}low"], found[f"{side}high"], strict=True)
        found[f"{side}verdict"] = [verdict(paper, low, high) for paper, low, high in intervals]
    return found[list(FIELDS)]


def verdict(paper: str, low: float, high: float) -> str:
    """Whether a number of the paper holds, by our interval.

    Parameters
    ----------
    paper : as printed: ``0.82``, ``0.17-0.18``, ``> 0.7``, ``up to 0.6``; empty where the paper gives none
    low, high : ends of our 95 % interval; NaN where there is none

    Returns
    -------
    ``HOLDS`` where our interval holds the number or some of the range, or reaches what the bound allows; else
    ``FAILS``. Empty where the paper gives no number or ours has no interval.

    Raises
    ------
    ValueError : no such print
    """
    if not paper or math.isnan(low) or math.isnan(high):
        return ""
    least, most = _allowed(paper)
    return HOLDS if low <= most and high >= least else FAILS


def read_comparison(path: Path) -> pd.DataFrame:
    """The ``comparison.csv`` of another line.

    Raises
    ------
    InputError : missing, no table, other columns, no numbers, what is no number, rows twice, or several conditions
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; heamap figures makes it in the other line's clone") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table: {' '.join(str(error).split())}") from None
    missing = [name for name in COMPARISON_FIELDS if name not in table.columns]
    if missing:
        raise InputError(f"{path} lacks the columns {missing}; it must be a comparison.csv of heamap figures")
    if table.empty:
        raise InputError(f"{path} holds no numbers; make it anew")
    if table.duplicated(list(KEYS)).any():
        raise InputError(f"{path} has a quantity and element twice; make it anew")
    # A row cut short has an empty one.
    if table["condition"].nunique() > 1 or not table["condition"].iloc[0]:
        raise InputError(f"{path} must name one condition in every row, got {table['condition'].unique().tolist()}")
    for name in ("ours", "low", "high"):
        try:
            table[name] = table[name].replace("", "nan").astype(np.float64)
        except ValueError:
            raise InputError(f"{path}: column {name} holds what is no number; make it anew") from None
    for row in table[table["low"].notna() & (table["paper"] != "")].to_dict("records"):
        if not PRINTED.fullmatch(row["paper"]):
            raise InputError(f"{path}: {row['paper']!r} is no number as the paper prints them; make it anew")
    return table[list(COMPARISON_FIELDS)]


def _allowed(paper: str) -> tuple[float, float]:
    match = PRINTED.fullmatch(paper)
    if match is None:
        raise ValueError(f"expected 0.82, 0.17-0.18, > 0.7 or up to 0.6, got {paper!r}")
    bound, first, last = match["bound"], float(match[2]), float(match[3] or match[2])
    return -math.inf if bound == "up to " else first, math.inf if bound == "> " else last
