import pytest

from heamap import params
from heamap.imaging.microscope import Microscope, draw, wavelength_angstrom

RANGES = params.Microscope(
    energy_ev=(180e3, 220e3),
    semiangle_mrad=(15.0, 20.0),
    defocus_angstrom=(-10.0, 10.0),
    spherical_aberration_angstrom=(-5e4, 5e4),
    astigmatism_angstrom=(18.0, 22.0),
    astigmatism_angle_radian=(0.21, 0.28),
)


def microscope(**changes) -> Microscope:
    standard = {
        "energy_ev": 200e3,
        "semiangle_mrad": 18.0,
        "defocus_angstrom": 0.0,
        "spherical_aberration_angstrom": 0.0,
        "astigmatism_angstrom": 0.0,
        "astigmatism_angle_radian": 0.0,
        "detector_inner_mrad": 60.0,
        "detector_outer_mrad": 90.0,
    }
    return Microscope(**(standard | changes))


# Williams and Carter, Transmission Electron Microscopy, 2nd ed., table 1.2.
@pytest.mark.parametrize(("energy_ev", "expected"), [(100e3, 0.0370), (200e3, 0.0251), (300e3, 0.0197)])
def test_wavelength_agrees_with_tables(energy_ev, expected):
    assert wavelength_angstrom(energy_ev) == pytest.approx(expected, abs=5e-5)


def test_wavelength_at_200_kv_to_four_digits():
    assert microscope().wavelength_angstrom == pytest.approx(0.02508, abs=5e-6)


def test_nyquist_step_shrinks_with_the_aperture():
    assert microscope(semiangle_mrad=20.0).nyquist_angstrom == pytest.approx(0.02508 / 0.08, rel=1e-3)
    assert microscope(semiangle_mrad=10.0).nyquist_angstrom == pytest.approx(0.02508 / 0.04, rel=1e-3)


def test_draws_stay_in_their_ranges_and_cover_them():
    drawn = [draw(RANGES, (60.0, 90.0), seed=1, sample=sample) for sample in range(200)]
    for name, (low, high) in RANGES:
        values = [getattr(each, name) for each in drawn]
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert {(each.detector_inner_mrad, each.detector_outer_mrad) for each in drawn} == {(60.0, 90.0)}


def test_a_sample_has_one_microscope_whatever_else_is_drawn():
    assert draw(RANGES, (60.0, 90.0), seed=1, sample=7) == draw(RANGES, (60.0, 90.0), seed=1, sample=7)
    assert draw(RANGES, (60.0, 90.0), seed=1, sample=7) != draw(RANGES, (60.0, 90.0), seed=2, sample=7)
    assert draw(RANGES, (60.0, 90.0), seed=1, sample=7) != draw(RANGES, (60.0, 90.0), seed=1, sample=8)


@pytest.mark.parametrize("changes", [{"semiangle_mrad": 0.0}, {"semiangle_mrad": 95.0}, {"detector_inner_mrad": 90.0}])
def test_impossible_angles_are_refused(changes):
    with pytest.raises(ValueError, match="mrad"):
        microscope(**changes)
