import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from dask.distributed import LocalCluster

from heamap import params
from heamap.dataset import simulation
from heamap.dataset.store import ATOM_FIELDS, COLUMN_FIELDS, SAMPLE_FIELDS, open_dataset, write_structures
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.imaging import engines
from heamap.imaging.simulated import Simulated

SAMPLES = 3
TINY_BASE = params.Base(seed=4, pixels=32, sampling_angstrom=0.2)
TINY = params.Simulate.model_validate(
    {
        "engine": "reference",
        "reference_share": 0.0,
        "microscope": {
            "energy_ev": [180e3, 220e3],
            "semiangle_mrad": [15.0, 20.0],
            "defocus_angstrom": [-10.0, 10.0],
            "spherical_aberration_angstrom": [-5e4, 5e4],
            "astigmatism_angstrom": [18.0, 22.0],
            "astigmatism_angle_radian": [0.21, 0.28],
        },
        "detector_mrad": [50.0, 70.0],
        "slice_angstrom": 2.6,
        "margin_angstrom": 1.0,
        "workers": 1,
        "reference": {"configurations": 2, "window_angstrom": 6.0},
        "thermal": {"window_angstrom": 6.0, "waves": 4},
    }
)


def parameters(**simulate) -> params.Params:
    """The two blocks that the stage reads."""
    return params.Params.model_construct(base=TINY_BASE, simulate=TINY.model_copy(update=simulate))


def write_particles(folder, samples: int = SAMPLES, moved: int | None = None, splits=None) -> None:
    """Samples of two short columns each; ``moved`` has one atom elsewhere."""
    names = [f"s{sample:06d}" for sample in range(samples)]
    table = pd.DataFrame(dict.fromkeys(SAMPLE_FIELDS, 1.0), index=range(samples))
    table = table.assign(sample=np.arange(samples, dtype=np.int32), name=names, split=splits or "train")
    rows = [
        (sample, (sample + layer) % 5, x + (0.1 if sample == moved else 0.0), 3.2, 2.62 * layer, column)
        for sample in range(samples)
        for column, x in enumerate((2.1, 4.4))
        for layer in range(2)
    ]
    atoms = pd.DataFrame(rows, columns=list(ATOM_FIELDS))
    columns = pd.DataFrame(dict.fromkeys(COLUMN_FIELDS, 1), index=range(samples))
    columns = columns.assign(sample=np.arange(samples), order="01", in_field=True, **dict.fromkeys(ELEMENTS, 1))
    write_structures(folder, table, atoms, columns)


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def contents(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, scheduler):
    """Images of one worker of a cluster that is not ours; tests that change them copy first."""
    folder = tmp_path_factory.mktemp("one-worker")
    write_particles(folder / "structures")
    assert simulation.simulate_all(folder / "structures", folder / "images", parameters(), scheduler) == SAMPLES
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_every_sample_gets_its_image_and_record(finished):
    dataset = open_dataset(finished / "structures", finished / "images")
    for sample in range(SAMPLES):
        assert dataset.image(sample).max() > 1e-3
        assert dataset.samples.loc[sample, "relative_error"] > 0
    assert dataset.samples["energy_ev"].between(180e3, 220e3).all()
    assert dataset.samples["image_hash"].nunique() == SAMPLES


def test_two_workers_store_the_same_bytes_as_one(finished, tmp_path):
    simulation.simulate_all(finished / "structures", tmp_path / "images", parameters(workers=2))
    assert contents(tmp_path / "images") == contents(finished / "images")


def test_finished_samples_are_not_redone(copied):
    before = contents(copied / "images")
    assert simulation.simulate_all(copied / "structures", copied / "images", parameters(workers=2)) == 0
    assert contents(copied / "images") == before


def test_only_what_an_interruption_left_out_is_done(copied, scheduler):
    before = contents(copied / "images")
    (copied / "images" / "records" / "000001.json").unlink()
    (copied / "images" / "microscope.parquet").unlink()
    assert simulation.simulate_all(copied / "structures", copied / "images", parameters(), scheduler) == 1
    assert contents(copied / "images") == before


def test_a_sample_whose_atoms_moved_is_redone_alone(copied, scheduler):
    before = contents(copied / "images")
    write_particles(copied / "structures", moved=2)
    assert simulation.simulate_all(copied / "structures", copied / "images", parameters(), scheduler) == 1
    after = contents(copied / "images")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"images.zarr/c/2/0/0", "records/000002.json", "microscope.parquet"}


def test_samples_that_are_gone_leave_no_trace(copied):
    write_particles(copied / "structures", samples=2)
    assert simulation.simulate_all(copied / "structures", copied / "images", parameters()) == 0
    assert not (copied / "images" / "records" / "000002.json").exists()
    assert open_dataset(copied / "structures", copied / "images").samples.index.tolist() == [0, 1]


