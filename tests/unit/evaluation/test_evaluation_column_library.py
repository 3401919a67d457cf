from dataclasses import replace
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from heamap import params
from heamap.elements import ATOMIC_NUMBERS, ELEMENTS
from heamap.evaluation import column_library
from heamap.evaluation.column_library import COLUMNS_PER_SLAB, Slabs
from heamap.imaging import thermal
from heamap.imaging.microscope import Microscope
from heamap.imaging.normalize import energy_factor
from heamap.imaging.simulated import Simulated

SIDE = Slabs().side_angstrom
SETTINGS = params.Simulate(
    engine="thermal",
    microscope={
        "energy_ev": (200e3, 200e3),
        "semiangle_mrad": (18.0, 18.0),
        "defocus_angstrom": (0.0, 0.0),
        "spherical_aberration_angstrom": (0.0, 0.0),
        "astigmatism_angstrom": (0.0, 0.0),
        "astigmatism_angle_radian": (0.0, 0.0),
    },
    detector_mrad=(60.0, 95.0),
    slice_angstrom=2.6,
    margin_angstrom=6.0,
    workers=1,
    reference_share=0.0,
    reference={"configurations": 1, "window_angstrom": 8.0},
    thermal={"window_angstrom": 4.5, "waves": 2},
)
MICROSCOPE = Microscope(
    energy_ev=200e3,
    semiangle_mrad=18.0,
    defocus_angstrom=0.0,
    spherical_aberration_angstrom=0.0,
    astigmatism_angstrom=0.0,
    astigmatism_angle_radian=0.0,
    detector_inner_mrad=60.0,
    detector_outer_mrad=95.0,
)


def dots(elements, positions, _microscope, base, _settings, sample, *, periodic) -> Simulated:
    """Every atom a dot of its atomic number, the second repeat brighter by 1."""
    assert periodic
    image = np.zeros((base.pixels, base.pixels), dtype=np.float32)
    col, row = (np.rint(positions[:, :2].T / base.sampling_angstrom).astype(int)) % base.pixels
    np.add.at(image, (row, col), np.array(ATOMIC_NUMBERS)[elements] / base.sampling_angstrom**2)
    return Simulated(image + sample, 1, 1, 0.1, 0.0)


def test_slab_is_the_fcc_lattice_along_110() -> None:
    slab = column_library.draw_slab(3, Slabs(displacement_angstrom=0.0), np.random.default_rng(0))
    assert slab.positions.shape == (COLUMNS_PER_SLAB, 3, 3)
    atoms = slab.positions.reshape(-1, 3)
    assert (atoms[:, :2] > 0.4).all()
    assert (atoms[:, :2] < SIDE - 0.4).all()
    apart = atoms[:, None] - atoms
    apart[..., :2] -= SIDE * np.rint(apart[..., :2] / SIDE)
    distance = np.linalg.norm(apart, axis=2)
    # An atom in the middle layer of a deep column has all twelve neighbours at a / sqrt 2, but for the slab's strain.
    inner = distance.reshape(COLUMNS_PER_SLAB, 3, -1)[1, 1]
    np.testing.assert_allclose(np.sort(inner)[1:13], 3.70 / np.sqrt(2), rtol=0.006)
    assert np.sort(inner)[13] > 3.6
    volume = SIDE**2 * 3 * 3.70 / np.sqrt(2)
    assert len(atoms) / volume == pytest.approx(4 / 3.70**3)


def test_species_follow_composition_and_aggregation() -> None:
    shares = (0.5, 0.2, 0.1, 0.1, 0.1)
    for concentration, factor in ((np.inf, 1.0), (4.0, (10 + 4) / 5)):
        slabs = Slabs(shares, concentration=concentration)
        rng = np.random.default_rng(0)
        counts = np.concatenate(
            [np.sum(column_library.draw_slab(10, slabs, rng).order == 0, axis=1) for _ in range(30)]
        )
        assert counts.mean() == pytest.approx(5, abs=0.15)
        assert counts.var() == pytest.approx(10 * 0.25 * factor, rel=0.1)


def test_every_column_has_its_own_intensity_and_its_own_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "expose", dots)
    slabs = Slabs(displacement_angstrom=0.03)
    slab = column_library.draw_slab(4, slabs, np.random.default_rng(1))
    table = column_library.simulate_slab(slab, slabs, MICROSCOPE, settings=SETTINGS, rng=np.random.default_rng(2))
    numbers = np.array(ATOMIC_NUMBERS)
    counts = table[list(ELEMENTS)].to_numpy()
    np.testing.assert_array_equal(counts[0], np.bincount(slab.order[0], minlength=5))
    np.testing.assert_allclose(table["first_square_angstrom"], counts @ numbers, rtol=1e-4)
    disc = (table["second_square_angstrom"] - table["first_square_angstrom"]).to_numpy()
    np.testing.assert_allclose(disc, np.pi * 1.13**2, rtol=0.01)
    # Every column stands alike on the pixels.
    np.testing.assert_allclose(disc, disc[0], rtol=1e-3)

    near = table[[f"near_{symbol}" for symbol in ELEMENTS]].to_numpy()
    assert (near.sum(axis=1) == 6 * 4).all()
    np.testing.assert_array_equal(near.sum(axis=0), 6 * counts.sum(axis=0))
    xy = column_library.places(SIDE)
    apart = xy - xy[30]
    apart -= SIDE * np.rint(apart / SIDE)
    ring = (np.hypot(*apart.T) > 0.1) & (np.hypot(*apart.T) < 2.9)
    np.testing.assert_array_equal(near[30], counts[ring].sum(axis=0))


