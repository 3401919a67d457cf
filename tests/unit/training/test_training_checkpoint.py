from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from heamap.params import load
from heamap.training import checkpoint
from heamap.training.checkpoint import State

STATE = State(
    variables=[np.arange(6.0).reshape(2, 3), np.array(7)],
    best=[np.ones(4, np.float32)],
    history=[{"loss": 0.1, "val_loss": 1 / 3}],
)


def test_a_state_comes_back_bit_for_bit(tmp_path):
    checkpoint.save(tmp_path / "new", STATE, fingerprint="a")
    back = checkpoint.load(tmp_path / "new", fingerprint="a")
    assert back is not None
    assert back.history == STATE.history
    for one, two in zip(back.variables + back.best, STATE.variables + STATE.best, strict=True):
        np.testing.assert_array_equal(one, two)
        assert one.dtype == two.dtype


def test_another_trainings_state_is_not_taken(tmp_path):
    assert checkpoint.load(tmp_path, fingerprint="a") is None
    checkpoint.save(tmp_path, STATE, fingerprint="b")
    assert checkpoint.load(tmp_path, fingerprint="a") is None


def test_a_kill_while_writing_leaves_the_last_whole_state(tmp_path):
    checkpoint.save(tmp_path, STATE, fingerprint="a")
    (tmp_path / "state.npz.partial").write_bytes(b"half a file")
    assert checkpoint.load(tmp_path, fingerprint="a") is not None
    checkpoint.save(tmp_path, STATE, fingerprint="a")
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_parameters_of_training_and_data_make_another_fingerprint_and_others_do_not():
    params = load(Path(__file__).parents[3] / "params.yaml")
    samples = pd.DataFrame({"split": ["train"], "structure_hash": ["s"], "image_hash": ["i"]})
    dataset = SimpleNamespace(samples=samples)
    first = checkpoint.fingerprint(params, dataset)
    faster = params.model_copy(update={"train": params.train.model_copy(update={"learning_rate": 0.5})})
    gate = params.model_copy(update={"gate": params.gate.model_copy(update={"min_skill_pt": 0.5})})
    assert checkpoint.fingerprint(faster, dataset) != first
    assert checkpoint.fingerprint(gate, dataset) == first
    assert checkpoint.fingerprint(params, SimpleNamespace(samples=samples.assign(image_hash="j"))) != first
