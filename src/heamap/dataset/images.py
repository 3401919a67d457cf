"""The images folder while it is filled: Zarr chunks, and one record a sample that calls it finished."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr

from heamap.dataset.store import RECORD_FIELDS, array_hash


class ImageFolder:
    """An images folder that is being filled; what it calls finished survives any interruption.

    Parameters
    ----------
    folder : made if missing; samples beyond ``samples`` and images of another size are removed
    samples, pixels : number and side of the images
    """

    def __init__(self, folder: Path, *, samples: int, pixels: int) -> None:
        self._folder = folder
        self._records = folder / "records"
        self._records.mkdir(parents=True, exist_ok=True)
        for leftover in folder.rglob("*.partial"):
            leftover.unlink()
        self._images = self._open_images(samples, pixels)
        for path in self._records.glob("*.json"):
            if int(path.stem) >= samples:
                path.unlink()
        (folder / "microscope.parquet").unlink(missing_ok=True)

    def _open_images(self, samples: int, pixels: int) -> zarr.Array:
        path = self._folder / "images.zarr"
        if path.exists():
            array = zarr.open_array(path, mode="r+")
            if array.shape[1:] == (pixels, pixels):
                array.resize((samples, pixels, pixels))
                return array
        return zarr.create_array(
            path, shape=(samples, pixels, pixels), chunks=(1, pixels, pixels), dtype="float32", overwrite=True
        )

    def keep(self, samples: Collection[int]) -> None:
        """Remove the images of all other samples, so that what is there does not depend on what was there before."""
        for path in self._records.glob("*.json"):
            if int(path.stem) not in samples:
                path.unlink()
                # A chunk of nothing but the fill value is removed by Zarr.
                self._images[int(path.stem)] = self._images.fill_value

    def is_finished(self, sample: int, key: str) -> bool:
        """Whether the sample's stored image was made under this key and is whole."""
        try:
            record = json.loads(self._path(sample).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return record["key"] == key and record["image_hash"] == array_hash(np.asarray(self._images[sample]))

    def write(self, sample: int, image: npt.NDArray[np.float32], *, key: str, record: dict[str, Any]) -> None:
        """Store an image (rows, cols), and only then the record that calls it finished.

        Parameters
        ----------
        key : identifies everything that decided the image
        record : ``RECORD_FIELDS``; NaN is stored as null
        """
        path = self._path(sample)
        path.unlink(missing_ok=True)
        self._images[sample] = image
        content = {name: None if record[name] != record[name] else record[name] for name in RECORD_FIELDS}
        content |= {"sample": sample, "key": key, "image_hash": array_hash(image)}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
        partial.replace(path)

    def finish(self) -> pd.DataFrame:
        """Gather the records of all samples into ``microscope.parquet`` and return them."""
        records = [json.loads(path.read_text()) for path in sorted(self._records.glob("*.json"))]
        table = pd.DataFrame(records)[["sample", *RECORD_FIELDS, "image_hash"]]
        table = table.astype({"sample": np.int32, "relative_error": np.float64})
        table.sort_values("sample").to_parquet(self._folder / "microscope.parquet", index=False)
        return table

    def _path(self, sample: int) -> Path:
        return self._records / f"{sample:06d}.json"
