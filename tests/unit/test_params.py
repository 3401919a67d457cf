from pathlib import Path

import pytest
import yaml

from heamap.errors import InputError
from heamap.params import load

ROOT = Path(__file__).parents[2]


def edited(tmp_path: Path, block: str, **changes: object) -> Path:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values[block].update(changes)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("name", ["params.yaml", "params.paper.yaml", "params.release.yaml"])
def test_committed_sizes_are_valid(name):
    params = load(ROOT / name)

    assert params.base.field_angstrom == pytest.approx(params.base.pixels * params.base.sampling_angstrom)


def test_paper_size_is_the_papers():
    params = load(ROOT / "params.paper.yaml")

    assert (params.structures.samples, params.base.pixels, params.train.epochs, params.train.batch) == (
        10000,
        256,
        800,
        32,
    )
    assert params.base.field_angstrom == pytest.approx(51.2)
    assert params.structures.diameter_angstrom == (65.0, 75.0)
    assert params.train.filters == (32, 64, 128, 256)


def test_the_release_is_examined_at_the_dose_that_its_bound_is_tabulated_at():
    params = load(ROOT / "params.release.yaml")
    low, high = params.train.effects.dose_per_square_angstrom

    assert params.evaluate.dose_per_square_angstrom in params.bounds.dose_per_square_angstrom
    assert low < params.evaluate.dose_per_square_angstrom < high
    assert params.evaluate.targets is not None
    assert load(ROOT / "params.yaml").evaluate.targets is None


def test_unknown_key_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"train\.learnin_rate: Extra inputs.*got 0\.1"):
        load(edited(tmp_path, "train", learnin_rate=0.1))


def test_diameter_of_zero_is_refused_with_its_value(tmp_path):
    with pytest.raises(InputError, match=r"structures\.diameter_angstrom\.0: .*greater than 0 \(got 0"):
        load(edited(tmp_path, "structures", diameter_angstrom=[0, 40]))


def test_backward_range_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"from low to high"):
        load(edited(tmp_path, "simulate", detector_mrad=[95.0, 60.0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "multislice"}, r"simulate\.engine: Input should be 'reference' or 'thermal' \(got 'multislice'\)"),
        ({"reference_share": 1.5}, r"simulate\.reference_share: .*less than or equal to 1 \(got 1\.5\)"),
        ({"reference": {"configurations": 0, "window_angstrom": 7.5}}, r"simulate\.reference\.configurations: .*got 0"),
        (
            {"thermal": {"window_angstrom": 7.5, "wave": 24}},
            r"simulate\.thermal\.waves: Field required.*thermal\.wave: Extra",
        ),
        ({"configurations": 1}, r"simulate\.configurations: Extra inputs"),
        (
            {"engine": "reference", "reference": {"configurations": 4, "window_angstrom": 8.0, "vibrations": False}},
            r"simulate\.reference: .*all 4 configurations are the same one; set configurations to 1",
        ),
        (
            {"engine": "thermal", "reference": {"configurations": 1, "window_angstrom": 8.0, "vibrations": False}},
            r"simulate: .*the thermal engine cannot leave out vibrations.*set engine to reference",
        ),
    ],
)
def test_an_engine_that_is_not_there_or_is_set_wrong_is_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        load(edited(tmp_path, "simulate", **change))


def test_every_fault_is_named_in_one_line(tmp_path):
    with pytest.raises(InputError) as caught:
        load(edited(tmp_path, "train", epochs=0, batch=-1))

    assert "train.epochs" in str(caught.value)
    assert "train.batch" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_split_that_does_not_sum_to_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="sum to 1"):
        load(edited(tmp_path, "structures", split={"train": 0.5, "validation": 0.1, "calibration": 0.1, "test": 0.1}))


@pytest.mark.parametrize("name", ["energy_exponent", "background_most"])
def test_what_a_local_normalisation_erases_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=rf"train\.{name} needs train\.normalization absolute"):
        load(edited(tmp_path, "train", normalization="local", **{name: 0.005}))


def test_batch_that_ranks_cannot_share_is_refused(tmp_path):
    with pytest.raises(InputError, match="batch 9 cannot be shared by 2 ranks"):
        load(edited(tmp_path, "train", batch=9, ranks=2))


def test_crop_larger_than_the_field_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"yaml: Value error, train\.crop_pixels 4096 is larger than base\.pixels"):
        load(edited(tmp_path, "train", crop_pixels=4096))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "unet"}, r"train\.network: Input should be 'fcn', 'folded' or 'patched' \(got 'unet'\)"),
        (
            {"network": "folded", "crop_pixels": 168},
            r"crop_pixels 168 is not a multiple of 16, as 4 levels of train\.filters need in the network folded",
        ),
        ({"network": "patched", "frozen_epochs": 3}, r"frozen_epochs 3: patched normalises by no statistics"),
        ({"crop_pixels": 168, "filters": [1] * 5}, r"crop_pixels 168 is not a multiple of 16, .* network fcn"),
    ],
)
def test_a_network_that_is_not_there_or_does_not_fit_the_crop_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        load(edited(tmp_path, "train", **changes))


def test_a_loss_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.loss: .*'mse', 'weighted_mse' or 'column_mse' \(got 'mae'"):
        load(edited(tmp_path, "train", loss="mae"))


def test_a_way_of_reading_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"evaluate\.readout: Input should be 'peak' or 'fit' \(got 'sum'"):
        load(edited(tmp_path, "evaluate", readout="sum"))


def test_a_field_that_the_network_cannot_halve_is_refused(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["base"]["pixels"], values["train"]["network"] = 200, "folded"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=r"pixels 200 is not a multiple of 16, as train\.network folded and"):
        load(path)


def test_missing_and_broken_files_are_refused(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("base: [")
    with pytest.raises(InputError, match="not YAML"):
        load(broken)
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "absent.yaml")
