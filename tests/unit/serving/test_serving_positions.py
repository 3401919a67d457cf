import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from domain_examples import alloy, alloy_limits, perovskite
from position_examples import CONSTANT, STEP, columns_of, image_of, matched
from scipy import ndimage
from serving_examples import make_contract

from heamap.acquisition import Acquisition
from heamap.domain.column_lattice import fit_column_lattice
from heamap.errors import InputError
from heamap_serving.domain import Refused
from heamap_serving.io import read_micrograph
from heamap_serving.positions.intensities import DARKEST, FREE
from heamap_serving.positions.maxima import SHARP, find_maxima, measure_noise
from heamap_serving.positions.result import ANOTHER_LATTICE, NO_LATTICE, read_positions
from heamap_serving.region import Region

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
REAL = Path(os.environ.get("HEAMAP_REAL_MICROGRAPHS", "none"))
"""Folder of published micrographs, which are not part of the repository (docs/benchmarks.md)."""


@pytest.fixture(scope="module")
def contract():
    return make_contract(domain=alloy_limits())


def read(image, contract, steps=(STEP, STEP), **options):
    return read_positions(image, contract, Acquisition.stated("file", sampling_angstrom=steps), **options)


def places(result):
    return result.positions * result.sampling_angstrom


def test_columns_of_a_clean_particle_are_all_found_where_they_are(contract):
    true = columns_of()
    result = read(image_of(true, 5000.0, noise=20.0), contract)
    recall, precision, away = matched(places(result), true)
    assert (recall, precision) == (1.0, 1.0)
    assert away < 0.03
    assert result.pixel_size.lattice_constant_angstrom == pytest.approx(CONSTANT, abs=0.01)
    assert result.pixel_size.agrees


def test_the_alloys_own_lattice_is_in_domain(contract):
    result = read(alloy(7), contract)
    assert (result.domain.verdict, result.domain.reasons) == ("in domain", ())
    assert len(result.positions) == pytest.approx(40**2 / (CONSTANT**2 / math.sqrt(8)), rel=0.08)


@pytest.mark.parametrize("steps", [(0.1, 0.1), (0.3, 0.3), (0.15, 0.25)])
def test_places_are_of_the_file_whatever_its_pixels(contract, steps):
    true = columns_of()
    shape = tuple(round(40 / step) for step in steps)
    result = read(image_of(true, 5000.0, shape=shape, steps=steps, noise=50.0), contract, steps)
    assert matched(result.places_px * np.array(steps), true)[:2] == (1.0, 1.0)
    assert matched(result.places_px * np.array(steps), true)[2] < 0.05


@pytest.mark.parametrize("degree", [0.0, 75.0, 160.0])
def test_a_thickness_gradient_of_ten_and_a_sloping_background_hide_no_column(contract, degree):
    true = columns_of(degree=degree)
    thick = 0.1 + 0.9 * (true[:, 1] - true[:, 1].min()) / np.ptp(true[:, 1])
    slope = 1000 + 2000 * np.arange(200)[:, None] / 200 + np.zeros((200, 200))
    result = read(image_of(true, 5000.0 * thick, background=slope, noise=30.0), contract)
    recall, precision, away = matched(places(result), true)
    assert recall > 0.98
    assert precision > 0.99
    assert away < 0.06


def test_noise_in_the_vacuum_and_on_the_particle_makes_no_columns(contract):
    true = columns_of()
    clean = image_of(true, 5000.0, background=0.0) + 100
    rng = np.random.default_rng(1)
    # 40 electrons a pixel at the brightest column: 1000 a square Angstrom.
    noisy = (rng.poisson(clean / 125.0) * 125.0).astype(np.float32)
    recall, precision, away = matched(places(read(noisy, contract)), true)
    assert recall > 0.9
    assert precision > 0.98
    assert away < 0.2


def test_relative_intensities_are_free_of_gain_and_black_level(contract):
    true = columns_of()
    heights = 3000 + 2000 * np.random.default_rng(2).random(len(true))
    image = image_of(true, heights, noise=1.0)
    one = read(image, contract)
    assert one.intensities.background_from == FREE
    order = np.linalg.norm(places(one)[:, None] - true, axis=2).argmin(axis=1)
    expected = heights[order] / np.median(heights)
    inner = one.lattice.pairs == 8
    assert np.corrcoef(one.intensities.relative[inner], expected[inner])[0, 1] > 0.97
    assert np.median(one.intensities.relative) == pytest.approx(1)
    other = read(image * 7 - 20_000, contract)
    np.testing.assert_allclose(other.intensities.relative, one.intensities.relative, rtol=2e-3)


