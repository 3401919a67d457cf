import json
import os
import subprocess
import sys

import numpy as np
import pytest
from serving_examples import WEIGHTS, make_contract, write_model

from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap_serving.session import load_model


def test_maps_come_out_in_element_order_and_scaled_to_atoms(tmp_path):
    contract = make_contract(intensity_scale=2.0)
    model = load_model(write_model(tmp_path / "m.onnx", {METADATA_KEY: contract.to_json()}))
    maps = model.predict(np.ones((1, 8, 16, 1), dtype=np.float32))
    assert maps.shape == (1, 8, 16, 5)
    np.testing.assert_allclose(maps[0, 3, 4], 2 * np.array(WEIGHTS))
    assert model.contract == contract
    assert model.provider in ("CPUExecutionProvider", "CUDAExecutionProvider")


def test_another_element_order_is_refused(tmp_path):
    values = json.loads(make_contract().to_json())
    values["elements"] = ["Co", "Fe", "Ni", "Pd", "Pt"]
    path = write_model(tmp_path / "m.onnx", {METADATA_KEY: json.dumps(values)})
    with pytest.raises(InputError, match=r"m\.onnx: contract: .*elements must be .*got \['Co', 'Fe'") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_model_without_contract_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no 'heamap\.contract'"):
        load_model(write_model(tmp_path / "m.onnx", {}))


def test_other_outputs_are_refused(tmp_path):
    metadata = {METADATA_KEY: make_contract().to_json()}
    with pytest.raises(InputError, match="atoms"):
        load_model(write_model(tmp_path / "m.onnx", metadata, output="atoms"))
    with pytest.raises(InputError, match="4 output channels"):
        load_model(write_model(tmp_path / "n.onnx", metadata, weights=(1.0, 2.0, 3.0, 4.0)))


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load_model(tmp_path / "m.onnx")
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError, match="not a usable ONNX model"):
        load_model(tmp_path / "m.onnx")


@pytest.mark.parametrize("module", ["heamap_serving.session", "heamap_serving", "heamap"])
def test_onnxruntime_reports_nothing_and_keeps_no_identifier(module, tmp_path):
    model = write_model(tmp_path / "m.onnx", {METADATA_KEY: make_contract().to_json()})
    home = tmp_path / "home"
    home.mkdir()
    # What onnxruntime takes for a reason to say nothing, where heamap gives it none.
    environment = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "CI")}
    code = f"import {module}; import sys; import onnxruntime; onnxruntime.InferenceSession(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, model], check=True, env=environment | {"HOME": str(home)})
    assert not [path for path in home.rglob("*") if "onnxruntime" in path.as_posix()]
