"""What a result rests on."""

import platform
from functools import cache
from importlib.metadata import version
from typing import Any

import heamap
from heamap.acquisition import Acquisition
from heamap.elements import ELEMENTS
from heamap_serving import tiles
from heamap_serving.certainty import accuracy_of
from heamap_serving.composition import NONE, SHARED, composition_of
from heamap_serving.score import Scored
from heamap_serving.session import Model

PACKAGES = (
    "numpy", "scipy", "onnxruntime-gpu", "rosettasciio", "tifffile", "h5py", "pandas", "matplotlib", "pillow", "plotly",
)  # fmt: skip


def provenance(scored: Scored, model: Model, source: dict[str, Any]) -> dict[str, Any]:
    """The record of one image, ready for JSON.

    Parameters
    ----------
    source : what is recorded of the input file
    """
    accuracy = accuracy_of(model.contract, told=scored.told is not None)
    return {
        "input": source,
        "region": scored.region.record(),
        "sampling": {
            "original_angstrom": {"rows": scored.original_steps[0], "columns": scored.original_steps[1]},
            "source": source_of(scored.known, "sampling_angstrom"),
            "used_angstrom": model.contract.sampling_angstrom,
            "resampling": "Lanczos-3, cut at the coarser sampling limit",
        },
        "tiles": {
            "image_pixels": list(scored.image.shape),
            "padded_pixels": list(scored.cut.shape),
            "tile_pixels": list(scored.cut.tile),
            "margin_pixels": tiles.margin(model.contract.stride, model.contract.reach),
            "number": scored.cut.tiles,
        },
        "beam": {
            "fraction_per_count": None if scored.beam is None else scored.beam.per_count,
            "black_level": None if scored.beam is None else scored.beam.black_level,
            "detector_factor": scored.detector_factor,
        },
        "acquisition": scored.known.record(),
        "background_beam_fraction": scored.background,
        "maxima": {
            "found": scored.maxima,
            "no_columns": scored.no_columns,
            **({} if scored.checked is None else scored.checked.to_dict()),
        },
        "domain": None if scored.domain is None else scored.domain.to_dict(),
        "intervals": None if scored.certainty is None else {"level": scored.certainty.level},
        "told_composition": _told(scored, model),
        "accuracy": None if accuracy is None else accuracy.model_dump(mode="json"),
        "aggregation": scored.aggregation,
        "model": model_record(model),
        "versions": versions(),
    }


def source_of(known: Acquisition, name: str) -> str:
    """Who states an entry; empty where nobody does."""
    fact = getattr(known, name)
    return "" if fact is None else str(fact.source)


def model_record(model: Model) -> dict[str, Any]:
    """Which model a result is of, and its contract."""
    return {
        "file": model.name,
        "version": model.version,
        "origin": model.origin,
        "sha256": model.sha256,
        "provider": model.provider,
        "contract": model.contract.model_dump(mode="json"),
    }


def versions() -> dict[str, str]:
    """Of the software that made a result."""
    return {"heamap": heamap.__version__, "python": platform.python_version(), **_versions()}


def _told(scored: Scored, model: Model) -> dict[str, Any] | None:
    """The composition that was told, and what the image alone says of it."""
    if scored.told is None:
        return None
    shares = dict(zip(ELEMENTS, scored.told, strict=True))
    found = composition_of(scored, model.contract)
    alone = None if found is None else found.alone
    if found is None or alone is None:
        return {"shares": shares, "image_alone": None, "outside": []}
    known = alone.way != NONE
    ends = zip(SHARED, alone.shares.tolist(), alone.low.tolist(), alone.high.tolist(), strict=True)
    return {
        "shares": shares,
        "image_alone": {
            "intervals": alone.way,
            "level": alone.level if known else None,
            **{
                name: {"share": share, "low": low if known else None, "high": high if known else None}
                for name, share, low, high in ends
            },
        },
        "outside": list(found.outside),
    }


@cache
def _versions() -> dict[str, str]:
    """Of the packages: reading them all takes .05 s."""
    return {package: version(package) for package in PACKAGES}
