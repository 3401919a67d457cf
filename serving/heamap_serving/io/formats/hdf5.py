"""HDF5 files, read by what they hold: Velox, HyperSpy, EMD of Berkeley, py4DSTEM and Prismatic, Nion Swift, arrays."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from heamap.errors import InputError
from heamap_serving.io.datasets import Dataset
from heamap_serving.io.formats import emd, velox
from heamap_serving.io.signals import datasets_of

DEEPEST = 32
MOST_ITEMS = 20_000
"""Groups and datasets that are looked at."""

DM5 = "ImageList"
"""Group of DigitalMicrograph's HDF5 files."""


def read(path: Path, files: ExitStack) -> list[Dataset]:
    """The datasets of an HDF5 file of any layout that is known, and of others its arrays.

    Raises
    ------
    InputError : parts of it lie in other files: what is scored would not be what the file's checksum stands for
    """
    import h5py

    file = files.enter_context(h5py.File(path, "r"))
    arrays = list(_arrays(file))
    foreign = next((reason for _, item in arrays if (reason := elsewhere(item))), "")
    hyperspy = "Experiments" in file and "file_format" in file.attrs
    if foreign and (hyperspy or velox.is_velox(file)):
        raise InputError(foreign)
    if hyperspy:
        from rsciio import hspy

        return datasets_of(hspy.file_reader(str(path), lazy=True))
    if velox.is_velox(file):
        return velox.datasets(file)
    if DM5 in file and hasattr(file[DM5], "keys"):
        raise InputError("a DM5 file of DigitalMicrograph, which heamap does not read: save it as dm4")
    found = []
    for name, item in arrays:
        reason = elsewhere(item) or missing_filter(item)
        found += [_unread(name, item, reason)] if reason else emd.datasets(name, item)
    return emd.nearest(found)


def _arrays(file: Any) -> Iterator[tuple[str, Any]]:
    """Path and item of every dataset with two axes or more, and of every link to another file.

    Soft links are passed over: what they point to is met by itself.
    """
    import h5py

    pending, seen, items = [("", file, 0)], set(), 0
    while pending:
        path, group, depth = pending.pop(0)
        for name in group:
            items += 1
            if items > MOST_ITEMS:
                raise InputError(f"more than {MOST_ITEMS} groups and datasets; export the HAADF image alone")
            place, link = f"{path}/{name}", group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield place, link
                continue
            if isinstance(link, h5py.SoftLink):
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                key = h5py.h5o.get_info(item.id).addr
                if key not in seen and depth < DEEPEST:
                    seen.add(key)
                    pending.append((place, item, depth + 1))
            elif isinstance(item, h5py.Dataset) and (len(item.shape or ()) >= 2 or elsewhere(item)):
                yield place, item


def elsewhere(item: Any) -> str:
    """That the numbers of a dataset lie in another file; empty where they do not."""
    import h5py

    if isinstance(item, h5py.ExternalLink):
        return f"a link to another file ({Path(item.filename).name}); copy the data into one file"
    if item.external:
        return f"its numbers lie in another file ({Path(item.external[0][0]).name}); copy the data into one file"
    if item.is_virtual and any(source.file_name != "." for source in item.virtual_sources()):
        return "its numbers lie in other files (a virtual dataset); copy the data into one file"
    return ""


def missing_filter(item: Any) -> str:
    """That a dataset is compressed by what is not installed; empty where it can be read."""
    import h5py

    filters = item.id.get_create_plist()
    for index in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(index)
        if not h5py.h5z.filter_avail(code):
            words = name.decode("ascii", "replace").split(";")[0] or f"number {code}"
            return f"compressed by the HDF5 filter {words}, which is not installed; save it uncompressed or with gzip"
    return ""


def _unread(name: str, item: Any, reason: str) -> Dataset:
    import numpy as np

    data = np.empty(0, np.float32) if not hasattr(item, "shape") else item
    return Dataset(name, data, None, unsuited=reason)
