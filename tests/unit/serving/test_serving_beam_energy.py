from pathlib import Path

import numpy as np
import pytest
from serving_examples import calibrated, lattice_image

from heamap.acquisition import Acquisition, Fact
from heamap.contract import EnergyScale
from heamap.errors import InputError
from heamap_serving.calibration import Calibration
from heamap_serving.guarded import Reader
from heamap_serving.hyperspy_file import write_maps
from heamap_serving.io import read_micrograph
from heamap_serving.io.acquisition_metadata import beam_energy_ev
from heamap_serving.micrograph import Micrograph
from heamap_serving.outputs import source_record
from heamap_serving.score import score

GAIN = 1e-4


def stated(energy):
    return {"metadata": {"Acquisition_instrument": {"TEM": {"beam_energy": energy}}}}


def mapped(value, convert):
    """A file of a microscope's own format: the reader says where the energy stands, and does not carry it over."""
    place, target = "Image.Microscope Info.Voltage", "Acquisition_instrument.TEM.beam_energy"
    mapping = {"Image.Date": ("General.date", None), place: (target, convert)}
    return {"metadata": {}, "original_metadata": {"Image": {"Microscope Info": {"Voltage": value}}}, "mapping": mapping}


@pytest.fixture
def lattice():
    return lattice_image((150, 150), (0.2, 0.2))[0]


TOLD = EnergyScale(standard_ev=2e5, exponent=1.1)


def test_the_energy_comes_from_metadata_in_kev():
    assert beam_energy_ev(stated(200.0)) == 2e5
    assert beam_energy_ev(stated("300")) == 3e5


def test_the_energy_of_a_microscopes_own_format_is_where_the_reader_says():
    assert beam_energy_ev(mapped(200_000.0, lambda volts: volts / 1e3)) == 2e5
    assert beam_energy_ev(mapped("300", None)) == 3e5


def test_a_digitalmicrograph_file_states_its_voltage():
    path = Path(__file__).parents[4] / "shared/micrographs/ingrained_CdTe_twin_HAADF26.dm3"
    if not path.exists():
        pytest.skip("no micrographs here")
    assert read_micrograph(path).known.value("energy_ev") == 2e5


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"metadata": {"Acquisition_instrument": {}}},
        {"metadata": {"Acquisition_instrument": "TEM"}},
        mapped("high", lambda volts: float(volts) / 1e3),
        mapped([], lambda volts: volts / 1e3),
        mapped(None, lambda volts: volts / 1e3),
        {"mapping": {"Voltage": ("Acquisition_instrument.TEM.beam_energy", None)}},
        *(stated(energy) for energy in (None, "high", 0, float("nan"), [200.0])),
    ],
)
def test_other_metadata_state_no_energy(metadata):
    assert beam_energy_ev(metadata) is None


def test_counts_follow_the_energy_by_its_power(lattice, model_of):
    model = model_of(energy=TOLD)
    at_200, at_180 = (
        score(Micrograph(lattice, (0.2, 0.2)), model, calibrated(None, GAIN, 100.0, kev)) for kev in (200.0, 180.0)
    )
    np.testing.assert_allclose(at_180.counts, 0.9**1.1 * at_200.counts, rtol=1e-4)
    np.testing.assert_allclose(at_180.image, 0.9**1.1 * at_200.image, rtol=1e-5, atol=1e-7)
    assert at_180.known.value("energy_ev") == 180e3


def test_the_option_goes_before_the_file(lattice, model_of):
    micrograph = Micrograph(lattice, (0.2, 0.2), known=Acquisition.stated("file", energy_ev=190e3))
    model = model_of(energy=TOLD)
    assert score(micrograph, model, calibrated(None, GAIN)).known.energy_ev == Fact(190e3, "file")
    assert score(micrograph, model, calibrated(None, GAIN, energy_kev=210.0)).known.energy_ev == Fact(210e3, "option")


def test_a_model_that_uses_energies_refuses_without_one_and_names_the_option(lattice, model_of):
    with pytest.raises(InputError, match=r"beam energy \(--energy-kev E\); give it as an option"):
        score(Micrograph(lattice, (0.2, 0.2)), model_of(energy=TOLD), calibrated(None, GAIN))
    assert score(Micrograph(lattice, (0.2, 0.2)), model_of(), calibrated(None, GAIN)).known.energy_ev is None


@pytest.mark.parametrize("scale", [TOLD, None])
def test_another_energy_than_those_of_training_is_refused_where_brightness_counts(lattice, model_of, scale):
    calibration = calibrated(None, GAIN, energy_kev=300.0)
    with pytest.raises(InputError, match="beam energy 300 keV: the model was trained at 180 to 220 keV"):
        score(Micrograph(lattice, (0.2, 0.2)), model_of(energy=scale), calibration)
    local = score(Micrograph(lattice, (0.2, 0.2)), model_of(normalization="local"), calibration)
    assert len(local.counts)


@pytest.mark.parametrize("kev", [0.0, -200.0, float("nan"), float("inf")])
def test_an_impossible_energy_is_refused(kev):
    with pytest.raises(InputError, match="--energy-kev must be a positive number"):
        Calibration(energy_kev=kev)


def test_the_energy_of_a_file_reaches_the_score_and_its_record(tmp_path):
    import h5py

    path = tmp_path / "maps.hspy"
    write_maps(path, np.random.default_rng(0).random((40, 40, 5)).astype(np.float32), 0.2, (0.0, 0.0))
    with h5py.File(path, "r+") as file:
        experiment = next(iter(file["Experiments"].values()))
        image = experiment["data"][0]
        del experiment["data"]
        experiment.create_dataset("data", data=image, chunks=image.shape)
        shapes = [name for name in experiment if name.startswith("axis-")]
        leading = next(name for name in shapes if experiment[name].attrs["size"] == 5)
        del experiment[leading]
        for index, name in enumerate(name for name in shapes if name != leading):
            if name != f"axis-{index}":
                experiment.move(name, f"axis-{index}")
        experiment.require_group("metadata/Acquisition_instrument/TEM").attrs["beam_energy"] = 200.0
    with Reader(tmp_path) as reader:
        micrograph = reader.read(path)
    assert micrograph.known.energy_ev == Fact(2e5, "file")
    record = source_record({}, micrograph, Calibration(energy_kev=199.0))
    assert record["stated_in_file"]["energy_ev"]["value"] == 2e5
    assert record["options"]["energy_kev"] == 199.0
