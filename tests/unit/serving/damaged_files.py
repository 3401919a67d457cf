"""Small valid files of the common formats, and a seeded mutator that damages them."""

import h5py
import numpy as np
import onnx
import tifffile
from serving_examples import make_contract, write_model
from writers import digital_micrograph, hdf5, mrc, tia, velox

from heamap.contract import METADATA_KEY
from heamap.lifecycle import graph

HEADER = 4096
"""Bytes at the start of a file that mostly say how the rest is laid out."""


def valid_files(folder):
    """One valid file of each format (``writers.every_format`` has their varieties)."""
    image = np.random.default_rng(0).random((64, 72)).astype(np.float32)
    tifffile.imwrite(folder / "a.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    np.save(folder / "a.npy", image)
    write_hspy(folder / "a.hspy", image)
    velox.write(folder / "a.emd", [velox.Image(image)])
    hdf5.write_nion(folder / "a.h5", image, hdf5.nion_properties(image.shape))
    for version in (3, 4):
        digital_micrograph.write(folder / f"a.dm{version}", [digital_micrograph.Image(image)], version)
    tia.write_ser(folder / "a.ser", image[None])
    mrc.write(folder / "a.mrc", image[None])
    return sorted(folder.glob("a.*"))


def sealed_model(path):
    """A tiny model with its checksum, as the line exports them."""
    model = onnx.load(write_model(path, {METADATA_KEY: make_contract().to_json()}))
    graph.seal(model)
    onnx.save(model, path)
    return path


def write_hspy(path, data):
    """HyperSpy's layout of one two-dimensional signal."""
    with h5py.File(path, "w") as file:
        file.attrs["file_format"] = "HyperSpy"
        file.attrs["file_format_version"] = "3.3"
        experiment = file.create_group("Experiments/image")
        experiment.create_dataset("data", data=data, chunks=data.shape, compression="gzip")
        for axis, size in enumerate(data.shape):
            values = {"name": "yx"[axis], "size": size, "scale": 0.02, "offset": 0.0, "units": "nm", "navigate": False}
            experiment.create_group(f"axis-{axis}").attrs.update(values)
        experiment.create_group("metadata/General").attrs["title"] = "HAADF"
        experiment.create_group("original_metadata")


def damaged(content, rng):
    """Bytes cut short, with bits flipped in the header or anywhere, or with a number in the header made huge."""
    found = content
    while found == content:
        found = _changed(content, rng)
    return found


def _changed(content, rng):
    changed = bytearray(content)
    kind = rng.choice(["cut", "header bits", "bits", "huge", "blank"])
    header = min(len(changed), HEADER)
    if kind == "cut":
        return bytes(changed[: int(rng.integers(0, len(changed)))])
    if kind in ("bits", "header bits"):
        for place in rng.integers(0, header if kind == "header bits" else len(changed), int(rng.integers(1, 40))):
            changed[place] ^= 1 << int(rng.integers(8))
        return bytes(changed)
    place, length = int(rng.integers(0, header)), int(rng.choice([2, 4, 8]))
    changed[place : place + length] = (b"\x7f" if kind == "huge" else b"\0") * length
    return bytes(changed[: len(content)])
