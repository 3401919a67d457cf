from pathlib import Path
from types import SimpleNamespace

import pytest

import gate
from heamap.contract import TrainingRanges
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


def model(sha256: str, **changes: object) -> SimpleNamespace:
    """What the comparison reads of a model before it runs it."""
    ranges = RANGES.model_copy(update=changes)
    return SimpleNamespace(sha256=sha256, contract=SimpleNamespace(sampling_angstrom=0.2, stride=8, ranges=ranges))


@pytest.fixture
def champion(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    held = model("champion", detector_mrad=(70, 200))
    monkeypatch.setattr(gate.decisions, "holder_of", lambda *_: "3")
    monkeypatch.setattr(gate.registry, "champion_onnx", lambda _: Path("champion.onnx"))
    monkeypatch.setattr(gate, "load_model", lambda _: held)
    return held


def test_a_champion_for_another_detector_is_not_compared(champion: SimpleNamespace) -> None:
    params = load(ROOT / "params.yaml")
    improvement, words, comparable = gate.against_champion(model("candidate"), SimpleNamespace(), params)
    assert (improvement, comparable) == (None, False)
    assert words.startswith("version 3 is for a detector of 70 to 200 mrad")
    # The model itself is compared with nothing, whatever it is for.
    assert gate.against_champion(champion, SimpleNamespace(), params)[2]
