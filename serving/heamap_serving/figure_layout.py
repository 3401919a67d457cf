"""Where everything stands on the picture of a micrograph, worked out in inches from what is to be drawn.

Room for words is set aside by the length of the longest that occur: a solver that measures every one of them takes
longer than drawing them.
"""

from dataclasses import dataclass

import numpy as np

WIDTH = 13.5
"""Of the page."""

TITLE = 0.4
HEAD = 0.27
"""Above an image."""

LEFT, IMAGE_WIDTH, IMAGE_FOOT = 0.65, 4.5, 0.5
"""Of the micrograph: room left of it, its width, room below it."""

MAP_FOOT = 0.42
"""Two lines below a map."""

GAP, MAP_GAP = 0.12, 0.09
"""Between micrograph and maps, between maps."""

BAR_GAP, BAR_WIDTH, BAR_ROOM = 0.1, 0.15, 0.9
"""Left of a colour bar, of the bar, and both with its numbers and its label."""

BAR_SHARE = 0.9
"""Height of a bar, of its map's (of ``LEAST_MAP`` at least, for its label)."""

LEAST_MAP, MOST_MAPS = 1.4, 9.7
"""Height of a map with what surrounds it, and of all maps."""

ROW, ROW_PITCH = 0.56, 0.72
"""Height of a histogram, and from one to the next."""

HALVES = ((1.1, 5.55), (7.8, 5.55))
"""Left edge and width of the histograms of counts and of shares."""

HISTOGRAMS_HEAD, HISTOGRAMS_FOOT = 0.12, 0.5

REMARK, REMARKS_MARGIN = 0.18, 0.1
"""Height of a line at the foot, and room around all of them."""


@dataclass(frozen=True)
class Box:
    """Inches from the left and from the top of the page."""

    left: float
    top: float
    width: float
    height: float

    def fitted(self, rows: int, cols: int) -> "Box":
        """The part in its middle that an image of rows x cols fills."""
        scale = min(self.width / cols, self.height / rows)
        width, height = cols * scale, rows * scale
        return Box(self.left + (self.width - width) / 2, self.top + (self.height - height) / 2, width, height)

    def shares(self, page_height: float) -> tuple[float, float, float, float]:
        """Left, bottom, width and height as shares of the page, as Matplotlib wants them."""
        bottom = page_height - self.top - self.height
        return self.left / WIDTH, bottom / page_height, self.width / WIDTH, self.height / page_height


@dataclass(frozen=True)
class Layout:
    """Places on a page of ``WIDTH`` x ``height`` inches.

    Attributes
    ----------
    image, total : the micrograph, the map of all elements
    maps, counts, shares : one an element
    element_bar, total_bar : colour bars, right of the last element's map and of the total's
    histograms_middle, foot_middle : from the top of the page
    """

    height: float
    image: Box
    maps: tuple[Box, ...]
    total: Box
    element_bar: Box
    total_bar: Box
    counts: tuple[Box, ...]
    shares: tuple[Box, ...]
    histograms_middle: float
    foot_middle: float


def arrange(shape: tuple[int, ...], elements: int, remarks: int) -> Layout:
    """Lay the picture out.

    The total ends the first row of maps, the elements fill the rest of it and a second row.

    Parameters
    ----------
    shape : rows, cols of the micrograph
    elements : number of maps beside the total
    remarks : lines at the foot
    """
    rows, cols = shape[:2]
    across, down = 2 if elements <= 3 else 3, 1 if elements == 1 else 2
    first = LEFT + IMAGE_WIDTH + GAP
    # A single element's bar stands between its map and the total's.
    gap = MAP_GAP if down > 1 else BAR_ROOM
    map_width = (WIDTH - BAR_ROOM - first - gap * (across - 1)) / across
    map_height = max(map_width * rows / cols, LEAST_MAP)
    needed = max(HEAD + IMAGE_WIDTH * rows / cols + IMAGE_FOOT, down * (HEAD + map_height + MAP_FOOT))
    maps_height = float(np.clip(needed, None, MOST_MAPS))
    row_height = maps_height / down

    def place(row: int, col: int) -> Box:
        top = TITLE + row * row_height + HEAD
        return Box(first + col * (map_width + gap), top, map_width, row_height - HEAD - MAP_FOOT)

    def bar(cell: Box) -> Box:
        shown = cell.fitted(rows, cols)
        height = BAR_SHARE * max(shown.height, LEAST_MAP)
        return Box(shown.left + shown.width + BAR_GAP, cell.top + (cell.height - height) / 2, BAR_WIDTH, height)

    total = place(0, across - 1)
    maps = tuple(place(*divmod(index if index < across - 1 else index + 1, across)) for index in range(elements))
    histograms = TITLE + maps_height + HISTOGRAMS_HEAD
    counts, shares = (
        tuple(Box(left, histograms + index * ROW_PITCH, width, ROW) for index in range(elements))
        for left, width in HALVES
    )
    foot = histograms + elements * ROW_PITCH + HISTOGRAMS_FOOT
    foot_height = REMARKS_MARGIN + REMARK * remarks if remarks else 0.0
    return Layout(
        height=foot + foot_height,
        image=Box(LEFT, TITLE + HEAD, IMAGE_WIDTH, maps_height - HEAD - IMAGE_FOOT),
        maps=maps,
        total=total,
        element_bar=bar(maps[-1]),
        total_bar=bar(total),
        counts=counts,
        shares=shares,
        histograms_middle=histograms + elements * ROW_PITCH / 2,
        foot_middle=foot + foot_height / 2,
    )
