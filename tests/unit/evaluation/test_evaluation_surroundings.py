import numpy as np
import pytest

from heamap.evaluation import surroundings as around_columns
from heamap.evaluation.surroundings import (
    EDGE_ANGSTROM,
    FEATURES,
    LENGTH_ANGSTROM,
    NEIGHBOUR_ANGSTROM,
    NEIGHBOURS,
    RINGS,
    surroundings,
)

SAMPLING = 0.2


def seen(image, positions, **options):
    return surroundings(
        lambda rows, cols: image[rows, cols], image.shape, positions, sampling_angstrom=SAMPLING, **options
    )


def test_rings_average_brightness_at_their_radius():
    rows, cols = np.mgrid[:161, :161]
    distance = SAMPLING * np.hypot(rows - 80, cols - 80)
    found = seen(distance.astype(np.float32), np.array([[80.0, 80.0]])).features[0]
    radii = [radius for radius, _ in RINGS]
    # Between pixels a cone is not linear at its tip alone.
    np.testing.assert_allclose(found[: len(RINGS)], radii, atol=0.06)
    np.testing.assert_allclose(found[3 : len(RINGS)], radii[3:], atol=0.01)
    assert found[-1] == 1


def test_a_straight_slope_has_the_middle_s_brightness_on_every_ring():
    slope = np.mgrid[:120, :90][0].astype(np.float32)
    places = np.array([[60.25, 45.75], [52.5, 44.0]])
    np.testing.assert_allclose(seen(slope, places).features[:, : len(RINGS)].T, [places[:, 0]] * len(RINGS), atol=1e-3)


def test_columns_may_be_looked_around_in_any_portions(monkeypatch):
    rng = np.random.default_rng(3)
    image = rng.normal(size=(150, 210)).astype(np.float32)
    places = rng.uniform(0, 1, (90, 2)) * [150, 210]
    whole = seen(image, places)
    assert (whole.offsets[..., -1] > 0).any()
    monkeypatch.setattr(around_columns, "AT_ONCE", 7)
    parted = seen(image, places, band_pixels=210 * 40)
    for name in ("features", "neighbours", "offsets", "particle"):
        np.testing.assert_array_equal(getattr(parted, name), getattr(whole, name))


def test_the_border_is_told_and_brightness_beyond_it_is_the_border_s():
    image = np.full((60, 80), 3.0, np.float32)
    found = seen(image, np.array([[0.0, 10.0], [10.0, 69.0], [59.0, 79.0]])).features
    np.testing.assert_allclose(found[:, -1], np.array([0, 2, 0]) / EDGE_ANGSTROM)
    np.testing.assert_allclose(found[:, :-1], 3)


def test_an_image_read_in_bands_gives_the_same():
    rng = np.random.default_rng(3)
    image = rng.random((300, 120), np.float32)
    places = rng.uniform(0, 1, (200, 2)) * [299, 119]
    whole, banded = seen(image, places), seen(image, places, band_pixels=120 * 7)
    np.testing.assert_array_equal(whole.features, banded.features)
    assert whole.features.shape == (200, FEATURES)


def test_neighbours_are_the_nearest_ones_with_the_way_to_them():
    image = np.zeros((200, 200), np.float32)
    near, far = np.array([100.0, 115.0]), np.array([100.0, 100.0 + 1.01 * NEIGHBOUR_ANGSTROM / SAMPLING])
    around = seen(image, np.array([[100.0, 100.0], near, far]))
    assert around.neighbours[0, 0] == 1
    np.testing.assert_allclose(around.offsets[0, 0], [0, 3 / LENGTH_ANGSTROM, 3 / LENGTH_ANGSTROM, 1], rtol=1e-6)
    # The third is out of the first's hearing, and in the second's.
    assert not around.offsets[0, 1:].any()
    assert set(around.neighbours[1, :2]) == {0, 2}
    assert around.offsets[:, :, -1].sum(axis=1).tolist() == [1, 2, 1]


@pytest.mark.parametrize("columns", [0, 1])
def test_no_columns_and_a_lonely_one_have_no_neighbours(columns):
    around = seen(np.ones((40, 40), np.float32), np.full((columns, 2), 20.0))
    assert len(around) == columns
    assert around.neighbours.shape == (columns, NEIGHBOURS)
    assert not around.offsets.any()


def test_columns_that_are_neighbours_of_neighbours_are_of_one_particle():
    chain = np.array([[20.0, 20.0 + 35 * place] for place in range(6)])
    apart = np.array([[150.0, 60.0], [150.0, 70.0], [20.0, 300.0]])
    around = seen(np.zeros((200, 320), np.float32), np.concatenate([chain, apart]))
    assert around.particle[:6].tolist() == [0] * 6
    assert around.particle[6:].tolist() == [1, 1, 2]
    np.testing.assert_allclose(around.shares.sum(axis=0), 1)
    np.testing.assert_allclose(around.shares[6], [0, 0.5, 0])
    assert around.of(np.array([6, 8])).particle.tolist() == [0, 1]


def test_a_part_keeps_the_neighbours_that_are_in_it():
    rng = np.random.default_rng(4)
    around = seen(np.zeros((200, 200), np.float32), rng.uniform(20, 180, (60, 2)))
    chosen = np.flatnonzero(rng.random(60) < 0.6)
    part = around.of(chosen)
    for place, column in enumerate(chosen):
        there = around.offsets[column, :, -1] > 0
        for slot in range(NEIGHBOURS):
            if there[slot] and around.neighbours[column, slot] in chosen:
                assert chosen[part.neighbours[place, slot]] == around.neighbours[column, slot]
                np.testing.assert_array_equal(part.offsets[place, slot], around.offsets[column, slot])
            else:
                assert not part.offsets[place, slot].any()
