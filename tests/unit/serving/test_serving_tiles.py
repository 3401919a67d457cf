import numpy as np
import pytest
from scipy import ndimage

from heamap_serving import tiles

STRIDE = 4


def network(image):
    """Sees far, pools on the stride's grid, pads with zeros at the border, as a convolutional network does."""
    plane = image[0, ..., 0]
    blurred = ndimage.uniform_filter(plane, 31, mode="constant")
    rows, cols = plane.shape
    pooled = np.maximum(blurred, 0.1).reshape(rows // STRIDE, STRIDE, cols // STRIDE, STRIDE).max(axis=(1, 3))
    deep = ndimage.uniform_filter(pooled, 7, mode="constant")
    up = np.kron(deep, np.ones((STRIDE, STRIDE)))
    return np.stack([up, plane + up], axis=-1)[None].astype(np.float32)


def image_of(shape):
    return np.random.default_rng(0).random(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(300, 413), (130, 700), (401, 256)])
def test_tiles_and_the_whole_image_agree(shape):
    image = image_of(shape)
    cut = tiles.plan(shape, stride=STRIDE, pixels=192 * 192)
    whole = tiles.plan(shape, stride=STRIDE)
    assert cut.tiles > 1
    assert whole.tiles == 1
    np.testing.assert_allclose(tiles.apply(network, image, cut, 2), tiles.apply(network, image, whole, 2), atol=1e-6)


def test_a_smaller_margin_would_show_seams(monkeypatch):
    image = image_of((300, 413))
    whole = tiles.apply(network, image, tiles.plan(image.shape, stride=STRIDE), 2)
    monkeypatch.setattr(tiles, "margin", lambda stride, _: stride)
    seams = tiles.apply(network, image, tiles.plan(image.shape, stride=STRIDE, pixels=192 * 192), 2)
    assert np.abs(seams - whole).max() > 1e-3


def test_every_tile_has_one_shape_and_corners_on_the_stride():
    cut = tiles.plan((1000, 777), stride=8, side=512)
    for spans, side in ((cut.rows, cut.tile[0]), (cut.cols, cut.tile[1])):
        assert {span.stop - span.start for span in spans} == {side}
        assert all(span.start % 8 == 0 for span in spans)
        assert [span.keep_start for span in spans[1:]] == [span.keep_stop for span in spans[:-1]]
    assert cut.rows[-1].keep_stop == 1000
    assert cut.cols[-1].keep_stop == 784


def test_of_all_cuts_the_one_with_the_least_work_is_taken():
    strips = tiles.plan((2048, 2048), stride=8)
    assert (len(strips.rows), len(strips.cols)) == (2, 1)
    assert strips.tile == (1144, 2048)
    blocks = tiles.plan((4096, 4096), stride=8)
    assert blocks.tile[0] * blocks.tile[1] <= tiles.TILE_PIXELS
    assert blocks.tiles * blocks.tile[0] * blocks.tile[1] < 1.26 * 4096**2
    huge = tiles.plan((30000, 512), stride=8)
    assert huge.tile[1] == 512
    assert huge.tile[0] * huge.tile[1] <= tiles.TILE_PIXELS


@pytest.mark.parametrize("shape", [(1024, 1024), (5000, 3000), (9000, 100), (24, 70000)])
def test_tiles_fit_and_cover_every_pixel_once(shape):
    cut = tiles.plan(shape, stride=8, pixels=600 * 600)
    for spans, side, length in zip((cut.rows, cut.cols), cut.tile, cut.shape, strict=True):
        assert {span.stop - span.start for span in spans} == {side}
        assert (spans[0].keep_start, spans[-1].keep_stop) == (0, length)
        assert [span.keep_start for span in spans[1:]] == [span.keep_stop for span in spans[:-1]]
        border = tiles.margin(8)
        assert all(span.start == 0 or span.keep_start - span.start >= border for span in spans)
        assert all(span.stop == length or span.stop - span.keep_stop >= border for span in spans)
    assert cut.tile[0] * cut.tile[1] <= 600 * 600


def test_the_margin_covers_the_receptive_field_of_the_papers_network():
    levels = (1, 2, 4)
    reach = 2 * sum(5 * level for level in levels) + 5 * 8 + sum(levels)
    assert tiles.margin(8) >= reach


def test_a_network_that_says_how_far_it_sees_gets_that_margin_in_whole_strides():
    assert [tiles.margin(8, reach) for reach in (0, 1, 8, 107, 113)] == [0, 8, 8, 112, 120]
    cut = tiles.plan((1000, 1000), stride=8, reach=30, pixels=400 * 400)
    assert min(span.keep_start - span.start for span in cut.rows[1:]) == 32


def test_a_small_image_is_one_tile_of_its_own_size():
    cut = tiles.plan((61, 70), stride=8)
    assert (cut.tile, cut.tiles) == ((64, 72), 1)
    assert tiles.apply(lambda tile: tile, image_of((61, 70)), cut, 1).shape == (61, 70, 1)