def test_a_field_full_of_columns_has_its_darkest_place_for_background(contract):
    true = columns_of(40.0)
    result = read(image_of(true, 5000.0), contract)
    assert result.intensities.background_from == DARKEST
    assert (result.intensities.relative > 0.8).all()


def test_a_wrong_pixel_size_is_told_by_its_factor(contract):
    image = image_of(columns_of(), 5000.0, noise=20.0)
    result = read(image, contract, (1.2 * STEP, 1.2 * STEP))
    assert result.pixel_size.lattice_constant_angstrom == pytest.approx(1.2 * CONSTANT, rel=0.01)
    assert result.pixel_size.agrees is False
    assert any("wrong by about +20%" in line for line in result.pixel_size.lines)
    # To be counted the image would be refused; where its columns are is known all the same.
    assert result.domain.verdict == "doubtful"


def test_unequal_pixels_and_shear_are_told(contract):
    true = columns_of(degree=0.0)
    unequal = read(image_of(true * [1.03, 1.0], 5000.0, noise=20.0), contract)
    assert unequal.pixel_size.agrees is False
    assert any("[001] is 3.0% too long" in line for line in unequal.pixel_size.lines)
    sheared = true + np.stack([np.zeros(len(true)), 0.03 * (true[:, 0] - 20)], axis=1)
    assert any("sheared" in line for line in read(image_of(sheared, 5000.0, noise=20.0), contract).pixel_size.lines)


def test_strain_is_that_of_the_particle(contract):
    true = columns_of(degree=0.0)
    centred = true - 20
    moved = true + np.stack([np.zeros(len(true)), 0.001 * centred[:, 1] ** 2], axis=1)
    result = read(image_of(moved, 5000.0, noise=5.0), contract)
    inner = result.lattice.pairs == 8
    slope = np.polyfit(places(result)[inner, 1], result.strain.xx[inner], 1)[0]
    assert slope == pytest.approx(0.002, rel=0.15)
    assert np.abs(result.strain.yy[inner]).max() < 0.02


def test_two_grains_have_lattices_of_their_own(contract):
    one, other = columns_of(11.0, middle=(14.0, 14.0)), columns_of(11.0, degree=75.0, middle=(30.0, 38.0))
    image = image_of(np.concatenate([one, other]), 5000.0, shape=(230, 260), noise=20.0)
    result = read(image, contract)
    assert matched(places(result), np.concatenate([one, other]))[:2] == (1.0, 1.0)
    assert [grain.columns for grain in result.lattice.grains] == sorted((len(one), len(other)), reverse=True)


def test_another_crystal_is_doubtful_and_keeps_its_columns(contract):
    result = read(perovskite(0), contract)
    assert result.domain.verdict == "doubtful"
    assert result.domain.reasons[0] == ANOTHER_LATTICE
    assert not result.strain.known.any()
    assert result.pixel_size.lattice_constant_angstrom is None
    assert len(result.positions) == pytest.approx(2 * (40 / 3.905) ** 2, rel=0.12)


def test_dumbbells_have_no_lattice_of_one_column_in_a_cell(contract):
    sites = columns_of(40.0, constant=6.2)
    pair = np.array([0.9, 0.0])
    result = read(image_of(np.concatenate([sites - pair, sites + pair]), 5000.0, sigma=0.4), contract)
    assert result.domain.reasons[0] == NO_LATTICE
    assert result.lattice.grains == ()
    assert not result.strain.known.any()
    assert len(result.positions) == pytest.approx(2 * 40**2 / (6.2**2 / math.sqrt(8)), rel=0.15)


@pytest.mark.parametrize("blur", [0.0, 2.0, 4.0])
def test_noise_alone_is_refused(contract, blur):
    image = np.random.default_rng(4).standard_normal((250, 250))
    image = ndimage.gaussian_filter(image, blur) if blur else image
    with pytest.raises(Refused, match="no lattice of columns"):
        read(image.astype(np.float32), contract)


