import abtem
import numpy as np
import pytest

from heamap.imaging import optics
from heamap.imaging.microscope import Microscope

BOX = 31.2
ABERRATED = Microscope(200e3, 18.0, 35.0, -4e4, 22.0, 0.3, 60.0, 100.0)


@pytest.mark.parametrize("interpolation", [1, 4])
def test_beams_are_abtems(interpolation: int):
    planned = abtem.SMatrix(semiangle_cutoff=18, energy=200e3, gpts=300, extent=BOX, interpolation=interpolation)

    beams = optics.beams(ABERRATED, box_angstrom=BOX, interpolation=interpolation)

    theirs = np.rint(planned.wave_vectors * BOX).astype(int)
    assert {tuple(beam) for beam in beams} == {tuple(beam) for beam in theirs}


def test_probe_is_abtems_up_to_a_phase():
    points = 128
    edge = ABERRATED.wavelength_angstrom / BOX
    beams = optics.beams(ABERRATED, box_angstrom=BOX, interpolation=1)
    theirs = abtem.Probe(
        semiangle_cutoff=18, energy=200e3, gpts=points, extent=BOX, defocus=35.0, C30=-4e4, C12=22.0, phi12=0.3
    )
    wave = np.asarray(theirs.build(scan=(0.0, 0.0), lazy=False).array).reshape(points, points)
    spectrum = np.fft.fft2(wave)[tuple(beams.T % points)]

    ours = optics.probe(beams / BOX, ABERRATED, edge=edge)

    expected = spectrum / np.linalg.norm(spectrum)
    turned = ours * np.exp(1j * np.angle(np.vdot(ours, expected)))
    np.testing.assert_allclose(turned, expected, atol=1e-4)


def test_probe_holds_one_electron():
    frequencies = np.random.default_rng(0).uniform(-1, 1, (50, 2))

    amplitude = optics.probe(frequencies, ABERRATED, edge=0.001)

    assert np.sum(np.abs(amplitude) ** 2) == pytest.approx(1)
    outside = np.hypot(*frequencies.T) * ABERRATED.wavelength_angstrom > 0.0186
    assert np.all(amplitude[outside] == 0)
