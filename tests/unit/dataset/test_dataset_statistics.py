"""Statistics of hand-made images and tables."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from heamap.dataset import statistics

SAMPLING = 0.2


def spots(
    positions: npt.NDArray[np.float64], peaks: npt.NDArray[np.float64], side: int = 96
) -> npt.NDArray[np.float32]:
    rows, cols = np.indices((side, side))
    image = np.full((side, side), 1e-4)
    for (row, col), peak in zip(positions, peaks, strict=True):
        image += peak * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * (0.45 / SAMPLING) ** 2))
    return image.astype(np.float32)


LATTICE = np.array([(row, col) for row in range(10, 90, 13) for col in range(10, 90, 13)], dtype=np.float64) + 0.3


def test_every_column_is_one_maximum_at_its_place() -> None:
    image = spots(LATTICE, np.linspace(0.002, 0.05, len(LATTICE)))
    maxima = statistics.local_maxima(image, sampling_angstrom=SAMPLING)
    assert np.abs(np.array(sorted(map(tuple, maxima))) - LATTICE).max() <= 1
    assert statistics.match_columns(maxima, LATTICE, sampling_angstrom=SAMPLING) == (len(LATTICE), 0)


def test_a_column_that_does_not_show_and_a_spot_that_is_no_column_are_told_apart() -> None:
    shown = np.vstack([LATTICE[:-3], [[16.8, 16.8]]])
    maxima = statistics.local_maxima(spots(shown, np.full(len(shown), 0.02)), sampling_angstrom=SAMPLING)
    assert statistics.match_columns(maxima, LATTICE, sampling_angstrom=SAMPLING) == (len(LATTICE) - 3, 1)


def test_a_flat_image_has_no_columns() -> None:
    maxima = statistics.local_maxima(np.zeros((32, 32), np.float32), sampling_angstrom=SAMPLING)
    assert statistics.match_columns(maxima, LATTICE, sampling_angstrom=SAMPLING) == (0, 0)


def test_pixels_that_are_not_finite_are_counted_and_left_out() -> None:
    found = statistics.image_statistics(np.array([[0.1, 0.3], [np.nan, np.inf]], np.float32))
    assert found["finite_share"] == 0.5
    assert found["mean"] == pytest.approx(0.2)
    assert found["contrast"] == pytest.approx(0.5)


def test_nearest_distance_is_in_angstrom() -> None:
    columns = pd.DataFrame({"row": [0.0, 0.0, 30.0], "col": [0.0, 10.0, 0.0]})
    assert statistics.nearest_angstrom(columns, sampling_angstrom=SAMPLING) == pytest.approx([2.0, 2.0, 6.0])
