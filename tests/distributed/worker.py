"""One rank of a small training: ``worker.py DATA [--die RANK]``, in a folder with params.yaml."""

import argparse
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heamap.dataset.store import Dataset, open_dataset
from heamap.params import load
from heamap.training.fit import fit
from heamap.training.horovod import start

CHECKPOINT = Path("checkpoint")


@dataclass(frozen=True)
class Dying:
    """A dataset whose reader is killed at the first image after the first checkpoint."""

    dataset: Dataset

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)

    def image(self, sample: int) -> np.ndarray:
        if any(CHECKPOINT.glob("state.npz")):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.dataset.image(sample)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--die", type=int)
    options = parser.parse_args()
    params = load(Path("params.yaml"))
    world = start(params.train.ranks)
    dataset: Any = open_dataset(options.data / "structures", options.data / "images")
    if world.rank == options.die:
        dataset = Dying(dataset)
    epochs: list[int] = []
    fitted = fit(params, dataset, world=world, folder=CHECKPOINT, report=lambda epoch, _: epochs.append(epoch))
    np.savez(
        f"rank{world.rank}.npz",
        *fitted.network.get_weights(),
        history=[list(metrics.values()) for metrics in fitted.history],
        epochs=epochs,
    )
