"""HyperSpy's zarr form: a folder, or a zip file of it, laid out as its HDF5 form is."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from heamap.errors import InputError
from heamap_serving.io.datasets import Dataset
from heamap_serving.io.signals import datasets_of

CODECS = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")
"""Compressors that only unpack bytes; of the others that zarr knows, one runs what the file says."""

MOST_SIGNALS = 64

_NOTHING = "_None_"
"""How HyperSpy writes that there is no value."""


def read(path: Path, files: ExitStack) -> list[Dataset]:
    """The signals of a zspy folder or file; zarr reads their numbers when they are asked for.

    RosettaSciIO's own reader needs zarr 2, which excludes zarr 3.

    Raises
    ------
    InputError : it is no zspy signal
    """
    import zarr

    store: Any = path if path.is_dir() else files.enter_context(zarr.storage.ZipStore(path, mode="r"))
    root = zarr.open_group(store, mode="r", zarr_format=2, use_consolidated=False)
    if "Experiments" not in root:
        raise InputError("a .zspy that holds no signal of HyperSpy; save the image as .hspy")
    experiments = root["Experiments"]
    return datasets_of([_signal(name, experiments[name]) for name in sorted(experiments)[:MOST_SIGNALS]])


def _signal(name: str, group: Any) -> Mapping[str, Any]:
    """A signal as RosettaSciIO's readers give it."""
    if "data" not in group:
        raise InputError(f"the signal {name} has no data")
    data = group["data"]
    _check(name, data)
    axes = [dict(_values(group[f"axis-{index}"])) for index in range(len(data.shape)) if f"axis-{index}" in group]
    metadata = _tree(group["metadata"]) if "metadata" in group else {}
    metadata.setdefault("General", {}).setdefault("title", name)
    original = _tree(group["original_metadata"]) if "original_metadata" in group else {}
    return {"data": data, "axes": axes, "metadata": metadata, "original_metadata": original}


def _check(name: str, data: Any) -> None:
    """Refuse what is not read by unpacking bytes alone."""
    own = data.metadata
    if data.dtype.kind not in "uifcV":
        raise InputError(f"the signal {name} holds {data.dtype}, not numbers")
    codec = None if own.compressor is None else own.compressor.codec_id
    if own.filters or codec not in (None, *CODECS):
        raise InputError(f"the signal {name} is packed by {codec or 'filters'}, which heamap does not open")


def _tree(group: Any) -> dict[str, Any]:
    """Values of a group and of the groups in it; arrays are left out."""
    found = dict(_values(group))
    for name, child in group.groups():
        found[name] = _tree(child)
    return found


def _values(group: Any) -> Mapping[str, Any]:
    return {name: None if value == _NOTHING else value for name, value in group.attrs.asdict().items()}
