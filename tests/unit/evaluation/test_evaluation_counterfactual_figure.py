import io

import matplotlib.image
import pytest

from heamap.evaluation.counterfactual_figure import draw
from heamap.evaluation.counterfactuals import DOSE
from heamap.evaluation.targets import TARGETS
from heamap.structures.edits import SWAP_PT_NI


def interval(value: float | None, half: float | None = None) -> dict[str, float | None]:
    ends = {"low": None, "high": None}
    if value is not None and half is not None:
        ends = {"low": value - half, "high": value + half}
    return {"value": value, **ends}


def report(*edits: str, particles: int = 4) -> dict:
    """Pt moves by 1.5 where it should move by 2; everything else stays at .2, which is the noise."""
    still = {
        "true_rms": interval(0.0),
        "predicted_rms": interval(0.2),
        "response": interval(None),
        "spurious": interval(0.1),
    }
    moved = {
        "true_rms": interval(2.0),
        "predicted_rms": interval(1.5, 0.25),
        "response": interval(0.7, 0.1),
        "spurious": interval(None),
    }
    targets = {target: moved if target == "Pt" else still for target in TARGETS}
    floor = {target: {"rms": interval(0.2), "mean_absolute": interval(0.1)} for target in TARGETS}
    return {"particles": particles, "noise_floor": floor, "edits": dict.fromkeys(edits, targets)}


def test_a_row_shows_where_it_should_move_where_it_did_and_the_noise():
    figure = draw(report(SWAP_PT_NI, DOSE))
    axes = figure.axes[0]
    assert axes.get_title() == "Pt and Ni swapped"
    assert [bar.get_width() for bar in axes.patches] == [2.0] + [0.0] * 6
    dots, ends = axes.lines
    assert dots.get_xdata().tolist() == [1.5] + [0.2] * 6
    assert list(ends.get_xdata()) == pytest.approx([1.25, 1.75])
    assert axes.get_yticklabels()[0].get_text() == "Pt"
    # The first target is on top.
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_words_say_the_response_or_that_nothing_should_move():
    axes = draw(report(SWAP_PT_NI)).axes[0]
    words = [text.get_text() for text in axes.texts]
    assert words == ["sees 70 % (60 to 80 %)"] + ["should stay"] * 6


def test_too_few_particles_for_intervals_are_told():
    assert draw(report(SWAP_PT_NI)).get_supxlabel() == "Change of a column's count, r.m.s. (atoms)"
    assert draw(report(SWAP_PT_NI, particles=3)).get_supxlabel().endswith("which need 4 particles: here 3")


def test_an_odd_number_of_edits_leaves_no_empty_panel():
    figure = draw(report(SWAP_PT_NI, DOSE, "order"))
    assert len(figure.axes) == 3
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    buffer.seek(0)
    assert matplotlib.image.imread(buffer).std() > 0
