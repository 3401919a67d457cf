"""Train the network on columns, which counts beside the network on pixels; its curve goes to that one's MLflow run."""

import json
import os
import shutil
from pathlib import Path

import mlflow
import pandas as pd
from tqdm import tqdm

from common import run_stage
from heamap.dataset.store import open_dataset
from heamap.lifecycle import tracking
from heamap.params import Params

STRUCTURES, IMAGES, RUN = Path("data/structures"), Path("data/images"), Path("models/run.json")
FOLDER = Path("models/columns")
NETWORK, CURVES, ABSENT = FOLDER / "columns.onnx", FOLDER / "learning_curves.csv", FOLDER / "none.json"

MAX_DIFFERENCE = 1e-3
"""Atoms that Keras and onnxruntime may lie apart."""


def train(params: Params) -> str:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    if not params.columns.epochs:
        ABSENT.write_text(json.dumps({"columns.epochs": 0}) + "\n")
        return "columns.epochs is 0: counts are read off the maps alone"
    # TensorFlow takes seconds to import.
    from heamap.columns import export
    from heamap.columns.examples import Examples
    from heamap.columns.fit import fit
    from heamap.errors import InputError

    examples = Examples(open_dataset(STRUCTURES, IMAGES), params)
    with (
        tracking.start_run("columns", params, tracking.read_pointer(RUN)),
        tqdm(total=params.columns.epochs, desc="training on columns", unit="epoch") as bar,
    ):

        def report(epoch: int, metrics: dict[str, float]) -> None:
            mlflow.log_metrics(metrics, step=epoch + 1)
            bar.set_postfix_str(" ".join(f"{name} {metrics[name]:.4f}" for name in SHOWN), refresh=False)
            bar.update()

        fitted = fit(params, examples, threads=len(os.sched_getaffinity(0)), report=report)
        content = export.to_onnx(fitted.network, opset=params.export.opset)
        held_out = [examples.make(int(sample), None) for sample in examples.dataset.split("validation")]
        apart = export.largest_difference(fitted.network, content, held_out)
        if apart > MAX_DIFFERENCE:
            raise InputError(f"the exported network on columns counts {apart:.2g} atoms unlike the trained one")
        NETWORK.write_bytes(content)
        curves = pd.DataFrame(fitted.history)
        curves.insert(0, "epoch", curves.index + 1)
        curves.to_csv(CURVES, index=False)
        tracking.log_files(NETWORK, CURVES)
    last = fitted.history[-1]
    return (
        f"trained {len(fitted.history)} epochs on columns: R2 of Pt {last['columns_val_r2_Pt']:.3f}, of the total "
        f"{last['columns_val_r2_total']:.3f} on validation images; onnxruntime at most {apart:.2g} atoms from Keras; "
        f"{NETWORK}"
    )


SHOWN = ("columns_loss", "columns_val_loss")


if __name__ == "__main__":
    run_stage(train)
