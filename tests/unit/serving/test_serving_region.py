import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from serving_examples import lattice_image

from heamap.cli import main
from heamap.errors import InputError
from heamap_serving.micrograph import Micrograph
from heamap_serving.options import read_elements
from heamap_serving.region import Region, read_mask


@pytest.fixture
def image_file(tmp_path):
    return written(tmp_path, (0.2, 0.2))


def written(folder, steps):
    """An image whose pixels along rows and columns have these sizes."""
    image, _ = lattice_image((150, 160), steps)
    down, across = (10 / step for step in steps)
    tifffile.imwrite(folder / "good.tif", image, imagej=True, resolution=(across, down), metadata={"unit": "nm"})
    return folder / "good.tif"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def columns_of(out):
    return pd.read_parquet(out / "good" / "columns.parquet")


@pytest.mark.parametrize("steps", [(0.2, 0.2), (0.18, 0.19)])
def test_a_rectangle_gives_the_columns_in_it_at_their_places_in_the_whole_image(steps, model_file, tmp_path):
    image_file = written(tmp_path, steps)
    run("score", image_file, "--out", tmp_path / "whole", "--model", model_file)
    run("score", image_file, "--out", tmp_path / "part", "--model", model_file, "--roi", 40, 60, 80, 70)
    whole, part = columns_of(tmp_path / "whole"), columns_of(tmp_path / "part")
    inside = whole[whole["col_px"].between(41, 118) & whole["row_px"].between(61, 128)]
    places = part[["row_px", "col_px"]].to_numpy()
    for place in inside[["row_px", "col_px"]].to_numpy():
        assert np.abs(places - place).max(axis=1).min() < (0.2 if steps == (0.2, 0.2) else 0.8)
    np.testing.assert_allclose(part["x_angstrom"], steps[1] * part["col_px"], rtol=1e-5)
    np.testing.assert_allclose(part["y_angstrom"], steps[0] * part["row_px"], rtol=1e-5)
    assert part["row_px"].between(59, 131).all()
    record = json.loads((tmp_path / "part" / "good" / "provenance.json").read_text())
    assert record["region"]["roi_px"] == {"x": 40, "y": 60, "width": 80, "height": 70}
    assert record["tiles"]["image_pixels"] == [round(70 * steps[0] / 0.2), round(80 * steps[1] / 0.2)]


