"""Which dataset of a file is taken."""

import re
from collections import Counter
from dataclasses import dataclass, replace

from heamap.errors import InputError
from heamap_serving.io.datasets import SMALLEST_PX, Dataset, printable

NAME_LENGTH = 120
"""Longer names are cut."""

LISTED = 8
"""Names in a refusal."""

_OTHER = re.compile(
    r"(?<![A-Za-z])(A?BF|LAADF|MAADF|DF\d?|i?d?DPC|i?COM|B?SE|SED|EDX|EDS|EELS|Ceta|Falcon|CCD|Camera)(?![A-Za-z])",
    re.IGNORECASE,
)
"""Names of detectors, and of what is computed from them, that show no HAADF image."""

_PROCESSED = re.compile(
    r"(?<![a-z])(fit|filtered|smoothed|denoised|deconvolved|processed|corrected|mask|model|residuals?|background|i?fft)"
    r"(?![a-z])",
    re.IGNORECASE,
)
"""Words in the name of an array that somebody made of an image."""


@dataclass(frozen=True)
class Selection:
    """What is taken of a file that holds several images, or a series.

    Attributes
    ----------
    image : name of the dataset, whole or a part that no other has, in any case (``--image``). None: the HAADF image
    frames : what becomes of a series: ``align`` (shifted onto each other and added), ``sum`` (added as they are) or the
        number of one frame, from 1 (``--frames``). None: heamap's choice, ``align``
    """

    image: str | None = None
    frames: str | None = None

    def __post_init__(self) -> None:
        if self.image is not None and not (isinstance(self.image, str) and self.image.strip()):
            raise InputError(f"--image {self.image!r}: expected the name of an image of the file")
        if self.frames is not None:
            words = str(self.frames).strip().lower()
            if words not in ("sum", "align") and not (re.fullmatch(r"[0-9]{1,9}", words) and int(words) > 0):
                raise InputError(f"--frames {self.frames}: expected sum, align or the number of a frame, from 1")
            object.__setattr__(self, "frames", words)


HAADF = Selection()
"""The HAADF image, or the aligned sum of the HAADF series."""


def choose(datasets: list[Dataset], selection: Selection) -> Dataset:
    """The dataset to score: the one asked for, else the HAADF image or series, else the only one.

    Raises
    ------
    InputError : none fits, or several do; the line lists them
    """
    datasets = _told_apart(datasets)
    if selection.image is not None:
        return _usable(_named(datasets, selection.image))
    candidates = [entry for entry in datasets if not entry.unsuited and not entry.derived]
    # A small image is still one, where the file holds nothing else.
    candidates = [entry for entry in candidates if min(entry.shape) >= SMALLEST_PX] or candidates
    recorded = [entry for entry in candidates if not _PROCESSED.search(_leaf(entry.name))]
    candidates = recorded or candidates
    haadf = _haadf(candidates)
    if not haadf and (other := _haadf([entry for entry in datasets if entry.unsuited])) and candidates:
        raise InputError(f"{other[0].name} cannot be scored: {other[0].unsuited}; else {_listed(candidates)}")
    # A spectrum image's survey is an overview by the same detector.
    haadf = [entry for entry in haadf if "survey" not in entry.name.lower()] or haadf
    candidates = haadf or candidates
    if len(candidates) > 1:
        raise InputError(f"holds {len(candidates)} images; {_listed(candidates)}")
    if not candidates:
        raise InputError(_why_none(datasets))
    chosen = candidates[0]
    if not haadf and _OTHER.search(chosen.detector):
        raise InputError(f"its one image is of the detector {chosen.detector}, not HAADF; {_listed(candidates)}")
    return chosen


def _haadf(datasets: list[Dataset]) -> list[Dataset]:
    """Those whose detector, or else name, says HAADF; the last part of a path says it before the folders do."""
    for words in (
        [entry.detector or _leaf(entry.name) for entry in datasets],
        [entry.detector or entry.name for entry in datasets],
    ):
        found = [entry for entry, word in zip(datasets, words, strict=True) if "haadf" in word.lower()]
        if found:
            return found
    return []


def _leaf(name: str) -> str:
    parts = [part for part in name.split("/") if part and part.lower() != "data"]
    return parts[-1] if parts else ""


def _named(datasets: list[Dataset], name: str) -> Dataset:
    wanted = name.strip().lower()
    whole = [entry for entry in datasets if wanted in (entry.name.lower(), _leaf(entry.name).lower())]
    parts = [entry for entry in datasets if wanted in f"{entry.name} {entry.detector}".lower()]
    for found in (whole, parts):
        usable = [entry for entry in found if not entry.unsuited] or found
        if len(usable) == 1:
            return usable[0]
    if not datasets:
        raise InputError("holds no image")
    raise InputError(
        f"--image {name}: {'several have' if parts else 'none has'} that name; {_listed(parts or datasets)}"
    )


def _usable(dataset: Dataset) -> Dataset:
    if dataset.unsuited:
        raise InputError(": ".join(filter(None, (dataset.name, dataset.unsuited))))
    return dataset


def _listed(datasets: list[Dataset]) -> str:
    """Names, shapes and detectors, and how to take one."""
    words = []
    for entry in datasets[:LISTED]:
        size = " x ".join(map(str, entry.shape)) + (f", {entry.number} frames" if entry.number > 1 else "")
        other = entry.detector and entry.detector.lower() not in entry.name.lower()
        words.append(f"{entry.name} ({size}{f', detector {entry.detector}' if other else ''})")
    more = f" and {len(datasets) - LISTED} more" if len(datasets) > LISTED else ""
    return f"take one with --image NAME: {', '.join(words)}{more}"


def _why_none(datasets: list[Dataset]) -> str:
    derived = [entry for entry in datasets if entry.derived and not entry.unsuited]
    if derived:
        return f"holds no image as the detector recorded it; {_listed(derived)}"
    if not datasets:
        return "holds no image"
    if len(datasets) == 1:
        return datasets[0].unsuited
    reasons = "; ".join(f"{entry.name}: {entry.unsuited}" for entry in datasets[:3])
    return f"holds no image that can be scored ({reasons})"


def _told_apart(datasets: list[Dataset]) -> list[Dataset]:
    """With a name for each: what the file leaves unnamed, or names alike, is numbered."""
    named = [
        replace(entry, name=printable(entry.name, NAME_LENGTH), detector=printable(entry.detector, NAME_LENGTH))
        for entry in datasets
    ]
    if len(named) == 1:
        return named
    named = [entry if entry.name else replace(entry, name="image") for entry in named]
    often, seen = Counter(entry.name.lower() for entry in named), Counter[str]()
    found = []
    for entry in named:
        key = entry.name.lower()
        seen[key] += 1
        found.append(entry if often[key] == 1 else replace(entry, name=f"{entry.name} #{seen[key]}"))
    return found