def test_source_size_moves_brightness_to_the_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "expose", dots)
    found = []
    for source in (0.0, 1.2):
        slabs = Slabs((0.0, 0.0, 1.0, 0.0, 0.0), displacement_angstrom=0.0, source_fwhm_angstrom=source)
        slab = column_library.draw_slab(2, slabs, np.random.default_rng(1))
        table = column_library.simulate_slab(slab, slabs, MICROSCOPE, settings=SETTINGS, rng=np.random.default_rng(2))
        found.append(table["first_square_angstrom"].to_numpy())
    sigma = 1.2 / np.sqrt(8 * np.log(2))
    own = 1 - np.exp(-(1.13**2) / (2 * sigma**2))
    assert (found[1] > own * found[0]).all()
    assert (found[1] < found[0]).all()
    np.testing.assert_allclose(found[1], found[1][0], rtol=1e-3)


def test_single_atoms_shine_by_their_atomic_number_and_a_slab_is_drawn_the_same_alone() -> None:
    slabs = Slabs()
    table = column_library.simulate_library([1], 1, slabs, MICROSCOPE, settings=SETTINGS, rng=np.random.default_rng(3))
    alone = column_library.draw_slab(1, slabs, np.random.default_rng(3).spawn(2)[1])
    assert len(table) == 2 * COLUMNS_PER_SLAB
    assert table["slab"].value_counts().to_dict() == {0: COLUMNS_PER_SLAB, 1: COLUMNS_PER_SLAB}
    second = table.loc[table["slab"] == 1, list(ELEMENTS)].to_numpy()
    np.testing.assert_array_equal(second.argmax(axis=1), alone.order[:, 0])
    mean = {symbol: table["first_square_angstrom"][table[symbol] == 1].mean() for symbol in ELEMENTS}
    assert mean["Pt"] > 1.5 * mean["Pd"] > 2 * max(mean["Ni"], mean["Co"], mean["Fe"])
    assert not np.allclose(table["first_square_angstrom"], table["second_square_angstrom"], rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"composition": (0.5, 0.5)}, "5 shares"),
        ({"composition": (1.2, -0.2, 0.0, 0.0, 0.0)}, "not be negative"),
        ({"concentration": 0.0}, "positive, got 0.0"),
        ({"displacement_angstrom": -0.1}, "must not be negative, got -0.1"),
    ],
)
def test_impossible_slabs_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Slabs(**changes)


def test_a_column_without_atoms_is_refused() -> None:
    with pytest.raises(ValueError, match="total of 0"):
        column_library.draw_slab(0, Slabs(), np.random.default_rng(0))


def test_a_pool_gives_the_same_library_as_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "expose", dots)

    def one(spread) -> object:
        rng = np.random.default_rng(3)
        return column_library.simulate_library(
            [1, 2], 1, Slabs(), MICROSCOPE, settings=SETTINGS, rng=rng, spread=spread
        )

    with ThreadPool(2) as pool:
        pooled = one(pool.imap)
    assert pooled.equals(one(map))
    assert pooled["slab"].nunique() == 4


def test_the_tails_of_probes_fall_on_more_of_a_periodic_slab() -> None:
    slab = column_library.draw_slab(1, Slabs((1.0, 0, 0, 0, 0)), np.random.default_rng(5))
    base = params.Base(seed=0, pixels=96, sampling_angstrom=SIDE / 96)
    bare = SETTINGS.model_copy(update={"margin_angstrom": 0.0})
    given = (slab.order.ravel(), slab.positions.reshape(-1, 3), MICROSCOPE)
    alone = thermal.simulate(*given, base=base, settings=bare, sample=0).image
    crystal = thermal.expose(*given, base, SETTINGS, 0, periodic=True).image
    # Some hundredths of the beam land beyond the slab's rim: all of it on atoms, or part of it nowhere.
    assert 1.01 < crystal.mean() / alone.mean() < 1.05
    edges, middle = (crystal - alone)[:8].mean(), (crystal - alone)[44:52].mean()
    assert edges > 2 * middle


def test_the_power_of_the_energy_brings_columns_of_two_energies_together() -> None:
    slabs = Slabs()
    slab = column_library.draw_slab(3, slabs, np.random.default_rng(4))
    # Of two waves the ratio of brightness is off by some hundredths by chance.
    settings = SETTINGS.model_copy(update={"thermal": SETTINGS.thermal.model_copy(update={"waves": 8})})
    found = {}
    for energy in (180e3, 220e3):
        table = column_library.simulate_slab(
            slab, slabs, replace(MICROSCOPE, energy_ev=energy), settings=settings, rng=np.random.default_rng(5)
        )
        found[energy] = table["first_square_angstrom"].mean()
    assert found[180e3] / found[220e3] > 1.2
    brought = [energy_factor(energy, 1.1) * bright for energy, bright in found.items()]
    assert brought[0] == pytest.approx(brought[1], rel=0.06)
