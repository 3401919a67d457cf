import numpy as np

from heamap.imaging.slicing import CLEARANCE_ANGSTROM, cut, slab

PAIR = 3.7 / np.sqrt(2)


def crystal(rng: np.random.Generator, *, layers: int = 16, scatter: float = 0.05) -> np.ndarray:
    """Columns of fcc [110], the two layers of a pair at different places."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(4) * 3.7, np.arange(5) * PAIR, indexing="ij"))
    stack = [
        np.stack([x + layer % 2 * 1.85, y + layer % 2 * PAIR / 2, np.full(len(x), layer * PAIR / 2)], axis=1)
        for layer in range(layers)
    ]
    atoms = np.concatenate(stack)
    return atoms + scatter * rng.standard_normal(atoms.shape)


def test_slices_of_a_crystal_are_pairs_of_layers():
    atoms = crystal(np.random.default_rng(0), scatter=0.02)

    slices = cut(atoms, PAIR)

    np.testing.assert_array_equal(slices, np.rint(atoms[:, 2] / (PAIR / 2)).astype(int) // 2)


def test_no_two_atoms_of_a_slice_lie_behind_one_another():
    rng = np.random.default_rng(1)
    atoms = rng.uniform(0, 12, (300, 3))

    slices = cut(atoms, 2.6)

    for index in range(slices.max() + 1):
        members = atoms[slices == index]
        distance = np.hypot(*(members[:, None, :2] - members[None, :, :2]).transpose(2, 0, 1))
        assert np.all(distance[~np.eye(len(members), dtype=bool)] > CLEARANCE_ANGSTROM)
        assert np.ptp(members[:, 2]) <= 0.75 * 2.6


def test_slices_follow_the_beam():
    atoms = np.random.default_rng(2).uniform(0, 12, (300, 3))

    slices = cut(atoms, 2.6)

    order = np.argsort(atoms[:, 2])
    assert np.all(np.diff(slices[order]) >= 0)
    assert set(slices) == set(range(slices.max() + 1))


def test_one_atom_is_one_slice():
    np.testing.assert_array_equal(cut(np.zeros((1, 3)), 2.6), [0])


def test_a_slice_lies_at_the_mean_depth_of_its_atoms():
    elements = np.array([0, 1, 2], dtype=np.int8)
    positions = np.array([[1.0, 1, 4], [3, 3, 5], [1, 1, 6.5]])

    cut_atoms = slab(elements, positions, thickness_angstrom=2.6, top_angstrom=3.0)

    np.testing.assert_array_equal(cut_atoms.slices, [0, 0, 1])
    np.testing.assert_allclose(cut_atoms.depths_angstrom, [1.5, 3.5])
    np.testing.assert_array_equal(cut_atoms.members(0), [0, 1])