@pytest.mark.parametrize("steps", [(0.2, 0.2), (0.18, 0.19)])
def test_a_mask_takes_out_columns_and_changes_no_count_of_the_others(steps, model_file, tmp_path):
    image_file = written(tmp_path, steps)
    mask = np.zeros((150, 160), np.uint8)
    mask[:, 80:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    run("score", image_file, "--out", tmp_path / "whole", "--model", model_file)
    run("score", image_file, "--out", tmp_path / "half", "--model", model_file, "--mask", tmp_path / "mask.png")
    whole, half = columns_of(tmp_path / "whole"), columns_of(tmp_path / "half")
    kept = whole[whole["col_px"] > 79.5].reset_index(drop=True)
    assert 0 < len(half) < len(whole)
    np.testing.assert_array_equal(half[["row_px", "Pt", "total"]], kept[["row_px", "Pt", "total"]])


def test_a_mask_lies_on_the_whole_image_when_a_rectangle_is_cut_out():
    mask = np.zeros((20, 30), bool)
    mask[12, 25] = True
    region = Region((20, 10, 10, 10), mask)
    assert region.holds(np.array([[2.2, 4.9], [2.0, 6.0]])).tolist() == [True, False]


def test_an_impossible_rectangle_is_refused(image_file, model_file, tmp_path, capfd):
    out = ("--out", tmp_path / "out", "--model", model_file)
    assert run("score", image_file, *out, "--roi", 0, 0, 0, 5) == 2
    assert "--roi 0 0 0 5: X and Y must be" in capfd.readouterr().err
    assert run("score", image_file, *out, "--roi", 100, 0, 61, 50) == 1
    assert "--roi 100 0 61 50 reaches beyond the image of 160 x 150 pixels" in capfd.readouterr().err


def test_a_mask_of_another_shape_is_refused_for_its_image():
    region = Region(mask=np.ones((3, 4), bool))
    with pytest.raises(InputError, match=r"mask of \(3, 4\) pixels for an image of \(4, 4\)"):
        region.crop(Micrograph(np.eye(4, dtype=np.float32), None))


@pytest.mark.parametrize("suffix", [".npy", ".png", ".tif"])
def test_masks_are_read_from_arrays_and_pictures(tmp_path, suffix):
    wanted = np.eye(5, dtype=bool)
    path = tmp_path / f"mask{suffix}"
    if suffix == ".npy":
        np.save(path, wanted)
    else:
        Image.fromarray(wanted.astype(np.uint8) * 255).save(path)
    np.testing.assert_array_equal(read_mask(path), wanted)


def test_a_bad_mask_is_refused_in_one_line(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((4, 4)))
    np.save(tmp_path / "cube.npy", np.ones((4, 4, 4)))
    np.save(tmp_path / "objects.npy", np.array([[{}]]), allow_pickle=True)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (tmp_path / "mask.gif").touch()
    for name, line in (
        ("none.npy", "every pixel is 0"),
        ("cube.npy", "expected one plane"),
        ("objects.npy", "cannot be read"),
        ("broken.png", "cannot be read"),
        ("mask.gif", "suffix '.gif'"),
        ("absent.png", "no such file"),
    ):
        with pytest.raises(InputError, match=line):
            read_mask(tmp_path / name)


def test_elements_are_drawn_in_the_one_order_and_strangers_refused(image_file, model_file, tmp_path):
    assert read_elements(" Fe,Pt") == ("Pt", "Fe")
    for text in ("Pt,Xx", "", ","):
        with pytest.raises(InputError, match="expected some of Pt,Ni,Pd,Co,Fe"):
            read_elements(text)
    run("score", image_file, "--out", tmp_path / "out", "--model", model_file, "--elements", "Ni")
    page = (tmp_path / "out" / "good" / "report.html").read_text()
    assert 'value="Ni"' in page
    assert 'value="Pt"' not in page
    assert {"Pt", "Ni"} < set(columns_of(tmp_path / "out").columns)


def test_nan_borders_are_left_out_with_a_rectangle(model_file, tmp_path, capfd):
    image, _ = lattice_image((150, 160), (0.2, 0.2))
    image[:3] = np.nan
    np.save(tmp_path / "good.npy", image)
    out = ("--out", tmp_path / "out", "--model", model_file, "--sampling-angstrom", 0.2)
    assert run("score", tmp_path / "good.npy", *out) == 1
    assert (
        "480 pixels are NaN, infinite or beyond single precision; leave them out with --roi" in capfd.readouterr().err
    )
    assert run("score", tmp_path / "good.npy", *out, "--roi", 0, 2, 100, 100) == 1
    assert "--roi 0 2 100 100: 100 pixels are NaN" in capfd.readouterr().err
    assert run("score", tmp_path / "good.npy", *out, "--roi", 0, 3, 160, 147) == 0


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (np.array([[0, 1], [1, 1]], bool), {}),
        (np.array([[0, 255], [255, 255]], np.uint8), {"photometric": "miniswhite"}),
        (np.array([[0, 3], [1, 1]], np.int64), {}),
        (np.array([[np.nan, 0.5], [1, -1]]), {}),
    ],
)
def test_the_stored_numbers_of_a_tiff_mask_count(values, options, tmp_path):
    tifffile.imwrite(tmp_path / "mask.tif", values, **options)
    assert read_mask(tmp_path / "mask.tif").tolist() == [[False, True], [True, True]]


def test_masks_that_are_none_are_refused_in_one_line(tmp_path):
    tifffile.imwrite(tmp_path / "two.tif", np.ones((2, 4, 4), np.uint8), photometric="minisblack")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "empty.tif").touch()
    (tmp_path / "empty.png").touch()
    for name in ("two.tif", "empty.npy", "empty.tif", "empty.png"):
        said = "2 pages" if name == "two.tif" else "cannot be read"
        with pytest.raises(InputError, match=said) as caught:
            read_mask(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_mask_as_large_as_an_image_may_be_is_read(tmp_path):
    Image.new("1", (16384, 16384), 1).save(tmp_path / "large.png")
    assert read_mask(tmp_path / "large.png").shape == (16384, 16384)


def test_rectangles_are_whole_numbers():
    assert json.dumps(Region(tuple(np.array([1, 2, 3, 4]))).record()["roi_px"])
    with pytest.raises(InputError, match="expected four whole numbers"):
        Region((1.5, 2, 3, 4))
    with pytest.raises(InputError, match="expected four whole numbers"):
        Region((1, 2, 3))
