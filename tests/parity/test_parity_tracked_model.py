"""The Keras model that MLflow keeps is the one that was logged."""

from pathlib import Path

import keras
import mlflow
import numpy as np
import pytest

from heamap.lifecycle import tracking
from heamap.network.architectures import ARCHITECTURES
from heamap.params import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("network", sorted(ARCHITECTURES))
def test_the_tracked_model_gives_the_same_maps_and_has_a_signature(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(3)
    model = ARCHITECTURES[network].build((4, 6))
    with tracking.start_run("train", load(ROOT / "params.yaml")) as run:
        tracking.log_model(model)
    logged = mlflow.search_logged_models(filter_string=f"source_run_id = '{run.info.run_id}'", output_format="list")
    uri = logged[0].model_uri
    image = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
    loaded = mlflow.keras.load_model(uri)
    assert np.array_equal(np.asarray(loaded(image, training=False)), np.asarray(model(image, training=False)))
    signature = mlflow.models.get_model_info(uri).signature
    assert signature.inputs.inputs[0].shape == (-1, -1, -1, 1)
    assert signature.outputs.inputs[0].shape == (-1, -1, -1, 5)
