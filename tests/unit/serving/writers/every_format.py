"""A small valid file of every format."""

import json
import zipfile

import numpy as np
import tifffile

from writers import digital_micrograph, hdf5, mrc, tia, velox
from writers.pictures import drifted, picture


def write_all(folder):
    """Files named by what is in them; an image in each, a series in some."""
    series = drifted([(0, 0), (2, -1)])
    images = [velox.Image(picture(), "BF"), velox.Image(picture())]
    velox.write(folder / "velox10.emd", images, 10)
    velox.write(folder / "velox12.emd", [velox.Image(np.moveaxis(series, 0, 2))], 12, groups=["Data/SpectrumImage/x"])
    axes = [("y", "[n_m]", 0.015), ("x", "[n_m]", 0.02)]
    hdf5.write_emd(folder / "berkeley.emd", {"haadf": (picture(), axes)}, microscope={"voltage": 200.0})
    hdf5.write_emd(folder / "py4dstem.h5", {"haadf": (picture(), axes)}, version=(1, 0))
    hdf5.write_prismatic(folder / "prismatic.hdf5", picture().astype(np.float32), parameters={"E": 200.0})
    hdf5.write_nion(folder / "nion.h5", picture(), hdf5.nion_properties(picture().shape))
    steps = [("y", "nm", 0.015, False), ("x", "nm", 0.02, False)]
    hdf5.write_hspy(folder / "hyperspy.hspy", {"HAADF": (picture(), steps, {})})
    digital_micrograph.write(folder / "gatan.dm3", [digital_micrograph.Image(picture())], 3)
    digital_micrograph.write(folder / "series.dm4", [digital_micrograph.Image(series)], 4)
    tia.write_emi(folder / "tia.emi", [({"High tension": ("200", "kV")}, {})])
    tia.write_ser(folder / "tia_1.ser", picture()[None])
    tia.write_ser(folder / "series_1.ser", series)
    mrc.write(folder / "image.mrc", picture()[None])
    mrc.write(folder / "fei.mrc", series, None, fei_step_m=2e-11)
    tifffile.imwrite(
        folder / "imagej.tif", picture(), imagej=True, metadata={"unit": "nm", "cf": 0, "c0": 1.0, "c1": 2.0}
    )
    tifffile.imwrite(folder / "pages.tif", series, photometric="minisblack", compression="zlib")
    tifffile.imwrite(folder / "ome.ome.tif", picture(), ome=True, metadata={"axes": "YX", "PhysicalSizeX": 0.1})
    np.save(folder / "array.npy", picture())
    with zipfile.ZipFile(folder / "nion.ndata1", "w") as archive:
        archive.write(folder / "array.npy", "data.npy")
        archive.writestr("metadata.json", json.dumps(hdf5.nion_properties(picture().shape)))
    metadata = json.dumps([{"type": "2D", "device.calib": [{"unit": "nm", "value": 0.02, "offset": 0.0}] * 2}])
    with (folder / "panta_rhei.prz").open("wb") as file:
        np.savez_compressed(file, data=picture(), meta_data_json=metadata, file_format_version=2)
    return sorted(path for path in folder.iterdir() if path.is_file())
