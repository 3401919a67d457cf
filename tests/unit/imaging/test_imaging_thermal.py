import tracemalloc
from importlib.util import find_spec

import numpy as np
import pytest

from heamap import params
from heamap.elements import ELEMENTS, TABLE
from heamap.errors import InputError
from heamap.imaging import atomic, optics, thermal
from heamap.imaging.arrays import arrays
from heamap.imaging.microscope import Microscope

BASE = params.Base(seed=3, pixels=32, sampling_angstrom=0.2)
FIELD = 6.4
LAYER = 2.62


def settings(**changes) -> params.Simulate:
    standard = {
        "engine": "thermal",
        "microscope": {
            "energy_ev": (200e3, 200e3),
            "semiangle_mrad": (18.0, 18.0),
            "defocus_angstrom": (0.0, 0.0),
            "spherical_aberration_angstrom": (0.0, 0.0),
            "astigmatism_angstrom": (0.0, 0.0),
            "astigmatism_angle_radian": (0.0, 0.0),
        },
        "detector_mrad": (60.0, 80.0),
        "slice_angstrom": 2.6,
        "margin_angstrom": 5.2,
        "workers": 1,
        "reference_share": 0.0,
        "reference": {"configurations": 1, "window_angstrom": 100.0},
        "thermal": {"window_angstrom": 100.0, "waves": 16},
    }
    return params.Simulate(**(standard | changes))


def microscope(**changes) -> Microscope:
    standard = {
        "energy_ev": 200e3,
        "semiangle_mrad": 18.0,
        "defocus_angstrom": 0.0,
        "spherical_aberration_angstrom": 0.0,
        "astigmatism_angstrom": 0.0,
        "astigmatism_angle_radian": 0.0,
        "detector_inner_mrad": 60.0,
        "detector_outer_mrad": 80.0,
    }
    return Microscope(**(standard | changes))


def column(symbols: str | list[str], x: float = FIELD / 2, y: float = FIELD / 2) -> tuple[np.ndarray, np.ndarray]:
    elements = np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8)
    return elements, np.array([(x, y, LAYER * layer) for layer in range(len(symbols))], dtype=float)


def simulated(atoms, *, optics=None, seed=3, pixels=BASE.pixels, **changes):
    base = BASE.model_copy(update={"seed": seed, "pixels": pixels})
    return thermal.simulate(*atoms, optics or microscope(), base=base, settings=settings(**changes), sample=0)


def brightness(atoms, **changes) -> float:
    return float(simulated(atoms, **changes).image.sum())


@pytest.mark.parametrize(("inner", "outer"), [(60.0, 100.0), (70.0, 200.0)])
def test_one_atom_has_the_cross_section_of_its_scattering_amplitude(inner: float, outer: float):
    # An independent integral of |A|^2 over the ring, averaged over the probe's plane waves.
    optic = microscope(detector_inner_mrad=inner, detector_outer_mrad=outer)
    frequencies = np.linspace(inner, outer, 300) * 1e-3 / optic.wavelength_angstrom
    beams = optics.beams(optic, box_angstrom=10.4, interpolation=1)
    ring = frequencies[:, None] * np.exp(2j * np.pi * np.arange(24) / 24)
    power = np.abs(atomic.amplitudes(200e3, np.abs(ring[..., None] - (beams @ [1, 1j]) / 10.4))) ** 2
    weights = np.abs(optics.probe(beams / 10.4, optic, edge=optic.wavelength_angstrom / 10.4)) ** 2
    expected = np.trapezoid(2 * np.pi * frequencies * (power @ weights).mean(axis=2), frequencies, axis=1)

    for symbol in ("Pt", "Fe"):
        # The field is the whole box: a sharp aperture's tails reach far.
        waves = {"window_angstrom": 100.0, "waves": 24}
        found = brightness(column([symbol]), optics=optic, pixels=52, thermal=waves) * 0.2**2
        assert found == pytest.approx(expected[ELEMENTS.index(symbol)], rel=0.03)


