"""Micrographs from the file formats of electron microscopy."""

import math
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap.errors import InputError
from heamap_serving import scratch
from heamap_serving.beam_energy import beam_energy_ev
from heamap_serving.detector import beam_scale
from heamap_serving.micrograph import NOTHING_KNOWN, Micrograph, check_layout, fill
from heamap_serving.units import angstrom

Sampling = tuple[float, float] | None


@dataclass(frozen=True)
class Dataset:
    """One array of a file, not read yet, and what the file says of its pixels."""

    title: str
    data: Any
    sampling_angstrom: Sampling
    fault: str
    known: Acquisition = NOTHING_KNOWN


def read_micrograph(path: Path, folder: Path | None = None) -> Micrograph:
    """Read the one image that a file holds.

    Of several images of a Velox file the one named HAADF is taken; else a file with several is refused. A file that
    somebody made to do harm, or that is damaged in an unlucky place, may hang or eat the memory: ``guarded.Reader``
    reads in a process of its own.

    Parameters
    ----------
    path : dm3, dm4, emd, ser, tif, tiff, hspy, h5, hdf5 or npy
    folder : of the temporary file that a large image is kept in

    Raises
    ------
    InputError : an unknown suffix, a missing, damaged or unreadable file, or one that holds no single greyscale image;
        the line leaves the path to the caller
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"suffix {path.suffix!r} is none of {', '.join(READERS)}")
    if not path.is_file():
        raise InputError("no such file")
    try:
        with ExitStack() as files:
            chosen = _choose(reader(path, files))
            image = scratch.empty(check_layout(chosen.data.shape, np.dtype(chosen.data.dtype)), folder)
            fill(image, chosen.data)
            return Micrograph(image, chosen.sampling_angstrom, chosen.fault, chosen.known)
    except InputError:
        raise
    except MemoryError:
        raise InputError("damaged: it asks for more memory than a file of its size can need") from None
    # A damaged file makes the third-party readers raise anything, from struct.error and KeyError to bare Exception
    # (tests/unit/serving/test_serving_readers.py cuts real files short): one boundary turns it into one line.
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        raise InputError(f"damaged or not a {path.suffix} file ({type(error).__name__}: {reason[:160]})") from error


def _choose(datasets: list[Dataset]) -> Dataset:
    images = [entry for entry in datasets if len(_squeezed(entry.data.shape)) == 2]
    if len(images) > 1:
        images = [entry for entry in images if "haadf" in entry.title.lower()] or images
    if len(images) == 1:
        return images[0]
    if images:
        names = ", ".join(f"{entry.title or 'untitled'} {tuple(entry.data.shape)}" for entry in images[:6])
        raise InputError(f"holds {len(images)} images ({names}); export the HAADF image alone")
    if not datasets:
        raise InputError("holds no image")
    return datasets[0]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape[:-2] if length != 1) + tuple(shape[-2:])


def _from_signals(signals: list[dict[str, Any]]) -> list[Dataset]:
    return [_from_signal(signal) for signal in signals]


def _from_signal(signal: dict[str, Any]) -> Dataset:
    axes = signal["axes"][-2:]
    steps = [(float(axis.get("scale", math.nan)), axis.get("units")) for axis in axes]
    sampling, fault = _sampling(steps)
    metadata = signal.get("metadata", {})
    title = metadata.get("General", {}).get("title", "")
    beam = beam_scale(signal)
    known = Acquisition.stated(
        "file",
        beam_fraction_per_count=None if beam is None else beam.per_count,
        black_level=None if beam is None else beam.black_level,
        energy_ev=beam_energy_ev(signal),
    )
    return Dataset(str(title), signal["data"], sampling, fault, known)


def _sampling(steps: list[tuple[float, Any]]) -> tuple[Sampling, str]:
    """Steps along rows and columns from (number, unit) pairs, or the reason why there are none."""
    lengths = [angstrom(value, unit) for value, unit in steps]
    if len(lengths) == 2 and lengths[0] is not None and lengths[1] is not None:
        return (lengths[0], lengths[1]), ""
    stated = [f"{value:g} {unit}" for value, unit in steps if isinstance(unit, str) and unit.strip()]
    return None, f"the file's pixel size ({', '.join(stated)}) is no length" if stated else "no pixel size in the file"


def _read_dm(path: Path, _: ExitStack) -> list[Dataset]:
    from rsciio import digitalmicrograph

    return _from_signals(digitalmicrograph.file_reader(str(path), lazy=True))


def _read_ser(path: Path, _: ExitStack) -> list[Dataset]:
    from rsciio import tia

    return _from_signals(tia.file_reader(str(path), lazy=True))


def _read_emd(path: Path, _: ExitStack) -> list[Dataset]:
    from rsciio import emd

    return _from_signals(emd.file_reader(str(path), lazy=True, select_type="image"))


def _read_tiff(path: Path, files: ExitStack) -> list[Dataset]:
    import tifffile
    from rsciio import tiff

    datasets = _from_signals(tiff.file_reader(str(path), lazy=True))
    if len(datasets) == 1 and datasets[0].sampling_angstrom is None:
        sampling, fault = _sampling(_tiff_steps(files.enter_context(tifffile.TiffFile(path))))
        if sampling or not datasets[0].fault.startswith("the file's"):
            datasets = [Dataset(datasets[0].title, datasets[0].data, sampling, fault)]
    return datasets


def _tiff_steps(tiff: Any) -> list[tuple[float, Any]]:
    """Pixel size as ImageJ and OME write it; the resolution of other TIFF files is that of a print."""
    if tiff.is_ome:
        pixels = ET.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
        if pixels is not None:
            return [
                (float(pixels.get(f"PhysicalSize{axis}", "nan")), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
                for axis in "YX"
            ]
    if tiff.is_imagej:
        tags = tiff.pages[0].tags
        unit = (tiff.imagej_metadata or {}).get("unit", "")
        # ImageJ writes the micro sign and the A with a ring as escapes.
        unit = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), unit)
        ratios = [tags[name].value for name in ("YResolution", "XResolution") if name in tags]
        return [(below / above if above else math.nan, unit) for above, below in ratios]
    return []


def _read_hspy(path: Path, _: ExitStack) -> list[Dataset]:
    from rsciio import hspy

    return _from_signals(hspy.file_reader(str(path), lazy=True))


def _read_hdf5(path: Path, files: ExitStack) -> list[Dataset]:
    """HyperSpy's layout, or the numeric arrays nearest to the root of any HDF5 file, which have no pixel size."""
    import h5py

    file = files.enter_context(h5py.File(path, "r"))
    if "Experiments" in file and "file_format" in file.attrs:
        return _read_hspy(path, files)
    datasets: list[Dataset] = []

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim >= 2 and item.dtype.kind in "uifc":
            datasets.append(Dataset(name, item, None, "no pixel size in the file"))

    file.visititems(collect)
    shallowest = min((entry.title.count("/") for entry in datasets), default=0)
    return [entry for entry in datasets if entry.title.count("/") == shallowest]


def _read_npy(path: Path, _: ExitStack) -> list[Dataset]:
    data = np.load(path, mmap_mode="r", allow_pickle=False)
    return [Dataset("", _Mapped(data), None, "npy files hold no pixel size")]


class _Mapped:
    """A mapped file whose pages are given back after each part that is read."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values = values
        self.shape, self.ndim, self.dtype = values.shape, values.ndim, values.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        part = np.array(self._values[key])
        scratch.release(self._values)
        return part


READERS: dict[str, Callable[[Path, ExitStack], list[Dataset]]] = {
    ".dm3": _read_dm,
    ".dm4": _read_dm,
    ".emd": _read_emd,
    ".ser": _read_ser,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".hspy": _read_hspy,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".npy": _read_npy,
}
"""Reader by suffix."""
