import numpy as np
import pytest

from heamap import params
from heamap.elements import ELEMENTS, TABLE
from heamap.errors import InputError
from heamap.imaging import reference
from heamap.imaging.microscope import Microscope
from heamap.imaging.prism import atoms_at_rest, needed_bytes, plan

BASE = params.Base(seed=3, pixels=32, sampling_angstrom=0.2)
FIELD = 6.4
LAYER = 2.62
Z = dict(zip(ELEMENTS, (element.number for element in TABLE), strict=True))


def settings(configurations: int = 1) -> params.Simulate:
    standard = {
        "engine": "reference",
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
        "margin_angstrom": 1.0,
        "workers": 1,
        "reference_share": 0.0,
        "reference": {"configurations": configurations, "window_angstrom": 100.0},
        "thermal": {"window_angstrom": 100.0, "waves": 2},
    }
    return params.Simulate(**standard)


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


def image(atoms, *, optics=None, sample=0, seed=3) -> np.ndarray:
    base = BASE.model_copy(update={"seed": seed})
    return reference.simulate(*atoms, optics or microscope(), base=base, settings=settings(), sample=sample).image


def test_a_single_atom_is_brighter_the_heavier_it_is():
    brightness = {symbol: float(image(column([symbol])).sum()) for symbol in ELEMENTS}
    assert sorted(brightness, key=brightness.get) == sorted(Z, key=Z.get)
    exponent = np.log(brightness["Pt"] / brightness["Fe"]) / np.log(Z["Pt"] / Z["Fe"])
    assert 1.3 < exponent < 2.0


def test_a_column_is_brighter_the_thicker_it_is():
    totals = [float(image(column(["Ni"] * count)).sum()) for count in (1, 3, 6)]
    assert totals[0] < totals[1] < totals[2]
    assert totals[1] / totals[0] == pytest.approx(3, rel=0.35)


def test_the_image_is_a_small_part_of_the_beam():
    seen = image(column(["Pt"] * 6))
    assert seen.dtype == np.float32
    assert seen.shape == (32, 32)
    assert seen.min() > -1e-4
    assert 1e-3 < seen.max() < 0.3


def test_an_asymmetric_particle_comes_out_the_right_way_round():
    heavy, light = column(["Pt"] * 3, x=5.0, y=1.6), column(["Fe"] * 3, x=1.4, y=3.2)
    seen = image((np.concatenate([heavy[0], light[0]]), np.concatenate([heavy[1], light[1]])))
    assert np.abs(np.subtract(np.unravel_index(seen.argmax(), seen.shape), (8, 25))).max() <= 1
    assert np.abs(np.subtract(np.unravel_index(seen[:, :14].argmax(), (32, 14)), (16, 7))).max() <= 1


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_an_atom_keeps_its_integrated_brightness_between_the_points_of_the_grid(symbol):
    planned = plan(microscope(), box_angstrom=FIELD, interpolation=1)
    pixel = FIELD / planned.gpts[0]
    elements = np.array([ELEMENTS.index(symbol)], dtype=np.int8)
    totals = [
        reference.scan_configuration(
            elements,
            np.array([(3.2 + x * pixel, 3.2 + y * pixel)]),
            np.zeros(1, dtype=np.intp),
            atoms_at_rest(planned),
            planned,
            microscope(),
            depths_angstrom=np.zeros(1),
            alone=False,
        ).mean()
        for x, y in ((0, 0), (0.25, 0), (0.5, 0), (0, 0.75), (0.2, 0.2), (0.5, 0.5))
    ]
    assert np.ptp(totals) < 0.01 * np.mean(totals)


def test_atoms_outside_the_field_and_its_margin_do_not_count():
    inside = column(["Ni"] * 2)
    outside = column(["Pt"] * 2, x=FIELD + 1.5)
    both = tuple(np.concatenate(pair) for pair in zip(inside, outside, strict=True))
    # But for the probe's tails: whatever lies around, they no longer fall into vacuum.
    assert image(both).max() == pytest.approx(image(inside).max(), rel=1e-3)


def test_the_slices_follow_the_layers_whatever_their_thickness():
    first, second = column(["Pt"] * 4), column(["Fe"] * 4, x=1.2)
    second[1][:, 2] += LAYER / 2
    atoms = tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))

    def seen(thickness: float) -> np.ndarray:
        changed = settings().model_copy(update={"slice_angstrom": thickness})
        return reference.simulate(*atoms, microscope(), base=BASE, settings=changed, sample=0).image

    whole = seen(LAYER)
    np.testing.assert_array_equal(seen(0.8 * LAYER), whole)
    np.testing.assert_array_equal(seen(1.3 * LAYER), whole)
    np.testing.assert_allclose(seen(LAYER / 2), whole, atol=0.03 * whole.max())


def test_a_defocus_by_the_depth_of_an_atom_is_the_image_of_a_higher_atom():
    elements, positions = column(["Pt", "Pt"], x=1.6)
    positions[1] = (4.8, 3.2, 20.0)
    level = positions * [1, 1, 0]
    deep = image((elements, positions), optics=microscope(defocus_angstrom=20.0))
    flat = image((elements, level), optics=microscope())
    np.testing.assert_allclose(deep[:, 16:], flat[:, 16:], atol=0.02 * flat.max())
    assert deep[:, :16].max() < 0.97 * flat[:, :16].max()


