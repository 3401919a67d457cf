import json

import numpy as np
import pytest
from serving_examples import lattice_image

import heamap
from heamap import released
from heamap.cli import main
from heamap.errors import InputError
from heamap_serving.choice import choose
from heamap_serving.finished import file_sha256


@pytest.fixture
def no_registry(tmp_path, monkeypatch):
    """A folder without a registry."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shipped(tmp_path, model_file):
    """A folder as ``heamap release`` makes it."""
    digest = file_sha256(model_file)
    record = released.Released(sha256=digest, bytes=model_file.stat().st_size, run_id="r1", commit="c1", heamap="9.9.9")
    released.write(tmp_path / "shipped", record, model_file.read_bytes(), "# A model\n")
    return tmp_path / "shipped"


@pytest.mark.usefixtures("no_registry")
def test_a_named_file_goes_before_the_released_model(shipped, model_file):
    choice = choose(model_file, shipped=shipped)
    assert (choice.path, choice.origin) == (model_file, "the file that was named")


def test_without_a_registry_the_released_model_scores_and_says_so(no_registry, shipped, capsys):
    model = choose(shipped=shipped).load()
    said = capsys.readouterr().err
    assert said == f"model: released with heamap 9.9.9 (heamap-fcn.onnx, SHA-256 {model.sha256[:16]})\n"
    image, _ = lattice_image((150, 160), (0.2, 0.2))
    record = heamap.score(image, sampling_angstrom=0.2, model=model).provenance["model"]
    assert (record["origin"], record["version"]) == ("released with heamap 9.9.9", None)
    assert not (no_registry / "mlflow.db").exists()


@pytest.mark.usefixtures("no_registry")
def test_a_released_model_that_is_not_the_recorded_one_is_refused(shipped):
    path = shipped / released.RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0" * 64}))
    with pytest.raises(InputError, match="recorded was 000"):
        choose(shipped=shipped).load()


@pytest.mark.usefixtures("no_registry")
def test_a_champion_asked_for_by_name_is_not_replaced_by_the_released_model(shipped):
    with pytest.raises(InputError, match="other has no champion in sqlite"):
        choose(model_name="other", shipped=shipped)


def test_where_there_is_none_every_way_to_one_is_named(no_registry):
    with pytest.raises(InputError) as refused:
        choose(shipped=no_registry / "absent")
    for words in ("has no champion in sqlite", "give --model FILE", "none ships with this heamap"):
        assert words in str(refused.value)


def test_the_command_line_says_which_model_scored(no_registry, model_file, capsys):
    np.save("image.npy", lattice_image((150, 160), (0.2, 0.2))[0])
    command = ["score", "image.npy", "--out", "out", "--sampling-angstrom", "0.2", "--model", str(model_file)]
    assert main(command) == 0
    assert "model: the file that was named (model.onnx, SHA-256 " in capsys.readouterr().err
    record = json.loads((no_registry / "out/image/provenance.json").read_text())
    assert record["model"]["origin"] == "the file that was named"
