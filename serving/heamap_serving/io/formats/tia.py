"""TIA's ``.emi`` and ``.ser``: the images lie in files ``NAME_1.ser``, what is known of them in ``NAME.emi``."""

import re
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from heamap.acquisition import Acquisition
from heamap.errors import InputError
from heamap_serving.io.acquisition_metadata import detector_in, tilt
from heamap_serving.io.datasets import Dataset
from heamap_serving.io.metadata import number
from heamap_serving.io.signals import datasets_of

HEADER = struct.Struct("<HHHIIII")
"""Byte order, kind of file, version, kind of data, kind of tags, elements in all and those that were finished."""

SERIES = 0x0197
SPECTRA = 0x4120

_OBJECT = re.compile(rb"<ObjectInfo>.*?</ObjectInfo>", re.DOTALL)

MOST_EMI_BYTES = 2**28


def read_ser(path: Path, __: ExitStack) -> list[Dataset]:
    """The images of one file, and what the ``.emi`` of the same stem says of them, where there is one."""
    index = path.stem.rpartition("_")[2]
    emi = next((file for file in emis_of(path) if file.is_file()), None)
    objects = [] if emi is None else _objects(emi)
    own = objects[int(index) - 1] if index.isdigit() and 0 < int(index) <= len(objects) else {}
    return [_with_facts(dataset, own, path.stem if dataset.name == "" else dataset.name) for dataset in _elements(path)]


def emis_of(ser: Path) -> list[Path]:
    """Where the ``.emi`` of a ``.ser`` would lie."""
    stem, _, index = ser.stem.rpartition("_")
    return [ser.with_name(f"{stem}{suffix}") for suffix in (".emi", ".EMI")] if index.isdigit() else []


def read_emi(path: Path, files: ExitStack) -> list[Dataset]:
    """The images of every ``.ser`` of the same stem.

    Raises
    ------
    InputError : there is none
    """
    series = series_of(path)
    if not series:
        raise InputError(f"no file {path.stem}_1.ser beside it: an .emi holds no image itself; copy both")
    found: list[Dataset] = []
    for file in series:
        try:
            found += read_ser(file, files)
        except InputError as error:
            found.append(Dataset(file.name, _NoArray(), None, unsuited=str(error)))
    return found


def series_of(emi: Path) -> list[Path]:
    """The ``.ser`` files of an ``.emi``, by their number."""
    numbers = {file: _number_of(file, emi.stem) for file in emi.parent.iterdir()}
    return sorted((file for file, number in numbers.items() if number), key=lambda file: numbers[file])


class _NoArray:
    shape, dtype = (0,), "f4"


def _number_of(file: Path, stem: str) -> int:
    """Number of a ``.ser`` of this stem; 0 for other files."""
    if file.suffix.lower() != ".ser" or not file.name.startswith(f"{stem}_"):
        return 0
    index = file.stem[len(stem) + 1 :]
    return int(index) if index.isdigit() and index.isascii() and len(index) < 6 else 0


def _elements(path: Path) -> list[Dataset]:
    from rsciio import tia

    with path.open("rb") as file:
        header = file.read(HEADER.size)
    if len(header) == HEADER.size:
        _, kind, _, data, _, _, finished = HEADER.unpack(header)
        if kind == SERIES and data == SPECTRA:
            raise InputError("spectra, not an image; take the .ser file of the HAADF image")
        if kind == SERIES and finished == 0:
            raise InputError("no frame of the scan was finished, so that the file holds no image")
    # Once and whole: RosettaSciIO decodes all elements for each part that is asked for lazily.
    return datasets_of(tia.file_reader(str(path), lazy=False))


def _objects(emi: Path) -> list[dict[str, str]]:
    """What an .emi says of each of its objects: labels and tags with their text. They are XML between other bytes."""
    if emi.stat().st_size > MOST_EMI_BYTES:
        return []
    found = []
    for match in _OBJECT.finditer(emi.read_bytes()):
        try:
            found.append(_texts(ET.fromstring(match[0])))
        except ET.ParseError:
            found.append({})
    return found


def _texts(tree: ET.Element) -> dict[str, str]:
    texts = {element.tag: (element.text or "").strip() for element in tree.iter() if not len(element)}
    for element in tree.iter("Data"):
        label, value, unit = (element.findtext(tag) or "" for tag in ("Label", "Value", "Unit"))
        texts[f"{label} {unit}".strip()] = value.strip()
    return texts


def _with_facts(dataset: Dataset, stated: Mapping[str, str], name: str) -> Dataset:
    detector = next(
        (found for key, text in stated.items() if "detector" in key.lower() and (found := detector_in(text))), ""
    )
    detector = detector or detector_in(name)
    known = Acquisition.stated(
        "file",
        energy_ev=number(stated.get("High tension kV"), 1e3),
        semiangle_mrad=number(stated.get("Convergence angle mrad")),
        dwell_time_s=number(stated.get("DwellTimePath")),
        detector=detector,
        tilt_degree=tilt(number(stated.get("Stage A deg")), number(stated.get("Stage B deg"))),
    )
    changes: dict[str, Any] = {}
    mode = stated.get("Mode", "")
    if ("STEM" in mode and "CameraNamePath" in stated) or ("Diffraction" in mode and "STEM" not in mode):
        changes = {"unsuited": "a diffraction pattern of a camera, not an image"}
    return replace(dataset, name=name, detector=detector, known=known.over(dataset.known), **changes)