def test_a_model_without_limits_finds_columns_too():
    true = columns_of()
    result = read(image_of(true, 5000.0, noise=20.0), make_contract())
    assert result.domain is None
    assert matched(places(result), true)[:2] == (1.0, 1.0)
    assert result.pixel_size.agrees is None
    with pytest.raises(InputError, match="no columns stand out"):
        read(np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1)), make_contract())


def test_a_mask_takes_columns_out_and_a_region_moves_their_places(contract):
    true = columns_of()
    image = image_of(true, 5000.0, noise=20.0)
    mask = np.zeros(image.shape, bool)
    mask[:, 100:] = True
    half = read(image, contract, region=Region(mask=mask))
    assert (half.places_px[:, 1] > 99).all()
    assert len(half.positions) == pytest.approx(len(true) / 2, abs=8)
    assert np.median(half.intensities.relative) == pytest.approx(1)
    assert len(half.positions) == len(half.strain.xx) == len(half.lattice.grain)
    moved = read(image, contract, region=Region(roi=(30, 10, 200, 200)))
    np.testing.assert_allclose(moved.places_px, read(image, contract).places_px + np.array([10, 30]))
    with pytest.raises(InputError, match="mask"):
        read(image, contract, region=Region(mask=np.arange(200 * 200).reshape(200, 200) == 0))


def test_bands_of_a_large_image_find_the_same_maxima(monkeypatch):
    image = image_of(columns_of(), 5000.0, noise=100.0)
    noise = measure_noise(image, (STEP, STEP))
    whole = find_maxima(image, noise, sampling_angstrom=STEP, nearest_distance_angstrom=2.27)
    monkeypatch.setattr("heamap_serving.positions.maxima.BAND_PIXELS", 200 * 30)
    parts = find_maxima(image, noise, sampling_angstrom=STEP, nearest_distance_angstrom=2.27)
    np.testing.assert_allclose(parts.positions, whole.positions, atol=1e-6)


def test_noise_is_measured_in_the_pixels_and_known_in_the_blurred_image():
    rng = np.random.default_rng(5)
    image = 50 * rng.standard_normal((400, 400)).astype(np.float32)
    noise = measure_noise(image, (STEP, STEP))
    assert np.sqrt(np.median(noise.power)) == pytest.approx(50 * STEP, rel=0.05)
    response = ndimage.gaussian_filter(image, SHARP[0] / STEP) - ndimage.gaussian_filter(image, SHARP[1] / STEP)
    stated = noise.of_response(np.array([[40.0, 40.0]]), SHARP)[0]
    assert response.std() == pytest.approx(stated, rel=0.1)
    assert (measure_noise(image, (0.5, 0.5)).power == 0).all()


def test_the_shipped_example_without_its_calibration():
    micrograph = read_micrograph(EXAMPLES / "micrographs" / "PtNiPdCoFe.tif")
    truth = pd.read_csv(EXAMPLES / "truth" / "PtNiPdCoFe.csv")
    true = truth[["row_px", "col_px"]].to_numpy() * 0.15
    result = read(micrograph.image, make_contract(), micrograph.sampling_angstrom)
    recall, precision, away = matched(places(result), true)
    assert recall > 0.97
    assert precision == 1.0
    assert away < 0.09
    [grain] = fit_column_lattice(true).grains
    assert result.pixel_size.lattice_constant_angstrom == pytest.approx(grain.lattice_constant_angstrom, abs=0.005)


@pytest.mark.parametrize(
    ("name", "steps", "columns", "word"),
    [
        ("16_STOimage_1.ser", None, 1262, ANOTHER_LATTICE),
        ("ingrained_CdTe_twin_HAADF26.dm3", None, 1487, NO_LATTICE),
        ("temul_Au_NP_Atom_Lattice.hdf5", (0.0826, 0.0826), 155, "Fourier spots"),
    ],
)
def test_real_images_of_other_crystals_are_doubtful(contract, name, steps, columns, word):
    if not (REAL / name).exists():
        pytest.skip("HEAMAP_REAL_MICROGRAPHS names no folder with it")
    micrograph = read_micrograph(REAL / name)
    result = read(micrograph.image, contract, steps or micrograph.sampling_angstrom)
    assert result.domain.verdict == "doubtful"
    assert any(word in reason for reason in result.domain.reasons)
    assert len(result.positions) == pytest.approx(columns, rel=0.1)
