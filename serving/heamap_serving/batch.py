"""Many micrographs: found, scored one after the other, summed up; a bad one does not stop the rest."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap_serving.certainty import claims, doubted
from heamap_serving.domain import Refused
from heamap_serving.outputs import image_composition, write
from heamap_serving.readers import READERS, read_micrograph
from heamap_serving.score import Calibration, score
from heamap_serving.session import Model


@dataclass(frozen=True)
class Found:
    """Micrographs to score, and files of the folders that are none."""

    micrographs: tuple[Path, ...]
    skipped: tuple[Path, ...]


@dataclass(frozen=True)
class Summary:
    """Outcome of a batch: one record a file, and how many failed."""

    records: tuple[dict[str, Any], ...]
    failed: int


def find_micrographs(paths: Sequence[Path]) -> Found:
    """Files named, and the micrographs directly inside folders named.

    Raises
    ------
    InputError : a path that does not exist, a file named whose suffix is unknown, or no micrograph at all
    """
    known: list[Path] = []
    skipped: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        if path.is_dir():
            for entry in sorted(path.iterdir()):
                if entry.is_file() and not entry.name.startswith("."):
                    (known if entry.suffix.lower() in READERS else skipped).append(entry)
        elif path.suffix.lower() not in READERS:
            raise InputError(f"{path}: suffix {path.suffix!r} is none of {', '.join(READERS)}")
        else:
            known.append(path)
    unique = {path.resolve(): path for path in known}
    if not unique:
        raise InputError(f"{', '.join(map(str, paths))}: no micrograph ({', '.join(READERS)}) to score")
    return Found(tuple(unique.values()), tuple(skipped))


def score_file(path: Path, folder: Path, model: Model, calibration: Calibration) -> dict[str, Any]:
    """Score one file into ``folder`` and return its record of the summary.

    Raises
    ------
    InputError : the file cannot be scored; the line leaves the path to the caller
    """
    micrograph = read_micrograph(path)
    scored = score(micrograph, model, calibration)
    in_file, beam = micrograph.sampling_angstrom, micrograph.beam
    source = {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "shape": list(micrograph.image.shape),
        "file_sampling_angstrom": None if in_file is None else {"rows": in_file[0], "columns": in_file[1]},
        "beam_fraction_per_count": calibration.beam_fraction_per_count,
        "black_level": calibration.black_level,
        "file_beam_scale": None if beam is None else asdict(beam),
    }
    table = write(folder, path.name, scored, model, source)
    overall = image_composition(scored.counts)
    return {
        "file": str(path),
        "folder": folder.name,
        "status": "scored",
        "message": "",
        "columns": len(table),
        "mean_total": float(table["total"].mean()) if len(table) else 0.0,
        **{f"fraction_{element}": float(share) for element, share in zip(ELEMENTS, overall, strict=True)},
        "calibrated_share": None if scored.certainty is None else _share(scored.certainty.calibrated),
        "aggregated": "; ".join(claims(scored.aggregation)),
        "not_told_apart": None if model.contract.accuracy is None else "; ".join(doubted(model.contract)),
        "sampling_source": scored.sampling_source,
        "domain": None if scored.domain is None else scored.domain.verdict,
        "domain_reasons": None if scored.domain is None else "; ".join(scored.domain.reasons),
    }


def score_batch(found: Found, out: Path, model: Model, calibration: Calibration) -> Summary:
    """Score every micrograph into a folder of its own below ``out``; write ``summary.csv`` and ``summary.json``."""
    out.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    names = _folder_names(found.micrographs)
    with tqdm(total=len(names), unit="image", desc="score") as bar:
        for path, name in zip(found.micrographs, names, strict=True):
            try:
                records.append(score_file(path, out / name, model, calibration))
            except InputError as error:
                tqdm.write(f"heamap: {path}: {error}", file=sys.stderr)
                domain = {"domain": error.domain.verdict} if isinstance(error, Refused) else {}
                records.append({"file": str(path), "folder": "", "status": "failed", "message": str(error), **domain})
            bar.update()
    summary = Summary(tuple(records), sum(record["status"] == "failed" for record in records))
    _write_summary(out, summary, found, model)
    return summary


def _share(marks: npt.NDArray[np.bool_]) -> float:
    return float(marks.mean()) if marks.size else 0.0


def _folder_names(paths: Sequence[Path]) -> list[str]:
    """The file's stem; its whole name where stems clash; a number besides where names clash."""
    stems = [path.stem for path in paths]
    names: list[str] = []
    for path in paths:
        name = path.stem if stems.count(path.stem) == 1 else path.name
        number = 1
        while name in names:
            number += 1
            name = f"{path.name}-{number}"
        names.append(name)
    return names


def _write_summary(out: Path, summary: Summary, found: Found, model: Model) -> None:
    pd.DataFrame(summary.records).to_csv(out / "summary.csv", index=False, float_format="%.5f")
    record = {
        "model": {"file": model.name, "sha256": model.sha256, "provider": model.provider},
        "scored": len(summary.records) - summary.failed,
        "failed": summary.failed,
        "skipped": [str(path) for path in found.skipped],
        "images": summary.records,
    }
    (out / "summary.json").write_text(json.dumps(record, indent=2) + "\n")