def test_brightness_rises_with_the_atomic_number():
    by_number = sorted(TABLE, key=lambda element: element.number)

    found = [brightness(column([element.symbol])) for element in by_number]

    assert np.all(np.diff(found) > 0)


def test_brightness_rises_with_thickness():
    found = [brightness(column(["Ni"] * count)) for count in (1, 3, 6)]

    assert 2 < found[1] / found[0] < 6
    assert 1.2 < found[2] / found[1] < 4


def test_an_asymmetric_particle_comes_out_the_right_way_round():
    elements, positions = column(["Pt"] * 4, x=1.8, y=4.6)
    more, other = column(["Fe"], x=4.4, y=1.8)

    image = simulated((np.concatenate([elements, more]), np.concatenate([positions, other]))).image

    row, col = np.unravel_index(image.argmax(), image.shape)
    assert (row, col) == (23, 9)
    assert image[9, 22] > 3 * np.median(image)


def test_a_mirrored_particle_has_a_mirrored_image():
    rng = np.random.default_rng(5)
    elements = np.array([0, 2, 4, 0], dtype=np.int8)
    positions = np.column_stack([rng.uniform(1.5, 4.9, (4, 2)), np.arange(4) * LAYER])
    many = {"window_angstrom": 100.0, "waves": 64}

    upright = simulated(
        (elements, positions), optics=microscope(astigmatism_angstrom=60.0, astigmatism_angle_radian=0.3), thermal=many
    ).image
    mirrored = simulated(
        (elements, positions * [-1, 1, 1] + [FIELD, 0, 0]),
        optics=microscope(astigmatism_angstrom=60.0, astigmatism_angle_radian=-0.3),
        thermal=many,
    ).image

    # Pixel 0 is at the field's edge, so the mirror maps pixel n to 32 - n.
    assert np.abs(mirrored[:, :0:-1] - upright[:, 1:]).max() < 0.05 * upright.max()
    assert np.abs(mirrored[:, 1:] - upright[:, 1:]).max() > 0.3 * upright.max()


def test_a_quarter_turn_of_particle_and_astigmatism_turns_the_image():
    rng = np.random.default_rng(1)
    elements = np.array([0, 2, 4, 0], dtype=np.int8)
    positions = np.column_stack([rng.uniform(1.5, 4.9, (4, 2)), np.arange(4) * LAYER])
    turned = np.column_stack([FIELD - positions[:, 1], positions[:, 0], positions[:, 2]])
    many = {"window_angstrom": 100.0, "waves": 64}

    upright = simulated(
        (elements, positions), optics=microscope(astigmatism_angstrom=60.0, astigmatism_angle_radian=0.3), thermal=many
    )
    quarter = simulated(
        (elements, turned),
        optics=microscope(astigmatism_angstrom=60.0, astigmatism_angle_radian=0.3 + np.pi / 2),
        thermal=many,
        seed=4,
    )

    # Pixel (i, j) of the one is (j, n - i) of the other; other directions were drawn, so a few per cent remain.
    expected = upright.image[1:, :].T[:, ::-1]
    difference = quarter.image[:, 1:] - expected
    assert np.sqrt(np.mean(difference**2)) < 0.05 * np.sqrt(np.mean(expected**2))
    astigmatic = np.abs(upright.image - upright.image.T).max()
    assert astigmatic > 0.1 * upright.image.max()


def test_one_seed_gives_the_same_bits_and_another_not():
    atoms = column(["Pt", "Ni", "Fe"])

    first, again, other = simulated(atoms), simulated(atoms), simulated(atoms, seed=4)

    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)


def test_error_estimate_is_that_of_repeats():
    atoms = column(["Pt", "Ni", "Fe", "Pd", "Co"])

    repeats = [simulated(atoms, seed=seed) for seed in range(8)]

    sums = np.array([repeat.image.sum() for repeat in repeats])
    scatter = sums.std(ddof=1) / sums.mean()
    estimated = np.sqrt(np.mean([repeat.relative_error**2 for repeat in repeats]))
    assert 0.3 * estimated < scatter < 3 * estimated
    assert repeats[0].configurations == 16


