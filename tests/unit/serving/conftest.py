import pytest
from serving_examples import make_contract, write_model

from heamap.contract import METADATA_KEY
from heamap_serving.session import load_model


@pytest.fixture
def model_file(tmp_path):
    return write_model(tmp_path / "model.onnx", {METADATA_KEY: make_contract().to_json()})


@pytest.fixture
def model_of(tmp_path):
    """A model of calibrated images whose contract is changed."""

    def load(**changes):
        contract = make_contract(**{"normalization": "absolute", **changes})
        return load_model(write_model(tmp_path / "m.onnx", {METADATA_KEY: contract.to_json()}))

    return load
