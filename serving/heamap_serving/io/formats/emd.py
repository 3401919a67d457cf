"""Arrays of HDF5 files with the axes beside them: EMD 0.2 and 1.0, py4DSTEM, Prismatic; Nion Swift's; plain ones.

RosettaSciIO reads EMD by the suffix ``.emd``, all datasets of a file or none, and stacks those with names alike.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from heamap.acquisition import Acquisition
from heamap_serving.io.acquisition_metadata import detector_in
from heamap_serving.io.datasets import SMALLEST_PX, Dataset, Layout, Slice, no_image, plain_layout, sampling
from heamap_serving.io.formats import nion
from heamap_serving.io.metadata import number

_PARAMETERS = "4DSTEM_simulation/metadata/metadata_0/original/simulation_parameters"
"""Of Prismatic's files."""

_INVERSE = re.compile(r"1 ?/|\^ ?-1|⁻¹|-1\b")


def datasets(name: str, item: Any) -> list[Dataset]:
    """One array of a file; of a stack whose slices have names, each of them.

    Parameters
    ----------
    name : its path in the file
    item : h5py's dataset, with two axes or more
    """
    properties = nion.properties_of(item.attrs) or nion.properties_of(item.parent.attrs)
    if properties is not None:
        return [nion.dataset_of(name, item, properties)]
    axes, first = _axes(item)
    known = _facts(item.file)
    labels = _labels(axes[-1], item.shape[-1]) if len(axes) == 3 else []
    if labels:
        return [
            _dataset(f"{name}/{label}", Slice(item, 2, index), axes[:2], Layout(0, 1), known)
            for index, label in enumerate(labels)
        ]
    layout = _layout(axes, tuple(item.shape)) if axes and first == 1 else plain_layout(item.shape)
    return [_dataset(name, item, axes, layout, known)]


def nearest(found: list[Dataset]) -> list[Dataset]:
    """Of plain arrays, none of which says HAADF, those nearest to the root: results of an analysis stand in groups."""
    usable = [entry for entry in found if not entry.unsuited]
    usable = [entry for entry in usable if min(entry.shape) >= SMALLEST_PX] or usable
    if any("haadf" in f"{entry.name} {entry.detector}".lower() for entry in usable):
        return found
    if any(entry.sampling_angstrom for entry in usable):
        return found
    depth = min((entry.name.count("/") for entry in usable), default=None)
    deeper = [entry for entry in usable if entry.name.count("/") != depth]
    return [entry for entry in found if entry not in deeper]


def _dataset(name: str, data: Any, axes: list[Any], layout: Layout | None, known: Acquisition) -> Dataset:
    unsuited, found, fault = no_image(data, layout, plain=not axes), None, "no pixel size in the file"
    if layout is not None and axes:
        steps = [_step(axes[axis]) for axis in (layout.rows, layout.cols)]
        found, fault = sampling(steps)
        if not unsuited and all(isinstance(unit, str) and _INVERSE.search(unit) for _, unit in steps):
            unsuited = f"a diffraction pattern (steps in {steps[0][1]}), not an image"
    leaf = [part for part in name.split("/") if part != "data"][-1:]
    detector = detector_in(leaf[0]) if leaf else ""
    known = Acquisition.stated("file", detector=detector).over(known)
    return Dataset(name, data, layout, found, fault, known, detector, unsuited)


def _axes(item: Any) -> tuple[list[Any], int]:
    """Vectors ``dim0`` or ``dim1`` and on, one an axis, and the number of the first; none where they are not there."""
    for first in (0, 1):
        names = [f"dim{index + first}" for index in range(len(item.shape))]
        if all(name in item.parent and hasattr(item.parent[name], "shape") for name in names):
            return [item.parent[name] for name in names], first
    return [], 0


def _layout(axes: list[Any], shape: tuple[int, ...]) -> Layout | None:
    """Layout of EMD 0.2: as the names of the axes say, else the columns' index first, as RosettaSciIO takes it."""
    longer = [axis for axis, length in enumerate(shape) if length != 1]
    if len(longer) not in (2, 3):
        return plain_layout(shape)
    names = {axis: _attribute(axes[axis], "name").lower() for axis in longer}
    rows = [axis for axis, name in names.items() if name.endswith("y")]
    cols = [axis for axis, name in names.items() if name.endswith("x")]
    if len(rows) == 1 and len(cols) == 1:
        others = [axis for axis in longer if axis not in (rows[0], cols[0])]
        return Layout(rows[0], cols[0], others[0] if others else None)
    return Layout(longer[1], longer[0], longer[2] if len(longer) == 3 else None)


def _step(axis: Any) -> tuple[float, Any]:
    """Step of a vector, and its unit."""
    values = axis[()] if axis.shape and len(axis.shape) == 1 and axis.shape[0] < 10**6 else np.empty(0)
    usable = values.size > 1 and values.dtype.kind in "uif"
    return (float(values[-1]) - float(values[0])) / (values.size - 1) if usable else 0.0, _attribute(
        axis, "units"
    ) or None


def _labels(axis: Any, length: int) -> list[str]:
    """Names of the slices along an axis; none where it has numbers."""
    values = axis[()] if len(axis.shape) == 1 and axis.shape[0] == length else np.empty(0)
    if values.dtype.kind not in "OSU":
        return []
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _attribute(item: Any, name: str) -> str:
    value = item.attrs.get(name, "")
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _facts(file: Any) -> Acquisition:
    """Of the group ``microscope`` of EMD 0.2, and of Prismatic's parameters."""
    known = Acquisition()
    if hasattr(file.get("microscope"), "attrs"):
        stated: Mapping[str, Any] = {key.lower(): value for key, value in file["microscope"].attrs.items()}
        voltage = next((stated[key] for key in stated if key.replace("_", " ") in _VOLTAGES), None)
        unit = next((stated[key] for key in stated if "units" in key and ("volt" in key or "energy" in key)), "")
        known = Acquisition.stated("file", energy_ev=_energy(voltage, str(unit)))
    if _PARAMETERS in file:
        stated = dict(file[_PARAMETERS].attrs)
        angle = number(stated.get("sa", stated.get("probeSemiangle")))
        known = known.over(
            Acquisition.stated(
                "file",
                energy_ev=_energy(stated.get("E", stated.get("E0")), ""),
                # Prismatic's files have it in radian or, as its command line takes it, in mrad.
                semiangle_mrad=None if angle is None else angle * 1e3 if angle < 0.5 else angle,
            )
        )
    return known


_VOLTAGES = ("voltage", "accelerating voltage", "acceleration voltage", "beam energy", "high tension")


def _energy(value: Any, unit: str) -> float | None:
    """In eV; a number without a unit that is below 2000 is in kV, above 20,000 in V: no microscope lies between."""
    found = number(value)
    if found is None:
        return None
    if "k" in unit.lower() or (not unit and found < 2e3):
        return found * 1e3
    return found if unit or found > 2e4 else None
