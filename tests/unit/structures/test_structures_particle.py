import numpy as np
import pytest
from scipy.spatial import cKDTree

from heamap.structures.particle import FIELD_KINDS, make_particle, wulff_sites

LATTICE = 3.7


def particle(diameter=30.0, field=25.6, seed=0):
    return make_particle(diameter, LATTICE, field, np.random.default_rng(seed))


@pytest.mark.parametrize("diameter", [20.0, 30.0, 40.0, 60.0])
def test_volume_is_that_of_the_sphere_of_the_diameter(diameter):
    # Whole facet layers are taken: within half a layer, here 3 % of the diameter.
    sites = wulff_sites(diameter, LATTICE, np.random.default_rng(1))
    volume = len(sites) * LATTICE**3 / 4
    assert (6 * volume / np.pi) ** (1 / 3) == pytest.approx(diameter, rel=0.03)


def test_sites_are_fcc_with_nearest_neighbours_at_their_distance():
    positions = particle().positions
    distance, _ = cKDTree(positions).query(positions, k=2)
    np.testing.assert_allclose(distance[:, 1], LATTICE / np.sqrt(2), rtol=1e-9)


def test_column_atoms_share_their_projection_and_are_spaced_along_the_beam():
    made = particle(seed=3)
    for number in range(made.column.max() + 1):
        atoms = made.positions[made.column == number]
        assert np.ptp(atoms[:, :2], axis=0).max() < 1e-9
        gaps = np.diff(np.sort(atoms[:, 2])) / (LATTICE / np.sqrt(2))
        np.testing.assert_allclose(gaps, np.round(gaps), atol=1e-9)


def test_distinct_columns_keep_the_projected_spacing_of_110():
    made = particle(seed=4)
    centres = np.array([made.positions[made.column == n, :2].mean(axis=0) for n in range(made.column.max() + 1)])
    distance, _ = cKDTree(centres).query(centres, k=2)
    # Nearest columns of fcc [110]: sqrt(6)/4 a, .612 a.
    np.testing.assert_allclose(distance[:, 1], np.sqrt(6) / 4 * LATTICE, rtol=1e-9)


def test_particle_starts_at_the_entrance_plane():
    assert particle().positions[:, 2].min() == 0.0


def test_rotation_is_the_angle_from_the_image_columns_to_001():
    made = particle(seed=5)
    along = np.array([np.cos(made.rotation_radian), np.sin(made.rotation_radian), 0.0])
    tree = cKDTree(made.positions)
    inner = made.positions[np.square(made.positions - made.positions.mean(axis=0)).sum(axis=1) < 36.0]
    distance, _ = tree.query(inner + LATTICE * along)
    assert len(inner) > 20
    assert distance.max() < 1e-9


def test_no_two_particles_have_the_same_shape_and_facets_vary():
    counts = {len(wulff_sites(30.0, LATTICE, np.random.default_rng(seed))) for seed in range(10)}
    assert len(counts) >= 9


@pytest.mark.parametrize(("diameter", "field"), [(20.0, 51.2), (30.0, 25.6), (40.0, 25.6), (60.0, 51.2)])
def test_field_kinds_see_the_centre_or_the_edge(diameter, field):
    offsets = {kind: [] for kind in FIELD_KINDS}
    for seed in range(12):
        made = particle(diameter, field, seed)
        offset = np.linalg.norm(made.positions[:, :2].mean(axis=0) - field / 2) / (diameter / 2)
        offsets[made.field_kind].append(offset)
        inside = ((made.positions[:, :2] >= 0) & (made.positions[:, :2] < field)).all(axis=1)
        assert inside.sum() > 100
    assert all(value <= 0.2 + 1e-9 for value in offsets["centre"])
    assert all(0.3 - 1e-9 <= value <= 0.6 + 1e-9 for value in offsets["between"])
    assert all(value >= 0.7 - 1e-9 for value in offsets["edge"])


def test_small_particle_lies_whole_in_a_large_field_off_centre():
    seen = [particle(20.0, 51.2, seed) for seed in range(12)]
    edges = [made for made in seen if made.field_kind == "edge"]
    assert edges
    for made in edges:
        assert made.positions[:, :2].min() > 0
        assert made.positions[:, :2].max() < 51.2
