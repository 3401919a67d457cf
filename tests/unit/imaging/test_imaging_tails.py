import numpy as np
import pytest

from heamap.imaging import optics, tails
from heamap.imaging.microscope import Microscope

BOX, COUNT = 24.0, 72
OPTICS = Microscope(200e3, 18.0, 5.0, 2e4, 20.0, 0.25, 60.0, 100.0)


def probe_intensity(interpolation: int, box: float = BOX, count: int = COUNT) -> np.ndarray:
    """PRISM's probe within its window, or a sharp one with a box for a window; it sums to 1."""
    beams = optics.beams(OPTICS, box_angstrom=box, interpolation=interpolation)
    edge = interpolation * OPTICS.wavelength_angstrom / box
    amplitudes = optics.probe(beams / box, OPTICS, edge=edge)
    place = np.arange(count) * box / count
    turn = np.exp(2j * np.pi * np.multiply.outer(place, np.unique(beams) / box))
    grid = np.zeros((turn.shape[1],) * 2, dtype=complex)
    grid[tuple(np.searchsorted(np.unique(beams), beams.T))] = amplitudes
    intensity = np.abs(turn @ grid @ turn.T) ** 2
    offset = np.abs(np.fft.fftfreq(count, 1 / count)) * box / count
    intensity *= np.outer(offset <= box / interpolation / 2, offset <= box / interpolation / 2)
    return intensity / intensity.sum()


@pytest.mark.parametrize("interpolation", [1, 3, 5])
def test_the_sum_of_the_image_stays(interpolation):
    scan = np.random.default_rng(0).random((COUNT, COUNT))

    restored = tails.restore(scan, OPTICS, box_angstrom=BOX, interpolation=interpolation, alone=False)

    assert restored.sum() == pytest.approx(scan.sum(), rel=1e-9)


@pytest.mark.parametrize(("interpolation", "excess"), [(2, 0.02), (3, 0.04), (4, 0.05)])
def test_a_point_looks_as_a_sharp_aperture_shows_it(interpolation, excess):
    # A point object images the probe; the truth is a probe four times as wide, its tails folded in by the period.
    truth = probe_intensity(1, box=4 * BOX, count=4 * COUNT).reshape(4, COUNT, 4, COUNT).sum(axis=(0, 2))
    windowed = probe_intensity(interpolation)

    restored = tails.restore(windowed, OPTICS, box_angstrom=BOX, interpolation=interpolation, alone=False)

    assert windowed.max() > (1 + excess) * truth.max()
    assert restored.max() == pytest.approx(truth.max(), rel=0.005)
    assert np.abs(restored - truth).sum() < 0.5 * np.abs(windowed - truth).sum()


@pytest.mark.parametrize("interpolation", [1, 2, 4])
def test_tails_beyond_the_box_fall_into_vacuum(interpolation):
    # A point in the middle of the box; the truth is a probe in a box four times as wide, whose rim is not seen.
    place = (COUNT // 2, COUNT // 2)
    truth = np.roll(probe_intensity(1, box=4 * BOX, count=4 * COUNT), place, axis=(0, 1))[:COUNT, :COUNT]
    windowed = np.roll(probe_intensity(interpolation), place, axis=(0, 1))

    restored = tails.restore(windowed, OPTICS, box_angstrom=BOX, interpolation=interpolation, alone=True)
    among_others = tails.restore(windowed, OPTICS, box_angstrom=BOX, interpolation=interpolation, alone=False)

    assert truth.sum() == pytest.approx(0.9935, abs=0.0005)
    assert restored.sum() == pytest.approx(truth.sum(), rel=0.002)
    assert among_others.sum() == pytest.approx(1)


def test_an_even_image_stays_even():
    restored = tails.restore(np.full((COUNT, COUNT), 0.03), OPTICS, box_angstrom=BOX, interpolation=4, alone=False)

    np.testing.assert_allclose(restored, 0.03, rtol=1e-9)


def test_tails_follow_the_astigmatism():
    point = np.zeros((COUNT, COUNT))
    point[0, 0] = 1
    turned = Microscope(200e3, 18.0, 5.0, 2e4, 20.0, 0.25 + np.pi / 2, 60.0, 100.0)

    one = tails.restore(point, OPTICS, box_angstrom=BOX, interpolation=3, alone=False)
    other = tails.restore(point, turned, box_angstrom=BOX, interpolation=3, alone=False)

    # A quarter turn about the origin of a periodic grid.
    np.testing.assert_allclose(other, np.roll(one.T[:, ::-1], 1, axis=1), atol=1e-6)
