import numpy as np
import pytest
from lattices import draw, fcc110
from scipy import ndimage

from heamap.domain.vacuum import find_vacuum, modulation
from heamap.domain.vacuum_level import level_of
from heamap.imaging.normalize import square_means

STEP = 0.2
SHAPE = (256, 256)
PEAK = 0.05
MOST = 0.005


def particle(radius=17.0, *, centre=(25.6, 25.6), turn=10.0):
    """Brightness of a round particle (rows, cols), thinner towards its edge; none: it fills the field."""
    lattice = draw(fcc110(3.7), shape=SHAPE, step=STEP, turn_degree=turn)
    lattice = PEAK * (lattice - lattice.min()) / np.ptp(lattice)
    if radius is None:
        return lattice + 0.01
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP
    away = np.hypot(rows - centre[0], cols - centre[1])
    return (lattice + 0.01) * np.sqrt(np.clip(1 - (away / radius) ** 2, 0, None))


def noisy(image, dose=2e5, seed=0):
    electrons = dose * STEP**2
    return np.random.default_rng(seed).poisson(np.maximum(image, 0) * electrons) / electrons


def squares(image):
    means = square_means(image, sampling_angstrom=STEP)
    return means, square_means(modulation(image, sampling_angstrom=STEP), sampling_angstrom=STEP)


def slope(along):
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]] / SHAPE[0]
    return {"rows": rows, "cols": cols, "both": (rows + cols) / 2, "back": 1 - cols}[along]


def truly_empty(radius=17.0, centre=(25.6, 25.6)):
    rows, cols = (np.mgrid[:25, :25] + 0.5) * 2.0
    return np.hypot(rows - centre[0], cols - centre[1]) > radius + 2.5


@pytest.mark.parametrize(
    ("dose", "level"), [(1e3, 0.0), (1e4, 0.004), (1e4, 0.03), (2e5, 0.03), (1e6, 0.0), (1e6, 0.03)]
)
def test_vacuum_is_found_at_any_brightness_and_dose_and_the_particle_is_none(dose, level):
    found = find_vacuum(*squares(noisy(particle() + level, dose)))
    empty = truly_empty()
    assert (found.core & empty).sum() > 0.5 * empty.sum()
    assert not (found.whole & ~truly_empty(12.0)).any()


@pytest.mark.parametrize("level", [0.0, 0.03])
@pytest.mark.parametrize("dose", [1e4, 2e5])
def test_a_particle_that_fills_the_field_shows_none(level, dose):
    assert not find_vacuum(*squares(noisy(particle(None) + level, dose)))


def test_a_wedge_without_vacuum_shows_none():
    wedge = particle(None) * np.linspace(0.4, 1, SHAPE[1])
    assert not find_vacuum(*squares(noisy(wedge)))


def test_an_amorphous_support_is_vacuum():
    noise = np.fft.fft2(np.random.default_rng(0).standard_normal(SHAPE))
    frequency = np.hypot(np.fft.fftfreq(SHAPE[0], STEP)[:, None], np.fft.fftfreq(SHAPE[1], STEP))
    texture = np.fft.ifft2(noise * ((frequency > 0.25) & (frequency < 0.5))).real
    support = 0.015 * (1 + 0.1 * texture / texture.std())
    means, power = squares(noisy(particle() + support))
    found = find_vacuum(means, power)
    assert (found.core & truly_empty()).sum() > 0.3 * truly_empty().sum()
    assert level_of(means, found.whole, most=MOST, darkest=0.01).mean == pytest.approx(0.015, abs=5e-4)


def test_a_hole_in_a_particle_is_vacuum():
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP
    hole = np.hypot(rows - 25.6, cols - 25.6) < 7
    image = np.where(hole, 0.0, particle(None)) + 0.012
    means, power = squares(noisy(ndimage.gaussian_filter(image, 2)))
    found = find_vacuum(means, power)
    assert found
    assert level_of(means, found.whole, most=MOST, darkest=0.01).mean == pytest.approx(0.012, abs=5e-4)


def test_vacuum_between_two_particles_is_found():
    two = particle(11.0, centre=(12.0, 12.0)) + particle(12.0, centre=(38.0, 38.0), turn=40.0) + 0.02
    means, power = squares(noisy(two))
    found = find_vacuum(means, power)
    assert found.core.sum() > 200
    assert level_of(means, found.whole, most=MOST, darkest=0.01).mean == pytest.approx(0.02, abs=5e-4)


def test_what_is_even_and_brighter_than_the_lattice_is_no_vacuum():
    image = particle(None)
    image[:80] = 0.08
    assert not find_vacuum(*squares(noisy(image)))


@pytest.mark.parametrize("along", ["rows", "cols", "both", "back"])
@pytest.mark.parametrize("rise", [0.005, 0.02])
def test_a_slope_is_found_and_leaves_nothing_under_the_particle(along, rise):
    means, power = squares(noisy(particle() + 0.002 + rise * slope(along)))
    level = level_of(means, find_vacuum(means, power).whole, most=MOST, darkest=0.01)
    places = np.arange(25.0)
    truth = square_means(0.002 + rise * slope(along), sampling_angstrom=STEP)
    under = ~truly_empty()
    assert level.rise == pytest.approx(rise, rel=0.15)
    assert np.abs(level.rows(places, places) - truth)[under].max() < 0.001


def test_an_even_background_is_taken_off_as_in_training():
    means, power = squares(noisy(particle() + 0.003))
    level = level_of(means, find_vacuum(means, power).whole, most=MOST, darkest=0.01)
    assert level.rise == 0
    assert level.constant == np.quantile(means, 0.01)


def test_noise_of_a_low_dose_does_not_leave_the_background_on():
    means, power = squares(noisy(particle() + 0.02, 3e3))
    level = level_of(means, find_vacuum(means, power).whole, most=MOST, darkest=0.01)
    assert level.darkest < 0.02 - 0.3 * MOST
    assert level.constant == pytest.approx(0.02 - 0.3 * MOST, abs=5e-4)


def test_a_slope_that_is_seen_in_a_corner_alone_is_not_carried_on():
    image = particle(30.0, centre=(32.0, 20.0)) + 0.002 + 0.02 * slope("rows")
    means, power = squares(noisy(image))
    rows, cols = np.mgrid[:25, :25]
    corner = find_vacuum(means, power).whole & (rows < 9) & (cols > 15)
    level = level_of(means, corner, most=MOST, darkest=0.01)
    assert level.rise == 0
    assert level.unknown_rise == pytest.approx(0.02, rel=0.3)


def test_contamination_in_the_vacuum_is_not_its_level():
    image = particle() + 0.003
    image[:40, :60] += 0.02
    means, power = squares(noisy(image))
    level = level_of(means, find_vacuum(means, power).whole, most=MOST, darkest=0.01)
    assert level.mean == pytest.approx(0.003, abs=3e-4)
