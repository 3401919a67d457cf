import numpy as np
import pytest
from serving_examples import make_contract

from heamap.contract import BackgroundLevel, CountingLine
from heamap_serving.background import Background
from heamap_serving.background_doubts import doubts_without_vacuum
from heamap_serving.domain_brightness import brightness_doubts
from heamap_serving.false_columns import check_columns, contrasts

STEP = 0.2
CONTRACT = make_contract(
    normalization="absolute",
    background=BackgroundLevel(most=0.005, square_angstrom=2.0, darkest=0.01),
    counting=CountingLine(slope=130.0, intercept=3.0, r2=0.7, columns=1000, radius_angstrom=1.1),
)


def lattice_places(rows=9, cols=7, constant=3.7, corner=(8.0, 8.0)):
    """Columns of fcc down [110] (n, 2), in pixels."""
    first = np.stack(np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"), axis=-1).reshape(-1, 2)
    sides = np.array([constant / np.sqrt(2), constant])
    both = np.concatenate([first * sides, (first + 0.5) * sides])
    return (both + corner) / STEP


def draw(places, heights, shape=(256, 256), sigma=0.45):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape, np.float32)
    for (row, col), height in zip(places, heights, strict=True):
        image += height * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * (sigma / STEP) ** 2))
    return image.astype(np.float32)


def counts_of(totals):
    return np.repeat(np.asarray(totals, float)[:, None] / 5, 5, axis=1)


def checked(image, places, totals, background=None):
    return check_columns(
        lambda rows, cols: image[rows, cols],
        image.shape,
        places,
        counts_of(totals),
        background=background or Background(level=0.0),
        contract=CONTRACT,
    )


def test_a_lattice_stays_with_its_faint_columns_at_the_edge():
    places = lattice_places()
    totals = np.where(places[:, 0] > 150, 1.0, 10.0)
    found = checked(draw(places, totals * 0.003), places, totals)
    assert found.real.all()
    assert found.doubts == ()


def test_a_weak_maximum_off_the_lattice_goes_and_a_strong_one_stays():
    places = lattice_places()
    between = places[[30, 20]] + np.array([[6.54, 0.0], [6.54, 0.0]])
    totals = np.concatenate([np.full(len(places), 10.0), [2.0, 9.0]])
    every = np.concatenate([places, between])
    found = checked(draw(every, totals * 0.003), every, totals)
    assert not found.real[-2]
    assert found.real[:-2].all()
    assert found.real[-1]
    assert (found.off_lattice, found.in_vacuum) == (1, 0)


def test_maxima_in_vacuum_go_and_many_are_a_doubt():
    places = lattice_places()
    false = np.array([[230.0, 30.0 + 12 * number] for number in range(8)])
    every, totals = np.concatenate([places, false]), np.full(len(places) + 8, 10.0)
    vacuum = np.zeros((25, 25), bool)
    vacuum[20:] = True
    found = checked(draw(every, totals * 0.003), every, totals, Background(0.0, vacuum, 10))
    assert found.in_vacuum == 8
    assert found.real[:-8].all()
    assert "8 of 134 maxima are no columns (8 in vacuum" in found.doubts[0]


def test_a_column_without_contrast_to_what_is_around_it_is_none():
    places = lattice_places()
    totals = np.full(len(places), 10.0)
    heights = totals * 0.003
    heights[40] *= 0.2
    found = checked(draw(places, heights) + np.float32(0.02), places, totals)
    assert found.faint == 1
    assert not found.real[40]


def test_without_an_fcc_lattice_it_judges_nothing():
    rows, cols = np.mgrid[20:220:17, 20:220:17].reshape(2, -1)
    places = np.stack([rows, cols], axis=1).astype(float)
    totals = np.full(len(places), 10.0)
    assert checked(draw(places, totals * 0.003), places, totals).off_lattice == 0


def test_contrast_is_the_same_band_by_band(monkeypatch):
    places = lattice_places()
    image = draw(places, np.linspace(1, 2, len(places))) + np.float32(3)

    def found():
        return contrasts(lambda rows, cols: image[rows, cols], image.shape, places, sampling_angstrom=STEP)

    whole = found()
    monkeypatch.setattr("heamap_serving.false_columns.BAND_PIXELS", 2000)
    np.testing.assert_allclose(found(), whole, rtol=1e-9)
    assert (np.diff(whole[np.argsort(np.linspace(1, 2, len(places)))]) > -0.2).all()


@pytest.mark.parametrize(("height", "word"), [(0.02, None), (0.35, "scatter more of the beam than 40 atoms")])
def test_columns_brighter_than_any_in_training_are_a_doubt(height, word):
    places = lattice_places()
    totals = np.full(len(places), 20.0)
    doubts = brightness_doubts(draw(places, np.full(len(places), height)), places, counts_of(totals / 8), CONTRACT)
    assert (doubts == ()) if word is None else (word in doubts[0])


def test_columns_with_less_light_than_their_atoms_are_a_doubt():
    places = lattice_places()
    doubts = brightness_doubts(
        draw(places, np.full(len(places), 0.03)), places, counts_of(np.full(len(places), 33.0)), CONTRACT
    )
    assert "of the light of the atoms counted in them" in doubts[0]


def test_dark_parts_too_bright_for_gaps_between_columns_are_a_doubt():
    even = np.full((25, 25), 0.03)
    assert doubts_without_vacuum(0.02, even, even / 5, CONTRACT, beam=1.0) == ()
    assert "no vacuum is in view" in doubts_without_vacuum(0.02, even, even / 12, CONTRACT, beam=1.0)[0]
    assert "darkest parts between the columns" in doubts_without_vacuum(0.09, 3 * even, even / 2, CONTRACT, beam=1.0)[0]
