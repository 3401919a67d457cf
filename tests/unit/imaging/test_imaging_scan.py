import numpy as np
import pytest

from heamap import params
from heamap.imaging import scan


@pytest.mark.parametrize(
    ("least", "multiple_of", "expected"), [(97, 1, 98), (512, 1, 512), (90.5, 5, 100), (30, 11, 33)]
)
def test_smooth_lengths(least: float, multiple_of: int, expected: int):
    assert scan.smooth(least, multiple_of) == expected


def test_a_field_is_read_off_a_scan_at_nyquist():
    base = params.Base(seed=1, pixels=32, sampling_angstrom=0.2)
    margin, count = 1.8, 25
    box = base.field_angstrom + 2 * margin
    position = np.arange(count) * box / count
    wave = np.cos(2 * np.pi * (3 * position[:, None] + 5 * position) / box + 0.4)

    field = scan.read_field(wave, base=base, margin_angstrom=margin)

    x = y = margin + np.arange(32) * 0.2
    np.testing.assert_allclose(field, np.cos(2 * np.pi * (3 * x + 5 * y[:, None]) / box + 0.4), atol=1e-12)


def test_relative_error_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    images = 1 + 0.1 * rng.standard_normal((50, 1, 1)) * np.ones((50, 24, 24))

    found = scan.relative_error(images, sampling_angstrom=0.2)

    assert found == pytest.approx(images[:, 0, 0].std(ddof=1) / np.sqrt(50) / images.mean(), rel=1e-6)
    assert np.isnan(scan.relative_error(images[:1], sampling_angstrom=0.2))
