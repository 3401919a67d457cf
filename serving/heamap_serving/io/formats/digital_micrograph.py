"""DigitalMicrograph's dm3 and dm4: images, series and display copies of Gatan's software."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from heamap.acquisition import Acquisition
from heamap_serving.io.datasets import Dataset
from heamap_serving.io.metadata import at, entries, number
from heamap_serving.io.signals import datasets_of

_TAGS = "ImageList.TagGroup0.ImageTags"

_CONVERGENCE = re.compile(r"convergence (semi-)?angle( \(mrad\))?", re.IGNORECASE)
_INNER = re.compile(r"(inner|min\w*) (collection )?(semi-)?angle \(mrad\)", re.IGNORECASE)
_OUTER = re.compile(r"(outer|max\w*) (collection )?(semi-)?angle \(mrad\)", re.IGNORECASE)


def read(path: Path, _: ExitStack) -> list[Dataset]:
    """Every image of the file but its thumbnail."""
    from rsciio import digitalmicrograph

    try:
        signals = digitalmicrograph.file_reader(str(path), lazy=True)
    except ValueError as error:
        if "RGBA" not in str(error):
            raise
        # A colour display copy beside the data cannot be read lazily, and all images are read alike.
        signals = digitalmicrograph.file_reader(str(path), lazy=False)
    return [_with_tags(dataset, signal) for dataset, signal in zip(datasets_of(signals), signals, strict=True)]


def _with_tags(dataset: Dataset, signal: Mapping[str, Any]) -> Dataset:
    """With what the tags state and RosettaSciIO does not map."""
    tags = at(signal["original_metadata"], _TAGS) or {}
    source = at(tags, "source.Tags at creation")
    tags = source if isinstance(source, Mapping) else tags
    named = at(tags, "DataBar.Signal Name")
    detector = dataset.detector or (named.strip() if isinstance(named, str) else "")
    inner, outer = _first(tags, _INNER), _first(tags, _OUTER)
    known = Acquisition.stated(
        "file",
        semiangle_mrad=_first(tags, _CONVERGENCE),
        detector_mrad=None if inner is None or outer is None else (inner, outer),
        detector=detector,
    )
    return replace(dataset, detector=detector, known=dataset.known.over(known))


def _first(tags: Any, name: re.Pattern[str]) -> float | None:
    """First positive number under a name; microscopes that do not know it leave 0."""
    numbers = (number(value) for key, value in entries(tags) if name.fullmatch(key.strip()))
    return next((found for found in numbers if found), None)
