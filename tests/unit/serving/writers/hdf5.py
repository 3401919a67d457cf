"""HDF5 of Berkeley's EMD 0.2 and 1.0, Prismatic, Nion Swift and HyperSpy."""

import json

import h5py
import numpy as np


def write_emd(path, images, *, version=(0, 2), microscope=None):
    """Each of ``images`` ({name: (data, axes)}) with a vector an axis: (name, unit, step)."""
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = version
        if microscope:
            file.create_group("microscope").attrs.update(microscope)
        for name, (data, axes) in images.items():
            group = file.create_group(f"data/{name}" if version[0] == 0 else f"root/{name}")
            group.attrs["emd_group_type"] = 1 if version[0] == 0 else "array"
            group["data"] = data
            for index, (axis, unit, step) in enumerate(axes):
                length = data.shape[index] if version[0] == 0 else 2
                labels = isinstance(step, list)
                vector = group.create_dataset(
                    f"dim{index + (version[0] == 0)}", data=step if labels else step * np.arange(length)
                )
                vector.attrs.update({"name": axis, "units": unit})


def write_prismatic(path, data, step_angstrom=(0.15, 0.2), *, parameters=None):
    """A real slice (rows, cols), stored with the columns' index first."""
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 5
        group = file.create_group("4DSTEM_simulation/data/realslices/annular_detector_depth0000")
        group.attrs["emd_group_type"] = 1
        group["realslice"] = data.T
        for index, name in enumerate(("R_x", "R_y")):
            vector = group.create_dataset(
                f"dim{index + 1}", data=step_angstrom[1 - index] * np.arange(data.T.shape[index])
            )
            vector.attrs.update({"name": name, "units": "[Å]"})
        place = "4DSTEM_simulation/metadata/metadata_0/original/simulation_parameters"
        file.create_group(place).attrs.update(parameters or {})


def nion_properties(shape, steps=(0.015, 0.02), units=("nm", "nm"), **more):
    """Properties of a data item; leading axes are those of a sequence."""
    leading = len(shape) - 2
    calibrations = [{"offset": 0.0, "scale": 1.0, "units": ""}] * leading
    calibrations += [{"offset": 0.0, "scale": step, "units": unit} for step, unit in zip(steps, units, strict=True)]
    return {
        "type": "data-item",
        "title": "HAADF",
        "is_sequence": leading == 1,
        "collection_dimension_count": 0,
        "datum_dimension_count": 2,
        "dimensional_calibrations": calibrations,
        "intensity_calibration": {"offset": 0.0, "scale": 1.0, "units": ""},
        "metadata": {
            "instrument": {"high_tension": 100000},
            "hardware_source": {"channel_name": "HAADF", "pixel_time_us": 4},
        },
    } | more


def write_nion(path, data, properties):
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("data", data=data)
        dataset.attrs["properties"] = json.dumps(properties)


def write_hspy(path, signals):
    """Each of ``signals`` ({title: (data, axes, metadata)}); axes are (name, unit, step, navigates)."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
        for title, (data, axes, metadata) in signals.items():
            experiment = file.create_group(f"Experiments/{title}")
            experiment.attrs.update({"package": "hyperspy", "package_version": "2.3.0"})
            experiment.create_dataset("data", data=data, chunks=data.shape)
            for index, (name, unit, step, navigates) in enumerate(axes):
                values = {"name": name, "size": data.shape[index], "scale": step, "offset": 0.0, "navigate": navigates}
                group = experiment.create_group(f"axis-{index}")
                group.attrs.update(values | ({} if unit is None else {"units": unit}))
            _tree(experiment.create_group("metadata"), {"General": {"title": title}} | metadata)
            experiment.create_group("original_metadata")


def _tree(group, values):
    for name, value in values.items():
        if isinstance(value, dict):
            _tree(group.create_group(name), value)
        else:
            group.attrs[name] = value
