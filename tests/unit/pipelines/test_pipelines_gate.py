from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gate
from heamap.contract import TrainingRanges
from heamap.evaluation import reading
from heamap.evaluation.counter import Counter
from heamap.params import load

ROOT = Path(__file__).parents[3]
RANGES = TrainingRanges(
    energy_ev=(180e3, 220e3),
    semiangle_mrad=(15, 20),
    detector_mrad=(60, 95),
    dose_per_square_angstrom=(1e5, 4e5),
    column_total=(1, 15),
    nearest_column_angstrom=2.27,
)


def model(sha256: str, off: float = 0.0, **changes: object) -> SimpleNamespace:
    """A model whose every count is ``off`` from 3 atoms, for images of certain ranges."""
    face = {"sampling_angstrom": 0.2, "stride": 8}
    return SimpleNamespace(
        counter=Counter(reading.make("peak", sigma_pixels=2.5), sampling_angstrom=0.2),
        sha256=sha256,
        contract=SimpleNamespace(**face, ranges=RANGES.model_copy(update=changes)),
        predict=lambda images: np.full((*images.shape[:3], 5), 3 + off, np.float32),
    )


def hold(monkeypatch: pytest.MonkeyPatch, held: SimpleNamespace) -> SimpleNamespace:
    monkeypatch.setattr(gate.decisions, "holder_of", lambda *_: "3")
    monkeypatch.setattr(gate.registry, "champion_onnx", lambda _: Path("champion.onnx"))
    monkeypatch.setattr(gate, "load_model", lambda _: held)
    return held


@pytest.mark.parametrize(("candidate", "champion", "better"), [(0.1, 2.0, True), (2.0, 0.1, False)])
def test_the_better_of_two_models_is_told(
    monkeypatch: pytest.MonkeyPatch, candidate: float, champion: float, better: bool
) -> None:
    hold(monkeypatch, model("champion", champion, energy_ev=(190e3, 200e3)))
    seen = []

    def images(_data: object, whose: SimpleNamespace, _params: object) -> Iterator[tuple[np.ndarray, ...]]:
        seen.append(whose.sha256)
        for _ in range(4):
            yield np.zeros((16, 16, 1), np.float32), np.array([[4.0, 5.0], [9.0, 10.0]]), np.full((2, 5), 3)

    monkeypatch.setattr(gate, "test_images", images)
    found, words, comparable = gate.against_champion(
        model("candidate", candidate), SimpleNamespace(), load(ROOT / "params.yaml")
    )
    assert comparable
    assert found is not None
    assert (found.low > 0.9) if better else (found.high < -1)
    assert found.images == 4
    assert seen == ["candidate", "champion"]
    assert words.endswith("it never saw the whole range of energy_ev")


def test_a_champion_for_another_detector_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    champion = hold(monkeypatch, model("champion", detector_mrad=(70, 200)))
    params = load(ROOT / "params.yaml")
    improvement, words, comparable = gate.against_champion(model("candidate"), SimpleNamespace(), params)
    assert (improvement, comparable) == (None, False)
    assert words.startswith("version 3 is for a detector of 70 to 200 mrad")
    # The model itself is compared with nothing, whatever it is for.
    assert gate.against_champion(champion, SimpleNamespace(), params)[2]
