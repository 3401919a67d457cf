"""The thermal engine against frozen phonons, on a particle that tuned nothing."""

import numpy as np
import pytest

from heamap import params
from heamap.elements import ELEMENTS
from heamap.imaging import reference, thermal
from heamap.imaging.columns import column_intensities
from heamap.imaging.microscope import Microscope

BASE = params.Base(seed=8, pixels=40, sampling_angstrom=0.2)
COLUMNS = {
    (1.9, 1.9): "Pt Fe Pt",
    (3.8, 3.2): "Ni Co Pd Pt Fe Ni Pd",
    (1.9, 4.6): "Fe",
    (5.6, 1.9): "Pd Pd Fe Pt Co Co",
    (5.6, 4.6): "Co Fe Ni Fe Co Ni Fe Ni",
}


def settings() -> params.Simulate:
    return params.Simulate(
        engine="thermal",
        microscope={
            "energy_ev": (180e3, 180e3),
            "semiangle_mrad": (20.0, 20.0),
            "defocus_angstrom": (0.0, 0.0),
            "spherical_aberration_angstrom": (0.0, 0.0),
            "astigmatism_angstrom": (0.0, 0.0),
            "astigmatism_angle_radian": (0.0, 0.0),
        },
        detector_mrad=(60.0, 85.0),
        slice_angstrom=2.62,
        margin_angstrom=3.0,
        workers=1,
        reference_share=0.0,
        reference={"configurations": 60, "window_angstrom": 6.0},
        thermal={"window_angstrom": 6.0, "waves": 64},
    )


@pytest.fixture(scope="module")
def particle() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(21)
    atoms = [
        (ELEMENTS.index(symbol), x, y, 2.62 * (layer + 0.5 * (number % 2)))
        for number, ((x, y), symbols) in enumerate(COLUMNS.items())
        for layer, symbol in enumerate(symbols.split())
    ]
    table = np.array(atoms)
    positions = table[:, 1:] + 0.04 * rng.standard_normal((len(table), 3)) * [1, 1, 0.5]
    return table[:, 0].astype(np.int8), positions


def test_columns_and_image_agree_with_frozen_phonons(particle: tuple[np.ndarray, np.ndarray]):
    optics = Microscope(180e3, 20.0, 5.0, 0.0, 10.0, 0.4, 60.0, 85.0)

    exact, fast = (
        engine.simulate(*particle, optics, base=BASE, settings=settings(), sample=0) for engine in (reference, thermal)
    )

    cols, rows = np.array(list(COLUMNS)).T / 0.2
    expected, found = (column_intensities(one.image, rows, cols, 0.2) for one in (exact, fast))
    noise = exact.relative_error**2 + fast.relative_error**2
    assert exact.relative_error < 0.035
    assert fast.relative_error < 0.02
    assert np.sqrt(np.mean((found - expected) ** 2)) < np.sqrt(0.03**2 + noise) * np.sqrt(np.mean(expected**2))
    assert found.sum() == pytest.approx(expected.sum(), rel=np.sqrt(0.02**2 + noise))
    difference = np.mean((fast.image - exact.image) ** 2) / np.mean(exact.image**2)
    assert difference < 0.05**2 + 2 * noise
