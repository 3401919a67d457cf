from io import BytesIO

import numpy as np
from PIL import Image

from heamap_serving.pictures import grey_png, jpeg, map_picture, thinned, thumbnail_png


def test_thinning_averages_squares_and_says_where_its_first_pixel_is():
    image = np.arange(35.0).reshape(5, 7)
    found = thinned(image, 4)
    assert found.stride == 2
    assert found.first == 0.5
    np.testing.assert_allclose(found.values, [[4, 6, 8], [18, 20, 22]])
    assert thinned(np.stack([image] * 5, axis=-1), 4).values.shape == (2, 3, 5)


def test_a_small_image_stays_as_it_is():
    image = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(thinned(image, 3).values, image)


def test_a_map_is_black_at_nothing_and_bright_at_its_ceiling():
    with Image.open(BytesIO(map_picture(np.kron([[0.0, 4.0], [2.0, 9.0]], np.ones((16, 16))), 4.0))) as picture:
        colours = np.asarray(picture.convert("RGB")).astype(int)
    brightness = colours.sum(axis=-1)[8::16, 8::16]
    assert brightness[0, 0] < 20
    assert brightness[0, 0] < brightness[1, 0] < brightness[0, 1]
    assert abs(brightness[0, 1] - brightness[1, 1]) < 20


def test_the_asymmetric_image_comes_out_the_right_way_round():
    image = np.zeros((4, 6))
    image[0, 5] = 1
    with Image.open(BytesIO(grey_png(image))) as picture:
        assert picture.size == (6, 4)
        assert picture.getpixel((5, 0)) == 255


def test_small_coloured_spots_keep_their_colour():
    colours = np.zeros((40, 40, 3), np.uint8)
    colours[10:14, 10:14] = (220, 40, 40)
    colours[10:14, 14:18] = (40, 40, 220)
    with Image.open(BytesIO(jpeg(colours))) as picture:
        found = np.asarray(picture.convert("RGB")).astype(int)
    assert found.shape == colours.shape
    for col, bright, dark in ((12, 0, 2), (15, 2, 0)):
        assert found[12, col, bright] - found[12, col, dark] > 120


def test_a_strip_has_a_thumbnail():
    strip = np.random.default_rng(0).random((60, 7700), np.float32)
    with Image.open(BytesIO(thumbnail_png(strip))) as picture:
        assert picture.size == (128, 1)
