import math

import numpy as np
import pytest

from heamap.domain.column_lattice import OFF_LATTICE, fit_column_lattice

A = 3.7
NEAREST = A * math.sqrt(3 / 8)


def crystal(radius=22.0, degree=0.0, constant=A):
    """Columns of a round fcc particle down [110]; ``degree`` from rows to [001]."""
    i, j = np.mgrid[-30:31, -30:31].reshape(2, -1)
    columns = np.stack([(i + j) * constant / 2, (i - j) * constant / math.sqrt(8)], axis=1)
    turn = math.radians(degree)
    columns = columns @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return columns[np.hypot(*columns.T) <= radius]


def twin(degree=20.0):
    """Two halves of a particle that mirror each other across {111}, whose columns are of both."""
    one = crystal()
    normal = np.array([1.0, -math.sqrt(2)]) / math.sqrt(3)
    height = one @ normal
    upper = one[height > -0.1]
    lower = upper[height[height > -0.1] > 0.1]
    lower = lower - 2 * np.outer(lower @ normal, normal)
    turn = math.radians(degree)
    turned = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return upper @ turned, lower @ turned


@pytest.mark.parametrize("degree", [0.0, 17.0, 90.0, 140.0, 179.0])
def test_a_perfect_crystal_lies_on_its_lattice(degree):
    found = fit_column_lattice(crystal(degree=degree))
    assert not found.off_lattice.any()
    assert found.misplaced.max() < 1e-6
    [grain] = found.grains
    assert grain.columns == len(found.grain) == (found.grain == 0).sum()
    assert grain.lattice_constant_angstrom == pytest.approx(A)
    assert grain.axis_ratio == pytest.approx(1)
    assert grain.axis_angle_degree == pytest.approx(90)
    assert grain.lattice_constant_error == pytest.approx(0, abs=1e-6)


def test_the_axes_point_where_the_crystal_lies():
    [grain] = fit_column_lattice(crystal(degree=30.0)).grains
    first = grain.vectors.sum(axis=0)
    second = grain.vectors[0] - grain.vectors[1]
    assert abs(first @ [math.cos(math.pi / 6), math.sin(math.pi / 6)]) == pytest.approx(A)
    assert np.linalg.norm(second) == pytest.approx(A / math.sqrt(2))


def test_jitter_gives_the_error_that_repeated_measurements_have():
    rng = np.random.default_rng(0)
    columns = crystal()
    grains = [fit_column_lattice(columns + 0.1 * rng.standard_normal(columns.shape)).grains[0] for _ in range(60)]
    constants = np.array([grain.lattice_constant_angstrom for grain in grains])
    stated = np.mean([grain.lattice_constant_error for grain in grains])
    assert constants.std() == pytest.approx(stated, rel=0.3)
    assert constants.mean() == pytest.approx(A, abs=3 * stated / math.sqrt(60))
    angles = np.array([grain.axis_angle_degree for grain in grains])
    assert angles.std() == pytest.approx(np.mean([grain.axis_angle_error for grain in grains]), rel=0.3)
    assert np.mean([grain.scatter_angstrom for grain in grains]) == pytest.approx(0.1, rel=0.15)


def test_strain_drift_and_jitter_misplace_no_column():
    rng = np.random.default_rng(1)
    columns = crystal(degree=40.0)
    strained = columns + 0.03 * columns * (columns[:, :1] / 22)
    sheared = strained @ (np.eye(2) + np.array([[0.0, 0.02], [0.0, -0.02]]))
    found = fit_column_lattice(sheared + 0.1 * rng.standard_normal(columns.shape))
    assert not found.off_lattice.any()
    assert len(found.grains) == 1


def test_an_affine_distortion_is_told_by_the_ratio_and_the_angle_of_the_axes():
    columns = crystal() * [1.02, 1.0]
    [grain] = fit_column_lattice(columns).grains
    assert grain.axis_ratio == pytest.approx(1.02)
    assert grain.lattice_constant_angstrom == pytest.approx(1.01 * A)
    [sheared] = fit_column_lattice(crystal() @ np.array([[1.0, 0.03], [0.0, 1.0]])).grains
    assert sheared.axis_angle_degree == pytest.approx(90 - math.degrees(math.atan(0.03)), abs=0.01)


def test_steps_and_missing_columns_misplace_none_of_the_others():
    rng = np.random.default_rng(2)
    columns = crystal()
    columns = columns[(columns[:, 0] < 8) | (columns[:, 1] < 3)]
    columns = columns[rng.random(len(columns)) > 0.15]
    assert not fit_column_lattice(columns).off_lattice.any()


def test_a_twin_is_two_grains_and_nothing_is_misplaced():
    upper, lower = twin()
    found = fit_column_lattice(np.concatenate([upper, lower]))
    assert not found.off_lattice.any()
    assert [grain.columns > 100 for grain in found.grains] == [True, True]
    for half in (found.grain[: len(upper)], found.grain[len(upper) :]):
        # Columns of the twin plane belong to either.
        assert np.bincount(half).max() > 0.88 * len(half)
    assert [grain.lattice_constant_angstrom for grain in found.grains] == pytest.approx([A, A], rel=1e-3)


