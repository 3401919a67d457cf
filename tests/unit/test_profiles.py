from pathlib import Path

import pytest
import yaml

from heamap.errors import InputError
from heamap.paper import condition
from heamap.params import load
from heamap.profiles import merged, write_merged, write_whole

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "profiles/paper.yaml"


def test_blocks_are_merged_and_values_replaced_whole():
    values = {"a": {"b": 1, "c": [1, 2], "d": {"e": 3}}, "f": 4}
    overlay = {"a": {"c": [5], "d": {"g": 6}}, "h": 7}

    assert merged(values, overlay) == {"a": {"b": 1, "c": [5], "d": {"e": 3, "g": 6}}, "f": 4, "h": 7}
    assert values == {"a": {"b": 1, "c": [1, 2], "d": {"e": 3}}, "f": 4}


@pytest.mark.parametrize("overlay", [{"a": 1}, {"b": {"c": 1}}])
def test_a_block_and_a_value_do_not_replace_each_other(overlay):
    with pytest.raises(InputError, match="in the place of"):
        merged({"a": {"x": 0}, "b": 2}, overlay)


def test_the_challenger_of_the_release_has_more_particles_and_a_wider_window(tmp_path):
    base = load(ROOT / "params.release.yaml")
    write_merged(ROOT / "params.release.yaml", ROOT / "profiles/challenger.yaml", tmp_path / "params.yaml")
    changed = load(tmp_path / "params.yaml")

    assert changed.structures.samples > base.structures.samples
    assert changed.simulate.reference.window_angstrom > base.simulate.reference.window_angstrom
    wider = changed.simulate.reference
    shorter = {name: getattr(changed.train, name) for name in ("epochs", "patience", "crop_pixels")}
    assert changed == base.model_copy(
        update={
            "structures": changed.structures,
            "simulate": base.simulate.model_copy(update={"reference": wider}),
            "train": base.train.model_copy(update=shorter),
        }
    )


@pytest.mark.parametrize("name", ["params.yaml", "params.paper.yaml", "tests/pipeline/params.tiny.yaml"])
def test_the_papers_condition_is_one_of_atoms_at_rest_without_noise(name, tmp_path):
    base = load(ROOT / name)
    assert not condition.is_papers(base)
    write_merged(ROOT / name, PROFILE, tmp_path / "params.yaml")
    changed = load(tmp_path / "params.yaml")

    assert condition.is_papers(changed)
    assert changed.simulate.engine == "reference"
    assert (changed.train.normalization, changed.train.loss) == ("local", "mse")
    # The bound is tabulated at the very dose of the images, so that none of another dose is shown in its place.
    assert set(changed.bounds.dose_per_square_angstrom) == set(changed.train.effects.dose_per_square_angstrom)
    assert changed.bounds.totals == base.bounds.totals
    assert (changed.base, changed.structures, changed.simulate.microscope) == (
        base.base,
        base.structures,
        base.simulate.microscope,
    )


def test_a_profile_may_be_written_over_its_base(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text())
    write_merged(path, PROFILE, path)

    assert yaml.safe_load(path.read_text())["simulate"]["reference"] == {
        "configurations": 1,
        "window_angstrom": load(ROOT / "params.yaml").simulate.reference.window_angstrom,
        "vibrations": False,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("simulate: {engin: reference}", r"params\.yaml with .*profile\.yaml: simulate\.engin: Extra inputs"),
        ("simulate: [", "not YAML"),
        ("- 1", "expected blocks of parameters, got list"),
    ],
)
def test_a_profile_that_makes_no_parameters_is_refused_and_nothing_written(content, message, tmp_path):
    profile = tmp_path / "profile.yaml"
    profile.write_text(content)
    with pytest.raises(InputError, match=message):
        write_merged(ROOT / "params.yaml", profile, tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()


def test_a_missing_profile_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml: No such file"):
        write_merged(ROOT / "params.yaml", tmp_path / "absent.yaml", tmp_path / "out.yaml")


def test_a_whole_parameter_file_is_written_as_it_stands(tmp_path):
    write_whole(ROOT / "params.release.yaml", tmp_path / "params.yaml")
    assert (tmp_path / "params.yaml").read_text() == (ROOT / "params.release.yaml").read_text()


def test_a_whole_parameter_file_that_is_none_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(InputError, match="base: Field required"):
        write_whole(PROFILE, tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()
