import numpy as np
import pytest

from heamap.domain.views import View, draw_view, take, widened
from heamap.params import Augment, Effects

QUIET = Effects(
    dose_per_square_angstrom=(1e12, 1e12),
    source_fwhm_angstrom=(0.0, 0.0),
    background_fraction=(0.0, 0.0),
    pixel_jitter_angstrom=(0.0, 0.0),
    line_jitter_angstrom=(0.0, 0.0),
    drift_fraction=(0.0, 0.0),
    readout_noise=(0.0, 0.0),
    bits=0,
)
PLAIN = Augment(contrast=(1.0, 1.0), illumination=0.0, blur_sigma_angstrom=(0.0, 0.0), symmetry=False)


def spot(row, col, shape=(101, 101)):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return 0.05 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * 4.0**2))


def brightest(view, clean):
    image, step = take(clean, view, effects=QUIET, augment=PLAIN, sampling_angstrom=0.2, rng=np.random.default_rng(0))
    return np.array(np.unravel_index(image.argmax(), image.shape)), step, image


def test_a_view_is_shifted_turned_and_sampled_as_told():
    clean = spot(50, 80)
    place, step, _ = brightest(View(), clean)
    assert place.tolist() == [50, 80]
    assert step == pytest.approx(0.2)
    assert brightest(View(shift_angstrom=(4.0, -2.0)), clean)[0].tolist() == [70, 70]
    # A quarter turn about the middle (50, 50) brings what lies right of it above or below it.
    assert sorted(abs(brightest(View(turn_degree=90), clean)[0] - 50)) == [0, 30]
    place, step, image = brightest(View(pixel_share=0.5), clean)
    assert place.tolist() == [100, 160]
    assert step == pytest.approx(0.1)
    assert image.shape == (201, 201)


def test_gain_and_offset_change_the_scale_alone():
    clean = spot(50, 50)
    plain = brightest(View(), clean)[2]
    bright = brightest(View(gain=1000.0, offset=0.5), clean)[2]
    expected = 1000 * (plain + 0.5 * (plain.max() - plain.min()))
    np.testing.assert_allclose(bright, expected, rtol=1e-3, atol=0.05)


def test_the_bad_end_of_noise_is_widened_alone():
    effects = QUIET.model_copy(update={"dose_per_square_angstrom": (1e5, 4e5), "readout_noise": (0.0, 0.01)})
    wide = widened(effects, factor=2.0)
    assert wide.dose_per_square_angstrom == (5e4, 4e5)
    assert wide.readout_noise == (0.0, 0.02)


def test_drawn_views_stay_within_their_ranges():
    views = [draw_view(np.random.default_rng(number)) for number in range(50)]
    assert all(0.5 <= view.pixel_share <= 1.5 and 1 <= view.gain <= 1e5 for view in views)
    assert len({view.turn_degree for view in views}) == 50
