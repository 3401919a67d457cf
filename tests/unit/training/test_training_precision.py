from pathlib import Path

import pytest

from heamap.params import Params, load
from heamap.training import precision
from heamap.training.horovod import World
from heamap.training.step import training_network

ALONE = World(rank=0, size=1, threads=1)
# Lines of /proc/cpuinfo: two servers' x86, one of them without such products, and an Arm server's.
INTEL = "processor\t: 0\nmodel name\t: bf16\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16 amx_tile\n"
MILAN = "processor\t: 0\nmodel name\t: bf16\nflags\t\t: fpu avx avx2 fma\nbugs\t\t: none\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n"


def params(mixed: bool | str) -> Params:
    found = load(Path(__file__).parents[3] / "params.yaml")
    return found.model_copy(update={"train": found.train.model_copy(update={"mixed_precision": mixed})})


@pytest.mark.parametrize(("text", "has"), [(INTEL, True), (MILAN, False), (GRAVITON, True), ("", False)])
def test_the_processors_own_words_decide(tmp_path, text, has):
    (tmp_path / "cpuinfo").write_text(text)
    assert precision.processor_has_bfloat16(tmp_path / "cpuinfo") is has


def test_a_system_without_that_file_trains_in_float32(tmp_path):
    assert precision.processor_has_bfloat16(tmp_path / "absent") is False


@pytest.mark.parametrize("has", [True, False])
def test_auto_is_what_the_machine_is_made_for(monkeypatch, tmp_path, has):
    (tmp_path / "cpuinfo").write_text(INTEL if has else MILAN)
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(precision.tf.config, "get_visible_devices", lambda _: [])
    settled = precision.settled(params("auto"), ALONE)
    assert settled.train.mixed_precision is has
    assert settled == params(has)
    convolution = training_network(settled.train).get_layer("down0_in")
    assert convolution.compute_dtype == ("bfloat16" if has else "float32")


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_asked_for_stays(monkeypatch, asked):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: not asked)
    assert precision.settled(params(asked), ALONE).train.mixed_precision is asked


def test_the_leading_rank_decides_for_all(monkeypatch):
    class Second(World):
        def agree(self, value):
            return not value

    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    assert precision.settled(params("auto"), Second(1, 2, 1)).train.mixed_precision is False


def test_an_unsettled_precision_builds_no_network():
    with pytest.raises(ValueError, match="settled"):
        training_network(params("auto").train)
