"""Train the network: ``horovodrun --gloo -np <train.ranks> python pipelines/train.py``; python alone for one rank."""

import shutil
from pathlib import Path

import mlflow
import pandas as pd
from tqdm import tqdm

from common import run_stage
from heamap.dataset.store import Dataset, open_dataset
from heamap.lifecycle import tracking
from heamap.params import Params
from heamap.training import checkpoint
from heamap.training.fit import Fitted, fit
from heamap.training.horovod import World, start
from heamap.training.precision import settled

STRUCTURES, IMAGES = Path("data/structures"), Path("data/images")
VALIDATION = Path("reports/validation.json")
MODEL, RUN = Path("models/model.keras"), Path("models/run.json")
CHECKPOINT = Path("models/checkpoint")
CHECKPOINT_RUN = CHECKPOINT / "run.json"
CURVES = Path("plots/training/learning_curves.csv")


def train(params: Params) -> str:
    world = start(params.train.ranks)
    params = settled(params, world)
    dataset = open_dataset(STRUCTURES, IMAGES)
    if not world.leads:
        fit(params, dataset, world=world, folder=CHECKPOINT, report=lambda *_: None)
        return f"rank {world.rank} of {world.size} finished"
    with tracking.start_run("train", params, run_to_resume(params, dataset)) as run:
        tracking.write_pointer(CHECKPOINT_RUN, run.info.run_id)
        tracking.log_validation(VALIDATION)
        fitted = fit_and_report(params, dataset, world)
        write(fitted, run.info.run_id)
        tracking.log_model(fitted.network)
        tracking.log_files(CURVES)
    shutil.rmtree(CHECKPOINT)
    return summary(fitted, mixed=bool(params.train.mixed_precision))


def run_to_resume(params: Params, dataset: Dataset) -> str | None:
    """The run of the killed training that this one goes on with."""
    if checkpoint.load(CHECKPOINT, fingerprint=checkpoint.fingerprint(params, dataset)) is None:
        return None
    return tracking.read_pointer(CHECKPOINT_RUN)


def fit_and_report(params: Params, dataset: Dataset, world: World) -> Fitted:
    """Train with a progress bar, and send every epoch to MLflow."""
    with tqdm(total=params.train.epochs, desc="training", unit="epoch") as bar:

        def report(epoch: int, metrics: dict[str, float]) -> None:
            mlflow.log_metrics(metrics, step=epoch + 1)
            bar.set_postfix_str(f"loss {metrics['loss']:.4f} val_loss {metrics['val_loss']:.4f}", refresh=False)
            bar.update(epoch + 1 - bar.n)

        return fit(params, dataset, world=world, folder=CHECKPOINT, report=report)


def write(fitted: Fitted, run_id: str) -> None:
    """Write the declared outputs."""
    for path in (MODEL, CURVES):
        path.parent.mkdir(parents=True, exist_ok=True)
    fitted.network.save(MODEL)
    curves = pd.DataFrame(fitted.history)
    curves.insert(0, "epoch", curves.index + 1)
    curves.to_csv(CURVES, index=False)
    tracking.write_pointer(RUN, run_id)


def summary(fitted: Fitted, *, mixed: bool) -> str:
    precision = "mixed bfloat16" if mixed else "float32"
    best = min(fitted.history, key=lambda metrics: metrics["val_loss"])
    return (
        f"trained {len(fitted.history)} epochs in {precision}; best in epoch {fitted.history.index(best) + 1}: "
        f"val_loss {best['val_loss']:.4f}, R2 of Pt {best['val_r2_Pt']:.3f}, of the total "
        f"{best['val_r2_total']:.3f}; {MODEL}"
    )


if __name__ == "__main__":
    run_stage(train)
