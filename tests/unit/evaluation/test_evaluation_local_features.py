import numpy as np
import pandas as pd
import pytest

from heamap.evaluation import local_features
from heamap.evaluation.metrics import r2
from heamap.evaluation.targets import TARGETS, with_sums

SAMPLING = 0.2


def table(positions_angstrom: np.ndarray, volumes: np.ndarray, samples: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": samples,
            "row": positions_angstrom[:, 0] / SAMPLING,
            "col": positions_angstrom[:, 1] / SAMPLING,
            "beam_fraction": 10.0 + volumes,
            "gaussian_volume": volumes,
            "gaussian_width_angstrom": 0.5,
        }
    )


def lattice(images: int, seed: int) -> pd.DataFrame:
    """[110] columns of fcc, a = 3.7 Angstrom, 8 by 16 an image, turned at random, of random volume."""
    rng = np.random.default_rng(seed)
    base = np.array([(0.5 * 3.7 * i, (2 * j + i % 2) * 3.7 / np.sqrt(8)) for i in range(16) for j in range(8)])
    turned = []
    for angle in rng.uniform(0, np.pi, images):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned.append(base @ turn.T + rng.normal(0, 0.05, base.shape) + 40)
    samples = np.repeat(np.arange(images), len(base))
    return table(np.concatenate(turned), rng.uniform(1, 20, images * len(base)), samples)


def with_truth(columns: pd.DataFrame, totals: np.ndarray) -> pd.DataFrame:
    counts = np.outer(totals, [0.5, 0.0, 0.0, 0.0, 0.5])
    return columns.assign(**dict(zip([f"true_{target}" for target in TARGETS], with_sums(counts).T, strict=True)))


def test_neighbours_come_nearest_first_and_missing_ones_are_marked() -> None:
    positions = np.array([[10.0, 10.0], [10.0, 12.6], [12.2, 10.0], [10.0, 6.8], [10.0, 14.0]])
    found = local_features.local_features(table(positions, np.arange(5.0), np.zeros(5)), sampling_angstrom=SAMPLING)
    # The fourth lies 3.2 Angstrom from the first, beyond reach; the last beyond that.
    expected = [10, 0, 0.5, 12, 2, 11, 1, *[np.nan] * 8]
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(found[3][3:], np.nan)
    assert dict(zip(local_features.FEATURES, found[0], strict=True))["gaussian_volume_2"] == 1


def test_a_column_of_the_lattice_has_six_neighbours() -> None:
    found = local_features.local_features(lattice(1, seed=0), sampling_angstrom=SAMPLING)
    inner = np.arange(128).reshape(16, 8)[1:-1, 1:-1].ravel()
    assert np.isfinite(found[inner]).all()
    corner = np.isfinite(found[0]).sum() - len(local_features.OWN)
    assert corner == 2 * len(local_features.AROUND)


def test_columns_of_other_images_are_no_neighbours() -> None:
    positions = np.array([[10.0, 10.0], [10.0, 12.3], [10.0, 11.0]])
    found = local_features.local_features(
        table(positions, np.arange(3.0), np.array([4, 4, 2])), sampling_angstrom=SAMPLING
    )
    assert found[0, 3:5].tolist() == [11, 1]
    assert np.isnan(found[2, 3:]).all()


def test_rows_keep_their_order() -> None:
    columns = lattice(3, seed=1)
    order = np.random.default_rng(2).permutation(len(columns))
    found = local_features.local_features(columns, sampling_angstrom=SAMPLING)
    mixed = local_features.local_features(columns.iloc[order], sampling_angstrom=SAMPLING)
    np.testing.assert_array_equal(mixed, found[order])


def test_trees_learn_from_the_column_and_from_its_neighbours() -> None:
    # Half of the nearest neighbour's volume has leaked into the column's own.
    def truth(columns: pd.DataFrame) -> np.ndarray:
        features = local_features.local_features(columns, sampling_angstrom=SAMPLING)
        named = dict(zip(local_features.FEATURES, features.T, strict=True))
        return named["gaussian_volume"] - 0.5 * np.nan_to_num(named["gaussian_volume_1"])

    training, test = lattice(12, seed=3), lattice(4, seed=4)
    training, test = with_truth(training, truth(training)), with_truth(test, truth(test))
    found = local_features.estimates(training, test, sampling_angstrom=SAMPLING, rng=np.random.default_rng(0))
    scores = dict(zip(TARGETS, found[local_features.TREES].T, strict=True))
    total = test["true_total"]
    # Volumes are independent: the own one explains 1 part of 1 + .25, but for columns at the border.
    own = np.poly1d(np.polyfit(training["gaussian_volume"], training["true_total"], 1))(test["gaussian_volume"])
    assert r2(total, own) == pytest.approx(0.8, abs=0.05)
    assert r2(total, scores["total"]) > 0.98
    assert r2(test["true_Pt"], scores["Pt"]) > 0.98
    np.testing.assert_allclose(scores["Ni"], 0, atol=1e-9)


def test_the_same_generator_gives_the_same_trees() -> None:
    training = lattice(1, seed=5)
    training = with_truth(training, training["gaussian_volume"].to_numpy())
    found = [
        local_features.estimates(training, training, sampling_angstrom=SAMPLING, rng=np.random.default_rng(7))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(found[0][local_features.TREES], found[1][local_features.TREES])
    assert set(found[0]) == set(local_features.DESCRIPTIONS)