def test_two_particles_are_two_grains():
    found = fit_column_lattice(np.concatenate([crystal(12.0), crystal(10.0, degree=55.0) + np.array([0.0, 40.0])]))
    assert not found.off_lattice.any()
    assert len(found.grains) == 2
    assert found.grains[0].columns > found.grains[1].columns


def test_positions_halfway_between_columns_are_misplaced():
    columns = crystal()
    halfway = columns[np.hypot(*columns.T) < 12][::4] + np.array([A / 4, A / math.sqrt(32)])
    found = fit_column_lattice(np.concatenate([columns, halfway]))
    assert not found.off_lattice[: len(columns)].any()
    assert (found.misplaced[len(columns) :] > 0.35).all()
    assert (found.grain[len(columns) :] == -1).all()


def test_false_maxima_among_the_columns_and_in_the_vacuum_are_off_the_lattice():
    rng = np.random.default_rng(3)
    columns = crystal(degree=25.0)
    columns = columns + 0.1 * rng.standard_normal(columns.shape)
    false = rng.uniform(-45, 45, (len(columns), 2))
    nearest = np.linalg.norm(false[:, None] - columns, axis=2).min(axis=1)
    inside = (np.hypot(*false.T) < 24) & (nearest > 0.35 * NEAREST)
    vacuum = np.hypot(*false.T) > 28
    assert inside.sum() > 20
    found = fit_column_lattice(np.concatenate([columns, false[inside | vacuum]]))
    off = found.off_lattice
    assert off[: len(columns)].sum() <= 2
    assert off[len(columns) :].mean() > 0.9
    assert found.grains[0].lattice_constant_angstrom == pytest.approx(A, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_third_of_false_positions_hides_neither_distance_nor_constant(share):
    rng = np.random.default_rng(4)
    columns = crystal(degree=70.0)
    false = rng.uniform(-22, 22, (int(len(columns) * share / (1 - share)), 2))
    found = fit_column_lattice(np.concatenate([columns + 0.05 * rng.standard_normal(columns.shape), false]))
    assert found.nearest_distance_angstrom == pytest.approx(NEAREST, rel=0.03)
    assert found.grains[0].lattice_constant_angstrom == pytest.approx(A, abs=0.01)
    assert not found.off_lattice[: len(columns)].any()


@pytest.mark.parametrize("given", [0.9 * NEAREST, NEAREST, 1.12 * NEAREST])
def test_the_given_distance_need_not_be_exact(given):
    found = fit_column_lattice(crystal(), nearest_distance_angstrom=given)
    assert not found.off_lattice.any()
    assert found.grains[0].lattice_constant_angstrom == pytest.approx(A)


def test_random_positions_have_no_lattice():
    rng = np.random.default_rng(5)
    found = fit_column_lattice(rng.uniform(0, 60, (700, 2)), nearest_distance_angstrom=NEAREST)
    assert found.off_lattice.mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_too_few_positions_tell_nothing(count):
    found = fit_column_lattice(crystal()[:count])
    assert found.misplaced.shape == (count,)
    assert np.isnan(found.misplaced).all()
    assert found.off_lattice.all()
    assert found.grains == ()
    assert found.local_vectors.shape == (count, 2, 2)


def test_positions_on_one_line_tell_nothing():
    line = np.outer(np.arange(12.0), [0.3, NEAREST])
    for given in (None, NEAREST):
        found = fit_column_lattice(line, nearest_distance_angstrom=given)
        assert np.isnan(found.misplaced).all()
        assert found.grains == ()


def test_equal_positions_are_no_lattice():
    assert fit_column_lattice(np.zeros((9, 2))).grains == ()


def test_local_vectors_follow_the_strain():
    columns = crystal(degree=10.0)
    strained = columns + np.outer(0.02 * columns[:, 0] ** 2 / 44, [1.0, 0.0])
    found = fit_column_lattice(strained)
    [grain] = found.grains
    inner = found.pairs == 8
    change = np.linalg.solve(np.broadcast_to(grain.vectors, found.local_vectors.shape), found.local_vectors)
    expected = 1 + 0.02 * columns[inner, 0] / 22
    middle = np.median(change[inner, 0, 0])
    assert change[inner, 0, 0] / middle == pytest.approx(expected / np.median(expected), abs=1e-3)
    assert np.isnan(found.local_vectors[found.pairs < 3]).all()


def test_positions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 2\), got shape \(3, 3\)"):
        fit_column_lattice(np.zeros((3, 3)))


def test_off_lattice_is_a_quarter_of_the_nearest_distance():
    columns = crystal()
    middle = int(np.hypot(*columns.T).argmin())
    for share, off in ((0.2, False), (0.3, True)):
        moved = columns.copy()
        moved[middle] += [share * NEAREST, 0.0]
        found = fit_column_lattice(moved)
        assert found.misplaced[middle] == pytest.approx(share, abs=0.03)
        assert found.off_lattice[middle] == off == (found.misplaced[middle] > OFF_LATTICE)