def test_the_reserve_is_not_simulated_and_leaves_no_trace(copied, tmp_path, scheduler):
    fresh = tmp_path / "fresh"
    for folder in (copied, fresh):
        write_particles(folder / "structures", splits=["train", "reserve", "train"])
    assert simulation.simulate_all(copied / "structures", copied / "images", parameters(), scheduler) == 0
    assert simulation.simulate_all(fresh / "structures", fresh / "images", parameters(), scheduler) == 2
    assert contents(copied / "images") == contents(fresh / "images")
    dataset = open_dataset(copied / "structures", copied / "images")
    assert dataset.samples.index.tolist() == dataset.split("train").tolist() == [0, 2]
    with pytest.raises(InputError, match="no sample 1"):
        dataset.image(1)


def test_a_failure_names_the_sample_and_keeps_what_is_finished(copied, scheduler):
    (copied / "images" / "records" / "000000.json").unlink()
    huge = parameters(margin_angstrom=60.0, reference=params.Reference(configurations=1, window_angstrom=200.0))
    with pytest.raises(
        InputError, match=r"sample s00000\d was not simulated: InputError: .*lower simulate.reference.window_angstrom"
    ):
        simulation.simulate_all(copied / "structures", copied / "images", huge, scheduler)
    assert simulation.simulate_all(copied / "structures", copied / "images", parameters(), scheduler) == 1


def test_a_scheduler_that_does_not_answer_is_named(copied, monkeypatch):
    monkeypatch.setattr(simulation, "CONNECT_TIMEOUT_SECONDS", 1)
    (copied / "images" / "records" / "000000.json").unlink()
    with pytest.raises(InputError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        simulation.simulate_all(copied / "structures", copied / "images", parameters(), "tcp://127.0.0.1:9")


def test_a_bar_in_a_log_file_is_lines_with_the_time_left(capsys):
    with simulation.progress(4, 1) as bar:
        bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert "1/4" in lines[0]
    assert "2/4" in lines[-1]
    assert not any("\r" in line for line in lines)


@pytest.fixture
def quick_thermal(monkeypatch) -> None:
    """A stand-in for the thermal engine, in this process."""

    def simulate(elements, positions, microscope, *, base, settings, sample):  # noqa: ARG001
        image = np.full((base.pixels, base.pixels), 1e-3 * sample, dtype=np.float32)
        return Simulated(image, settings.thermal.waves, 3, 0.08, 0.01)

    real, other = engines.engine, SimpleNamespace(ENGINE="thermal-0", simulate=simulate)
    monkeypatch.setattr(engines, "engine", lambda name: other if name == "thermal" else real(name))


@pytest.mark.usefixtures("quick_thermal")
def test_each_split_gets_its_engine_and_only_what_that_engine_reads_makes_it_again(tmp_path, scheduler):
    structures, images = tmp_path / "structures", tmp_path / "images"
    write_particles(structures, splits=["train", "validation", "test"])

    def simulate(**settings) -> int:
        return simulation.simulate_all(structures, images, parameters(engine="thermal", **settings), scheduler)

    assert simulate() == 3
    samples = open_dataset(structures, images).samples
    assert samples["engine"].tolist() == ["thermal-0", "thermal-0", engines.version("reference")]
    assert samples["configurations"].tolist() == [4, 4, 2]
    assert samples["relative_error"].tolist()[:2] == [0.01, 0.01]
    assert simulate(thermal=TINY.thermal.model_copy(update={"waves": 8})) == 2
    assert open_dataset(structures, images).samples["configurations"].tolist() == [8, 8, 2]


def test_the_reference_engines_samples_come_first_and_thick_particles_before_thin(tmp_path, scheduler, monkeypatch):
    order: list[int] = []

    def simulate(elements, positions, microscope, *, base, settings, sample):  # noqa: ARG001
        order.append(sample)
        return Simulated(np.full((base.pixels, base.pixels), 1e-3, dtype=np.float32), 1, 1, 0.08, 0.01)

    monkeypatch.setattr(engines, "engine", lambda name: SimpleNamespace(ENGINE=name, simulate=simulate))
    write_particles(tmp_path / "structures", samples=6, splits=["train", "test", "train", "test", "train", "test"])
    atoms = pd.read_parquet(tmp_path / "structures/atoms.parquet")
    tables = [pd.read_parquet(tmp_path / f"structures/{name}.parquet") for name in ("samples", "columns")]
    atoms["z"] *= 1 + atoms["sample"]
    write_structures(tmp_path / "structures", tables[0], atoms, tables[1])
    settings = parameters(engine="thermal")
    simulation.simulate_all(tmp_path / "structures", tmp_path / "images", settings, scheduler)
    assert order == [5, 3, 1, 4, 2, 0]


def test_a_worker_with_another_engine_is_refused(copied, scheduler, monkeypatch):
    (copied / "images" / "records" / "000000.json").unlink()
    monkeypatch.setattr(simulation, "engines", SimpleNamespace(version=lambda name: f"{name}-9"))
    with pytest.raises(InputError, match=r"a worker runs engine abtem-\S+, this process reference-9; install the same"):
        simulation.simulate_all(copied / "structures", copied / "images", parameters(), scheduler)


def test_a_record_holds_the_microscope_that_was_drawn(finished):
    record = json.loads((finished / "images" / "records" / "000000.json").read_text())
    assert record["detector_outer_mrad"] == 70.0
    assert record["configurations"] == 2
    assert record["engine"].startswith("abtem-")