def test_tiles_give_the_image_of_the_whole_field(monkeypatch):
    atoms = [column(["Pt"], x=1.3, y=3.4), column(["Pd"], x=3.1, y=3.3), column(["Pt"], x=4.9, y=1.2)]
    together = tuple(np.concatenate(pair) for pair in zip(*atoms, strict=True))

    def seen() -> np.ndarray:
        wide = settings().model_copy(update={"margin_angstrom": 4.0})
        return reference.simulate(*together, microscope(), base=BASE, settings=wide, sample=0).image

    def needed(side: float) -> int:
        return needed_bytes(plan(microscope(), box_angstrom=side, interpolation=1), 1)

    whole = seen()
    for tile in (FIELD / 2, FIELD / 3):
        monkeypatch.setattr(reference, "MAX_BYTES", needed(tile + 2 * 4.0))
        np.testing.assert_allclose(seen(), whole, atol=0.03 * whole.max())
        assert seen().sum() == pytest.approx(whole.sum(), rel=0.02)


def test_a_field_without_atoms_is_black():
    assert not image(column(["Pt"], x=40.0)).any()


def test_defocus_and_astigmatism_blur_the_column():
    sharp = image(column(["Pt"]))
    assert image(column(["Pt"]), optics=microscope(defocus_angstrom=120.0)).max() < 0.8 * sharp.max()
    stretched = image(column(["Pt"]), optics=microscope(astigmatism_angstrom=80.0, defocus_angstrom=80.0))
    weights = stretched / stretched.sum()
    rows, cols = np.mgrid[:32, :32] - 16
    assert abs(np.log((weights * rows**2).sum() / (weights * cols**2).sum())) > 0.2


def test_the_phonons_are_decided_by_seed_and_sample():
    first = image(column(["Pt"] * 2))
    np.testing.assert_array_equal(first, image(column(["Pt"] * 2)))
    assert not np.array_equal(first, image(column(["Pt"] * 2), sample=1))
    assert not np.array_equal(first, image(column(["Pt"] * 2), seed=4))


def test_displacements_have_each_elements_own_width_and_are_drawn_anew_for_each_configuration():
    elements = np.repeat(np.arange(5, dtype=np.int8), 20000)
    first, second = (
        reference.displacements(elements, seed=3, sample=0, configuration=configuration) for configuration in (0, 1)
    )
    widths = [element.rms_displacement_angstrom for element in TABLE]
    np.testing.assert_allclose(first.reshape(5, 20000, 2).std(axis=1), np.column_stack([widths, widths]), rtol=0.02)
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.02


def simulated(configurations: int):
    atoms = column(["Pt"] * 2)
    return reference.simulate(*atoms, microscope(), base=BASE, settings=settings(configurations), sample=0)


def test_more_configurations_go_on_where_fewer_ended():
    two, three = simulated(2), simulated(3)
    third = reference.displacements(column(["Pt"] * 2)[0], seed=3, sample=0, configuration=2)
    elements, positions = column(["Pt"] * 2)
    positions[:, :2] += third
    planned = plan(microscope(), box_angstrom=FIELD, interpolation=1)
    scan = reference.scan_configuration(
        elements,
        positions[:, :2],
        np.arange(2),
        atoms_at_rest(planned),
        planned,
        microscope(),
        depths_angstrom=LAYER * np.arange(2),
        alone=True,
    )
    alone = reference.read_field(scan, base=BASE, margin_angstrom=0.0)
    np.testing.assert_allclose(three.image, (2 * two.image + alone) / 3, rtol=1e-4, atol=1e-7)
    assert (two.configurations, three.configurations, three.interpolation) == (2, 3, 1)


def test_the_error_is_that_of_the_mean_of_the_configurations():
    assert np.isnan(simulated(1).relative_error)
    few, many = simulated(4), simulated(16)
    assert many.relative_error == pytest.approx(few.relative_error / 2, rel=0.5)
    difference = np.abs(few.image - many.image).max() / many.image.max()
    assert 0.2 * few.relative_error < difference < 4 * few.relative_error


def test_a_static_lattice_is_the_scan_of_the_atoms_at_rest_and_knows_no_error():
    elements, positions = column(["Pt"] * 2)
    still = settings().reference.model_copy(update={"vibrations": False})
    static = settings().model_copy(update={"reference": still})

    def seen(seed: int):
        base = BASE.model_copy(update={"seed": seed})
        return reference.simulate(elements, positions, microscope(), base=base, settings=static, sample=0)

    planned = plan(microscope(), box_angstrom=FIELD, interpolation=1)
    scan = reference.scan_configuration(
        elements,
        positions[:, :2],
        np.arange(2),
        atoms_at_rest(planned),
        planned,
        microscope(),
        depths_angstrom=LAYER * np.arange(2),
        alone=True,
    )
    expected = reference.read_field(scan, base=BASE, margin_angstrom=0.0)
    np.testing.assert_allclose(seen(3).image, expected, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(seen(4).image, seen(3).image)
    assert not np.allclose(simulated(1).image, expected, rtol=1e-3, atol=1e-6)
    assert (seen(3).configurations, seen(3).relative_error) == (1, 0.0)


def test_a_matrix_beyond_memory_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(reference, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match=r"lower simulate.reference.window_angstrom below 100"):
        image(column(["Pt"]))
