import numpy as np
import pytest
from lattices import draw, fcc110, square

from heamap.domain import lattice
from heamap.domain.windows import log_polar


def fitted(image, step=0.2):
    return lattice.fit(log_polar(image[None].astype(np.float32), sampling_angstrom=step), sampling_angstrom=step)


@pytest.mark.parametrize("constant", [3.4, 3.7, 4.26])
@pytest.mark.parametrize("turn", [0, 17, 64, 141])
def test_the_lattice_constant_is_found_whatever_the_rotation(constant, turn):
    found = fitted(draw(fcc110(constant), shape=(128, 128), turn_degree=turn))
    assert found.constant[0] == pytest.approx(constant, rel=0.006)
    assert found.contrast[0] > 5
    assert found.misfit[0] < 0.005
    assert found.foreign[0] < -4


def test_another_pixel_size_of_the_same_lattice_gives_the_same_constant():
    found = fitted(draw(fcc110(3.7), shape=(256, 256), step=0.1, turn_degree=30), step=0.1)
    assert found.constant[0] == pytest.approx(3.7, rel=0.006)


def test_a_perovskite_down_a_cube_axis_does_not_fit():
    strontium_titanate = draw(square(3.905), shape=(128, 128), turn_degree=20, basis=((0, 0, 1.0), (0.5, 0.5, 0.5)))
    assert fitted(strontium_titanate).misfit[0] > 0.05


def test_a_superstructure_shows_as_foreign_spots():
    vectors = fcc110(3.7)
    plain = draw(vectors, shape=(128, 128), turn_degree=10)
    double = np.array([2 * vectors[0], vectors[1]])
    doubled = draw(double, shape=(128, 128), turn_degree=10, basis=((0, 0, 1.0), (0.5, 0, 0.4)))
    assert fitted(plain).foreign[0] < -4
    assert fitted(doubled).foreign[0] > -2


@pytest.mark.parametrize("turn", [0, 33, 95])
def test_two_unlike_columns_in_the_fcc_pattern_show_in_spots_that_fcc_forbids(turn):
    constant = 3.905
    rectangle = np.array([[constant, 0.0], [0.0, constant / np.sqrt(2)]])
    noise = 0.2 * np.random.default_rng(turn).standard_normal((128, 128))
    for dark, expected in ((1.0, False), (0.4, True)):
        basis = ((0, 0, 1.0), (0.5, 0.5, dark))
        found = fitted(draw(rectangle, shape=(128, 128), turn_degree=turn, basis=basis) + noise)
        assert found.constant[0] == pytest.approx(constant, rel=0.006)
        assert (found.superlattice[0] > 4) == expected
        assert (found.superlattice[0] < 2) != expected


def test_noise_has_no_lattice():
    noise = np.random.default_rng(1).standard_normal((64, 128, 128)).astype(np.float32)
    found = lattice.fit(log_polar(noise, sampling_angstrom=0.2), sampling_angstrom=0.2)
    assert found.contrast.max() < 2.5


def test_the_cell_holds_one_column():
    vectors = fcc110(3.7)
    assert lattice.cell_area(np.array([3.7]))[0] == pytest.approx(abs(np.linalg.det(vectors)))


def test_noise_and_blur_move_the_figures_that_stand_for_them():
    clean = draw(fcc110(3.7), shape=(128, 128), turn_degree=30)
    noise = np.random.default_rng(2).standard_normal(clean.shape)
    weak, strong = (fitted(clean + level * noise) for level in (0.2, 0.8))
    index = lattice.RELATIVE.index("noise")
    # Four times the amplitude is 16 times the power.
    assert strong.relative[0, index] - weak.relative[0, index] == pytest.approx(np.log(16), abs=0.5)
    blurred = fitted(draw(fcc110(3.7), shape=(128, 128), turn_degree=30, sigma=0.6))
    index = lattice.RELATIVE.index("{220}")
    size = (8 - 3) / 3.7**2
    expected = -4 * np.pi**2 * (0.6**2 - 0.45**2) * size
    assert blurred.relative[0, index] - fitted(clean).relative[0, index] == pytest.approx(expected, abs=0.4)