def test_a_field_without_atoms_is_dark():
    elements, positions = column(["Pt"], x=40.0)

    found = simulated((elements, positions))

    assert not found.image.any()
    assert np.isnan(found.relative_error)


def test_waves_that_do_not_fit_together_are_sent_in_groups(monkeypatch):
    atoms = column(["Pt", "Fe", "Ni", "Pd"])
    whole = simulated(atoms, thermal={"window_angstrom": 100.0, "waves": 48})
    bench = thermal._Bench(arrays("cpu"), microscope(), 10.4, 1)
    band = thermal.OUTGOING_BAND * 0.08 / microscope().wavelength_angstrom
    needed = [bench.needed_bytes(4, band, 48, at_once=number, sorts=4) for number in (48, 24)]
    assert needed[1] < needed[0]
    monkeypatch.setattr(thermal, "MAX_BYTES", needed[1])

    grouped = simulated(atoms, thermal={"window_angstrom": 100.0, "waves": 48})

    assert not np.array_equal(grouped.image, whole.image)
    assert grouped.image.sum() == pytest.approx(whole.image.sum(), rel=0.03)
    assert np.corrcoef(grouped.image.ravel(), whole.image.ravel())[0, 1] > 0.998


@pytest.mark.parametrize("energy_ev", [180e3, 200e3, 220e3])
@pytest.mark.parametrize("semiangle_mrad", [15.0, 20.0])
def test_the_fields_of_the_paper_fit_in_memory(energy_ev, semiangle_mrad):
    # 51.2 Angstrom and a margin, 70-200 mrad, a particle of 75 Angstrom.
    optic = microscope(
        energy_ev=energy_ev, semiangle_mrad=semiangle_mrad, detector_inner_mrad=70.0, detector_outer_mrad=200.0
    )
    bench = thermal._Bench(arrays("cpu"), optic, 63.2, 10)
    band = thermal.OUTGOING_BAND * 0.2 / optic.wavelength_angstrom
    chosen = params.Thermal(window_angstrom=6.0, waves=24)

    at_once = thermal._fitting(bench, 9000, band, chosen)

    assert bench.needed_bytes(9000, band, 24, at_once=at_once) <= thermal.MAX_BYTES


def test_refuses_what_does_not_fit_in_memory():
    wide = BASE.model_copy(update={"pixels": 256})
    with pytest.raises(InputError, match=r"needs 8\.\d\d GB .* lower simulate\.thermal\.waves below 16"):
        thermal.simulate(*column(["Pt"]), microscope(), base=wide, settings=settings(margin_angstrom=6.0), sample=0)


@pytest.mark.parametrize(("window", "waves"), [(100.0, 2), (5.0, 96)])
def test_the_memory_is_what_is_said_beforehand(monkeypatch, window, waves):
    said = []
    needed = thermal._Bench.needed_bytes
    monkeypatch.setattr(
        thermal._Bench, "needed_bytes", lambda *given, **more: said.append(needed(*given, **more)) or said[0]
    )
    tracemalloc.start()
    simulated(column(["Pt"] * 3), margin_angstrom=10.0, thermal={"window_angstrom": window, "waves": waves})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said[0] > 5e7
    assert 0.7 * said[0] < peak < 1.3 * said[0]


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is here")
def test_refuses_a_card_without_cupy():
    with pytest.raises(InputError, match="CuPy"):
        simulated(column(["Pt"]), thermal={"window_angstrom": 100.0, "waves": 2, "device": "cuda"})


def test_a_card_gives_the_same_image():
    if not pytest.importorskip("cupy").cuda.is_available():
        pytest.skip("no graphics card")
    atoms = column(["Pt", "Ni", "Fe"])

    on_card = simulated(atoms, thermal={"window_angstrom": 100.0, "waves": 16, "device": "cuda"})

    np.testing.assert_allclose(on_card.image, simulated(atoms).image, rtol=1e-3, atol=1e-6)
