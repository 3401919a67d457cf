import pytest
from serving_examples import make_contract, write_model

from heamap.contract import METADATA_KEY


@pytest.fixture
def model_file(tmp_path):
    return write_model(tmp_path / "model.onnx", {METADATA_KEY: make_contract().to_json()})
