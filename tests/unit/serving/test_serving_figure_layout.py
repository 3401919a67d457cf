from itertools import combinations

import pytest

from heamap_serving.figure_layout import MOST_MAPS, TITLE, WIDTH, Box, arrange

SHAPES = [(100, 100), (60, 400), (400, 60)]


def apart(one, other):
    return (
        one.left + one.width <= other.left
        or other.left + other.width <= one.left
        or one.top + one.height <= other.top
        or other.top + other.height <= one.top
    )


@pytest.mark.parametrize("remarks", [0, 5])
@pytest.mark.parametrize("elements", range(1, 6))
@pytest.mark.parametrize("shape", SHAPES)
def test_all_panels_stand_apart_on_the_page(shape, elements, remarks):
    layout = arrange(shape, elements, remarks)
    assert [len(boxes) for boxes in (layout.maps, layout.counts, layout.shares)] == [elements] * 3
    images = [box.fitted(*shape) for box in (layout.image, *layout.maps, layout.total)]
    panels = [*images, layout.element_bar, layout.total_bar, *layout.counts, *layout.shares]
    for one, other in combinations(panels, 2):
        assert apart(one, other)
    for box in panels:
        assert box.left >= 0
        assert box.left + box.width <= WIDTH
        assert box.top >= TITLE
        assert box.top + box.height <= layout.height


def test_an_image_fills_the_middle_of_its_box():
    assert Box(1, 2, 4, 6).fitted(5, 10) == Box(1, 4, 4, 2)
    assert Box(1, 2, 4, 6).fitted(6, 2) == Box(2, 2, 2, 6)


def test_shares_of_the_page_are_counted_from_its_bottom():
    assert Box(WIDTH / 2, 1, WIDTH / 4, 3).shares(10) == (0.5, 0.6, 0.25, 0.3)


def test_a_map_is_as_large_as_the_page_s_width_allows_and_a_tall_one_ends():
    square, tall = arrange((100, 100), 5, 0), arrange((400, 60), 5, 0)
    assert square.maps[0].fitted(100, 100).width == pytest.approx(square.maps[0].width)
    assert square.image.fitted(100, 100).width == pytest.approx(square.image.width)
    assert tall.counts[0].top < TITLE + MOST_MAPS + 0.2


def test_the_total_ends_the_first_row_and_a_single_element_stands_beside_it():
    layout = arrange((100, 100), 5, 0)
    assert [box.top == layout.total.top for box in layout.maps] == [True, True, False, False, False]
    assert layout.total.left > layout.maps[1].left
    assert layout.maps[-1].left == layout.total.left
    single = arrange((100, 100), 1, 0)
    assert single.maps[0].top == single.total.top
    assert single.maps[0].left < single.element_bar.left < single.total.left


def test_remarks_lengthen_the_page_and_move_nothing():
    bare, with_remarks = arrange((100, 100), 5, 0), arrange((100, 100), 5, 3)
    assert with_remarks.height == pytest.approx(bare.height + 0.64)
    assert with_remarks.counts == bare.counts
    assert bare.height < with_remarks.foot_middle < with_remarks.height
