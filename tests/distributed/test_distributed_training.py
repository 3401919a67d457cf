"""Two real Horovod ranks over Gloo, against one process and against themselves."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

EPOCHS = 5


def weights(folder: Path, rank: int = 0) -> list[np.ndarray]:
    with np.load(folder / f"rank{rank}.npz") as stored:
        return [stored[name] for name in stored.files if name.startswith("arr_")]


@pytest.mark.parametrize(
    "changes",
    [{}, {"network": "folded", "loss": "column_mse"}, {"network": "patched"}, {"frozen_epochs": 1}],
    ids=["paper", "folded", "patched", "frozen"],
)
def test_two_ranks_on_two_halves_of_a_batch_give_the_weights_of_one_process_on_the_whole(launch, tmp_path, changes):
    for ranks in (1, 2):
        done = launch(f"ranks{ranks}", ranks=ranks, **changes)
        assert done.returncode == 0, done.stderr
    alone, leading, other = (
        weights(tmp_path / "ranks1"),
        weights(tmp_path / "ranks2"),
        weights(tmp_path / "ranks2", 1),
    )
    for one, two in zip(leading, other, strict=True):
        np.testing.assert_array_equal(one, two)
    with np.load(tmp_path / "ranks1/rank0.npz") as one, np.load(tmp_path / "ranks2/rank0.npz") as two:
        # Every rank has looked at its own validation images, and the metrics are of all of them.
        np.testing.assert_allclose(two["history"], one["history"], rtol=2e-3, atol=1e-3)
    for one, two in zip(alone, leading, strict=True):
        # Adam divides a gradient by its own size, so the rounding of the smallest ones is seen at the scale of the
        # learning rate, .002: 1 % of that.
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("frozen", [0, EPOCHS])
def test_a_killed_rank_stops_the_run_which_then_resumes_to_the_same_bits(launch, tmp_path, frozen):
    launch = partial(launch, frozen_epochs=frozen)
    whole = launch("whole", ranks=2, epochs=EPOCHS)
    assert whole.returncode == 0, whole.stderr

    killed = launch("killed", "--die", "1", ranks=2, epochs=EPOCHS)
    assert killed.returncode != 0
    assert "Process name: 1" in killed.stderr
    assert "Exit code: -9" in killed.stderr or "Exit code: 137" in killed.stderr
    assert not (tmp_path / "killed/rank0.npz").exists()

    resumed = launch("killed", ranks=2, epochs=EPOCHS)
    assert resumed.returncode == 0, resumed.stderr
    with np.load(tmp_path / "killed/rank0.npz") as again, np.load(tmp_path / "whole/rank0.npz") as first:
        assert 0 < again["epochs"][0] < EPOCHS
        np.testing.assert_array_equal(again["history"], first["history"])
    for one, two in zip(weights(tmp_path / "whole"), weights(tmp_path / "killed"), strict=True):
        np.testing.assert_array_equal(one, two)


def test_two_ranks_train_compiled_and_in_mixed_precision_to_the_same_weights(launch, tmp_path):
    done = launch("compiled", ranks=2, xla=True, mixed_precision=True)
    assert done.returncode == 0, done.stderr
    for one, two in zip(weights(tmp_path / "compiled"), weights(tmp_path / "compiled", 1), strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, two)


def test_training_ends_when_it_no_longer_improves_and_gives_the_weights_of_its_best_epoch(launch, tmp_path):
    launch = partial(launch, ranks=1, schedule="constant", learning_rate=0.1, warmup_epochs=0.0)
    assert launch("stopped", epochs=12, patience=1).returncode == 0
    with np.load(tmp_path / "stopped/rank0.npz") as stored:
        losses = stored["history"][:, 1]
    best = int(losses.argmin())
    assert len(losses) == best + 2 < 12
    assert launch("best", epochs=best + 1, patience=12).returncode == 0
    for one, two in zip(weights(tmp_path / "stopped"), weights(tmp_path / "best"), strict=True):
        np.testing.assert_array_equal(one, two)
