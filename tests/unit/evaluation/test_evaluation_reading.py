from pathlib import Path

import numpy as np
import pytest

from heamap.contract import Contract
from heamap.dataset.labels import label_maps
from heamap.evaluation import reading
from heamap.evaluation.readout import read_counts
from heamap.params import load

SIGMA = 2.5
PLACES = np.array([[15.3, 20.7], [15.6, 32.1], [40.25, 50.5]])
COUNTS = np.array([[5, 4, 3, 2, 1], [1, 0, 0, 0, 4], [10, 10, 0, 0, 0]])
CONTRACT = {
    "elements": ["Pt", "Ni", "Pd", "Co", "Fe"],
    "sampling_angstrom": 0.2,
    "normalization": "local",
    "label_sigma_angstrom": 0.5,
    "intensity_scale": 1.0,
    "stride": 8,
    "ranges": {
        "energy_ev": [180e3, 220e3],
        "semiangle_mrad": [15, 20],
        "detector_mrad": [60, 95],
        "dose_per_square_angstrom": [1e5, 4e5],
        "column_total": [1, 16],
        "nearest_column_angstrom": 2.27,
    },
    "lineage": {"run_id": "r", "commit": "c", "data": {}},
}


def maps() -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.3, (64, 72, 5))
    return (label_maps(*PLACES.T, COUNTS, (64, 72), SIGMA) + noise).astype(np.float32)


@pytest.mark.parametrize("name", ["peak", "fit"])
def test_a_map_of_label_gaussians_gives_the_counts_by_either_way(name):
    exact = label_maps(*PLACES.T, COUNTS, (64, 72), SIGMA)
    np.testing.assert_allclose(reading.make(name, sigma_pixels=SIGMA)(exact, *PLACES.T), COUNTS, atol=0.02)


def test_the_peak_is_the_height_at_the_column_and_the_fit_is_nearer_under_noise():
    peak, fit = (reading.make(name, sigma_pixels=SIGMA)(maps(), *PLACES.T) for name in ("peak", "fit"))
    np.testing.assert_array_equal(peak, read_counts(maps(), *PLACES.T))
    assert np.abs(fit - COUNTS).max() < 0.25
    assert np.square(fit - COUNTS).sum() < 0.3 * np.square(peak - COUNTS).sum()


@pytest.mark.parametrize("name", ["peak", "fit"])
def test_what_lies_beyond_the_reach_is_not_looked_at(name):
    readout = reading.make(name, sigma_pixels=SIGMA)
    whole = np.random.default_rng(1).normal(size=(200, 40, 5))
    column = np.array([100.4]), np.array([20.3])
    part = whole[100 - readout.reach : 101 + readout.reach]
    np.testing.assert_allclose(
        readout(part, column[0] - (100 - readout.reach), column[1]), readout(whole, *column), atol=1e-9
    )


@pytest.mark.parametrize("name", ["peak", "fit"])
def test_parameters_and_the_contract_name_the_same_way(name):
    params = load(Path(__file__).parents[3] / "params.yaml")
    params = params.model_copy(update={"evaluate": params.evaluate.model_copy(update={"readout": name})})
    contract = Contract.model_validate(CONTRACT | {"readout": name})
    expected = reading.make(name, sigma_pixels=SIGMA)(maps(), *PLACES.T)
    np.testing.assert_array_equal(reading.of_params(params)(maps(), *PLACES.T), expected)
    np.testing.assert_array_equal(reading.of_contract(contract)(maps(), *PLACES.T), expected)
