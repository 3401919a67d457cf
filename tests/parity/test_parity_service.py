"""The registered model as MLflow's own server serves it: the same columns as the scorer's."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest

from heamap.contract import METADATA_KEY, Contract, EnergyScale
from heamap.errors import InputError
from heamap.lifecycle import flavor, tracking
from heamap.lifecycle.lineage import sha256
from heamap.params import load
from heamap_serving.calibration import Calibration
from heamap_serving.micrograph import Micrograph
from heamap_serving.outputs import column_table, count
from heamap_serving.score import score
from heamap_serving.session import load_model

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/unit/serving"))
from serving_examples import lattice_image, make_contract, write_model  # noqa: E402

SECONDS = 240.0
"""A loaded machine takes long to start the server."""


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model in a registry of its own, as ``models:/tiny@champion``."""
    return register(tmp_path, monkeypatch, make_contract())


def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: Contract) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
    monkeypatch.chdir(tmp_path)
    path = write_model(tmp_path / "model.onnx", {METADATA_KEY: contract.to_json()})
    with tracking.start_run("train", load(ROOT / "params.yaml")):
        info = flavor.log_model(onnx.load(path), sha256(path), ["onnx"])
    version = mlflow.register_model(info.model_uri, "tiny").version
    mlflow.MlflowClient().set_registered_model_alias("tiny", "champion", version)
    return path


def expected(image: np.ndarray, path: Path) -> pd.DataFrame:
    model = load_model(path)
    scored = score(Micrograph(image, None), model, Calibration(sampling_angstrom=0.2))
    return column_table(scored, 0.2, count(scored, model))


def post(url: str, rows: list[dict[str, object]]) -> dict[str, list[dict[str, float]]]:
    body = json.dumps({"dataframe_records": rows}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_the_function_gives_the_scorers_columns_and_checks_its_file(registered: Path) -> None:
    first, second = (lattice_image(shape, (0.2, 0.2))[0] for shape in ((100, 110), (90, 120)))
    served = mlflow.pyfunc.load_model("models:/tiny@champion")
    table = pd.DataFrame({"image": [first.tolist(), second.tolist()], "sampling_angstrom": [0.2, 0.2]})
    found = served.predict(table)
    for row, image in enumerate((first, second)):
        part = found[found["request_row"] == row].drop(columns="request_row").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected(image, registered))
    counts = np.rint(first).astype(int)
    found = served.predict(pd.DataFrame({"image": [counts.tolist()], "sampling_angstrom": [0.2]}))
    pd.testing.assert_frame_equal(found.drop(columns="request_row"), expected(counts.astype(np.float32), registered))
    ragged = pd.DataFrame({"image": [[[1.0, 2.0], [3.0]]], "sampling_angstrom": [0.2]})
    with pytest.raises(mlflow.MlflowException, match="row 0: image must be rows of numbers"):
        served.predict(ragged)
    told = pd.DataFrame(
        {"image": [first.tolist()], "sampling_angstrom": [0.2], "composition": ["Pt=60,Ni=10,Pd=10,Co=10,Fe=10"]}
    )
    found = served.predict(told)
    assert found["Pt"].sum() == pytest.approx(0.6 * found["total"].sum())
    with pytest.raises(mlflow.MlflowException, match="row 0: --composition must name each"):
        served.predict(told.assign(composition="Pt=100"))
    stored = Path(mlflow.artifacts.download_artifacts("models:/tiny@champion")) / "model.onnx"
    stored.write_bytes(stored.read_bytes() + b"\0")
    with pytest.raises(InputError, match="recorded was"):
        mlflow.pyfunc.load_model(str(stored.parent))


def test_a_model_of_calibrated_images_is_told_the_calibration_in_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = EnergyScale(standard_ev=2e5, exponent=1.1)
    path = register(tmp_path, monkeypatch, make_contract(normalization="absolute", energy=scale))
    served = mlflow.pyfunc.load_model("models:/tiny@champion")
    image = lattice_image((100, 110), (0.2, 0.2))[0]
    request = {"image": [image.tolist()], "sampling_angstrom": [0.2]}
    known = {
        "beam_fraction_per_count": [1e-4],
        "black_level": [100.0],
        "energy_kev": [190.0],
        "detector_inner_mrad": [80.0],
        "detector_outer_mrad": [180.0],
    }
    found = served.predict(pd.DataFrame(request | known)).drop(columns="request_row")
    calibration = Calibration(0.2, 1e-4, 100.0, 190.0, detector_mrad=(80.0, 180.0))
    model = load_model(path)
    scored = score(Micrograph(image, None), model, calibration)
    pd.testing.assert_frame_equal(found, column_table(scored, 0.2, count(scored, model)))
    with pytest.raises(mlflow.MlflowException, match=r"row 0: .*--beam-fraction-per-count"):
        served.predict(pd.DataFrame(request))
    with pytest.raises(mlflow.MlflowException, match=r"row 0: .*--energy-kev"):
        served.predict(pd.DataFrame(request | {"beam_fraction_per_count": [1e-4]}))
    with pytest.raises(mlflow.MlflowException, match=r"row 0: .*both are needed: detector_inner_mrad"):
        served.predict(pd.DataFrame(request | known).drop(columns="detector_outer_mrad"))
    with pytest.raises(mlflow.MlflowException, match=r"row 0: .*--detector-mrad"):
        served.predict(pd.DataFrame(request | known).drop(columns=["detector_inner_mrad", "detector_outer_mrad"]))


def test_mlflows_server_answers_with_columns_or_one_line(registered: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/tiny@champion"]
    server = subprocess.Popen(
        [*command, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)], start_new_session=True
    )
    try:
        url, start = f"http://127.0.0.1:{port}", time.monotonic()
        while True:
            try:
                urllib.request.urlopen(f"{url}/ping", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() - start < SECONDS
                time.sleep(0.5)
        image = lattice_image((100, 110), (0.2, 0.2))[0]
        answer = post(f"{url}/invocations", [{"image": image.tolist(), "sampling_angstrom": 0.2}])
        found = pd.DataFrame(answer["predictions"])
        wanted = expected(image, registered)
        assert found["request_row"].eq(0).all()
        np.testing.assert_allclose(found["total"], wanted["total"], rtol=1e-6)
        np.testing.assert_allclose(found[["row_px", "col_px"]], wanted[["row_px", "col_px"]], rtol=1e-6)
        # A detector's counts are whole numbers, and JSON knows which numbers are.
        counts = np.rint(image).astype(int)
        answer = post(f"{url}/invocations", [{"image": counts.tolist(), "sampling_angstrom": 0.2, "energy_kev": 200}])
        wanted = expected(counts.astype(np.float32), registered)
        np.testing.assert_allclose(pd.DataFrame(answer["predictions"])["total"], wanted["total"], rtol=1e-6)
        for wrong, message in (
            ({"image": image.tolist(), "sampling_angstrom": 5}, "pixel size 5 Angstrom"),
            ({"image": "text", "sampling_angstrom": 0.2}, "image must be rows of numbers"),
            ({"image": 7, "sampling_angstrom": 0.2}, "image must be rows of numbers"),
            ({"image": [[1, None], [2, 3]], "sampling_angstrom": 0.2}, "row 0: "),
            ({"image": [], "sampling_angstrom": 0.2}, "row 0: "),
            ({"sampling_angstrom": 0.2}, "image"),
        ):
            with pytest.raises(urllib.error.HTTPError) as caught:
                post(f"{url}/invocations", [wrong])
            assert caught.value.code == 400
            assert message in json.load(caught.value)["message"]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
