"""What is written for one simulated structure: image, picture, column table, settings."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

PICTURE_INCHES = 6.0
PICTURE_DPI = 150
_DM_UNITS, _DM_ORIGINS, _DM_SCALES = (65003, 65004), (65006, 65007), (65009, 65010)
_BAR_SHARE = 0.25
"""Longest scale bar as a share of the picture's width."""


def write(
    folder: Path,
    image: npt.NDArray[np.float32],
    columns: pd.DataFrame,
    settings: dict[str, Any],
    *,
    sampling_angstrom: float,
) -> None:
    """Write ``image.npy``, ``image.tif``, ``image.png``, ``columns.csv`` and, last, ``settings.json``.

    A folder with ``settings.json`` is whole: that of an earlier image goes first.

    Parameters
    ----------
    folder : exists; files of these names in it are replaced
    image : (rows, cols) fractions of the incident beam
    """
    (folder / "settings.json").unlink(missing_ok=True)
    np.save(folder / "image.npy", image)
    write_tiff(folder / "image.tif", image, sampling_angstrom)
    draw(folder / "image.png", image, sampling_angstrom)
    columns.to_csv(folder / "columns.csv", index=False, float_format="%.5f")
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")


def write_tiff(path: Path, image: npt.NDArray[np.float32], sampling_angstrom: float) -> None:
    """One float32 image with its pixel size in ImageJ's way, and in DigitalMicrograph's: of ImageJ's, RosettaSciIO and
    HyperSpy read the number but not the unit."""
    pixels_per_nm = 10.0 / sampling_angstrom
    unit = [(tag, "s", 0, "nm", True) for tag in _DM_UNITS]
    scale = [(tag, "d", 1, sampling_angstrom / 10, True) for tag in _DM_SCALES]
    origin = [(tag, "d", 1, 0.0, True) for tag in _DM_ORIGINS]
    tifffile.imwrite(
        path,
        image,
        imagej=True,
        resolution=(pixels_per_nm, pixels_per_nm),
        metadata={"axes": "YX", "unit": "nm", "mode": "grayscale"},
        extratags=unit + scale + origin,
    )


def draw(path: Path, image: npt.NDArray[np.float32], sampling_angstrom: float) -> None:
    """The image in grey from its darkest to its brightest, with a scale bar on it."""
    rows, cols = image.shape
    figure = Figure(figsize=(PICTURE_INCHES, PICTURE_INCHES * rows / cols), dpi=PICTURE_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.imshow(image, cmap="gray", interpolation="nearest", aspect="auto")
    width_nm = cols * sampling_angstrom / 10
    bar_nm = _round_length(_BAR_SHARE * width_nm)
    left, bottom, thickness = 0.04, 0.04, 0.012
    axes.add_patch(
        Rectangle(
            (left, bottom), bar_nm / width_nm, thickness, transform=axes.transAxes, fc="white", ec="black", lw=0.8
        )
    )
    axes.text(
        left + bar_nm / width_nm / 2,
        bottom + thickness + 0.012,
        f"{bar_nm:g} nm",
        transform=axes.transAxes,
        color="white",
        ha="center",
        va="bottom",
        fontsize=14,
        bbox={"facecolor": "black", "edgecolor": "none", "alpha": 0.5, "pad": 1.5},
    )
    figure.savefig(path, metadata={"Software": None})


def _round_length(most_nm: float) -> float:
    """The largest of 1, 2, 5 times a power of ten up to ``most_nm``."""
    power = 10.0 ** math.floor(math.log10(most_nm))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most_nm)
