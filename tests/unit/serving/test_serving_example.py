from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from heamap.elements import ATOMIC_NUMBERS, ELEMENTS
from heamap_serving.io import READERS, read_micrograph

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def micrograph():
    return read_micrograph(EXAMPLES / "micrographs" / "PtNiPdCoFe.tif")


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(EXAMPLES / "truth" / "PtNiPdCoFe.csv", dtype={"order": str})


def brightness(image, rows, cols):
    return ndimage.map_coordinates(ndimage.gaussian_filter(image, 3.0), [rows, cols], order=1, mode="nearest")


def test_the_shipped_micrograph_is_calibrated(micrograph, truth):
    assert micrograph.sampling_angstrom == pytest.approx((0.15, 0.15), rel=1e-4)
    np.testing.assert_allclose(truth["x_angstrom"], truth["col_px"] * 0.15, atol=1e-3)


def test_the_folder_that_is_scored_holds_micrographs_alone():
    assert {path.suffix for path in (EXAMPLES / "micrographs").iterdir()} <= set(READERS)


def test_the_true_columns_sum_up(truth):
    assert (truth[list(ELEMENTS)].sum(axis=1) == truth["total"]).all()
    for row in truth.itertuples():
        assert [row.order.count(str(index)) for index in range(5)] == [getattr(row, element) for element in ELEMENTS]


def test_columns_of_more_and_heavier_atoms_are_brighter_the_right_way_round(micrograph, truth):
    scattering = truth[list(ELEMENTS)].to_numpy() @ np.asarray(ATOMIC_NUMBERS, dtype=float) ** 1.7
    rows, cols = truth["row_px"].to_numpy(), truth["col_px"].to_numpy()
    upright = np.corrcoef(brightness(micrograph.image, rows, cols), scattering)[0, 1]
    turned = np.corrcoef(brightness(micrograph.image.T, rows, cols), scattering)[0, 1]
    assert upright > 0.8
    assert turned < upright - 0.2
