import json
import pickle

import numpy as np
import pytest
import tifffile
from serving_examples import calibrated, lattice_image, make_contract

from heamap.acquisition import Acquisition, Fact
from heamap.acquisition.microscope import Detector, Microscope
from heamap.cli import main
from heamap.contract import EnergyScale
from heamap.errors import InputError
from heamap_serving.calibration import (
    Calibration,
    NotCalibratedError,
    beam_scale_of,
    demand,
    fact_doubts,
    hints_of,
    resolve,
)
from heamap_serving.detector_scans import with_detector
from heamap_serving.micrograph import BeamScale, Frames, Micrograph

IMAGE = np.ones((2, 2), np.float32)
ENERGY = EnergyScale(standard_ev=2e5, exponent=1.1)


def micrograph(steps=(0.2, 0.2), frames=None, **facts):
    return Micrograph(IMAGE, steps, known=Acquisition.stated("file", **facts), frames=frames)


def test_each_number_comes_from_its_option_else_from_the_file():
    file = micrograph(beam_fraction_per_count=1e-4, black_level=300.0)
    for known, used in (
        (Calibration(), BeamScale(1e-4, 300.0)),
        (Calibration(beam_fraction_per_count=2e-4), BeamScale(2e-4, 300.0)),
        (Calibration(black_level=0.0), BeamScale(1e-4, 0.0)),
    ):
        assert beam_scale_of(resolve(known, file)) == used


def test_a_black_level_that_nobody_states_is_not_taken_for_zero():
    known = resolve(Calibration(beam_fraction_per_count=1e-4), micrograph())
    assert beam_scale_of(known) is None
    with pytest.raises(NotCalibratedError, match=r"black level \(--black-level N\)"):
        demand(resolve(calibrated(None, 1e-4, None), micrograph()), make_contract(normalization="absolute"), "")


def test_all_that_is_missing_is_named_at_once_in_one_line():
    contract = make_contract(normalization="absolute", energy=ENERGY)
    with pytest.raises(NotCalibratedError) as caught:
        demand(resolve(Calibration(), micrograph(None)), contract, "no pixel size in the file")
    line = str(caught.value)
    for option in ("sampling-angstrom", "beam-fraction-per-count", "black-level", "energy-kev", "detector-mrad"):
        assert f"--{option}" in line
    assert "no pixel size in the file" in line
    assert "heamap microscope init" in line
    assert "\n" not in line
    assert str(pickle.loads(pickle.dumps(caught.value))) == line
    # The paper's normalisation needs a pixel size alone.
    demand(resolve(Calibration(), micrograph()), make_contract(), "")


def test_the_microscope_goes_before_the_file_and_an_option_before_both():
    microscope = Microscope(energy_kev=300.0, detectors={"HAADF": Detector(angles_mrad=(58, 190), black_level=7)})
    file = micrograph(energy_ev=2e5, detector_mrad=(60, 95), detector="HAADF")
    known = resolve(Calibration(microscope=microscope, energy_kev=250.0), file)
    assert known.energy_ev == Fact(2.5e5, "option")
    assert known.detector_mrad == Fact((58.0, 190.0), "microscope")
    assert known.black_level == Fact(7.0, "microscope")
    assert known.sampling_angstrom == Fact((0.2, 0.2), "file")


def test_the_microscope_goes_before_what_a_file_lets_be_computed():
    own = Acquisition().derived("file", "from the screen current", beam_fraction_per_count=1e-6)
    image = Micrograph(IMAGE, (0.2, 0.2), known=own)
    microscope = Microscope(detectors={"HAADF": Detector(beam_fraction_per_count=2e-6)})
    assert resolve(Calibration(microscope=microscope), image).value("beam_fraction_per_count") == 2e-6
    assert resolve(Calibration(), image).beam_fraction_per_count.derived == "from the screen current"


def test_where_microscope_and_file_disagree_the_image_is_doubtful_unless_an_option_decides():
    microscope, contract = Microscope(energy_kev=200.0), make_contract(normalization="absolute")
    file = micrograph(energy_ev=3e5)
    (line,) = fact_doubts(*both(Calibration(microscope=microscope), file), contract)
    assert (
        "the microscope's file says 200 keV, the image's 300 keV; the former was used, --energy-kev E decides" in line
    )
    assert fact_doubts(*both(Calibration(microscope=microscope, energy_kev=200.0), file), contract) == []
    assert fact_doubts(*both(Calibration(microscope=microscope), micrograph(energy_ev=2.001e5)), contract) == []


def both(calibration, image):
    return resolve(calibration, image), calibration, image


def test_a_probe_of_another_convergence_than_training_is_doubtful():
    contract = make_contract(normalization="absolute")
    (line,) = fact_doubts(*both(Calibration(semiangle_mrad=25.0), micrograph()), contract)
    assert "25 mrad, in training 15 to 20" in line
    assert fact_doubts(*both(Calibration(), micrograph(semiangle_mrad=18.0)), contract) == []


def test_a_gain_given_for_added_frames_is_doubtful_until_the_user_says_how_they_were_added():
    contract = make_contract(normalization="absolute")
    calibration = calibrated(None, 1e-4, 10.0)
    (line,) = fact_doubts(*both(calibration, micrograph(frames=Frames(4, "align"))), contract)
    assert "4 frames were added" in line
    assert fact_doubts(*both(calibration, micrograph(frames=Frames(4, "sum", chosen=True))), contract) == []
    assert fact_doubts(*both(calibration, micrograph(frames=Frames(1, "single", first=2))), contract) == []


def test_a_dose_is_computed_from_current_dwell_time_and_pixel():
    known = resolve(Calibration(beam_current_pa=50.0), micrograph((0.2, 0.2), dwell_time_s=2e-6))
    # 50 pA for 2 us: 624.15 electrons on .04 square Angstrom.
    assert known.value("dose_per_square_angstrom") == pytest.approx(15603.8, rel=1e-4)
    assert known.dose_per_square_angstrom.derived
    assert known.dose_per_square_angstrom.source == "option"
    stated = resolve(Calibration(dose_per_square_angstrom=1e4), micrograph(dwell_time_s=2e-6, beam_current_pa=50.0))
    assert stated.dose_per_square_angstrom == Fact(1e4, "option")


@pytest.fixture
def scan_file(tmp_path):
    rows, cols = np.mgrid[:200, :200]
    inside = np.abs(np.hypot(rows - 100, cols - 100) - 55) < 30
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, np.where(inside, 41_000, 1_000).astype(np.uint16), imagej=True)
    return path


def test_a_scan_of_the_detector_gives_gain_and_black_level(scan_file):
    known = resolve(with_detector(Calibration(), scan=scan_file), micrograph())
    assert known.value("beam_fraction_per_count") == pytest.approx(1 / 40_000)
    assert known.black_level == Fact(1000.0, "option", "from the image of the detector")
    given = resolve(with_detector(Calibration(beam_fraction_per_count=3e-6), scan=scan_file), micrograph())
    assert given.beam_fraction_per_count == Fact(3e-6, "option")


def test_a_scan_at_another_current_needs_that_of_the_images(scan_file):
    known = with_detector(Calibration(beam_current_pa=20.0), scan=scan_file, scan_current_pa=10.0)
    assert resolve(known, micrograph()).value("beam_fraction_per_count") == pytest.approx(1 / 80_000)
    from_file = with_detector(Calibration(), scan=scan_file, scan_current_pa=10.0)
    in_file = micrograph(beam_current_pa=5.0)
    assert resolve(from_file, in_file).value("beam_fraction_per_count") == pytest.approx(1 / 20_000)
    assert resolve(from_file, micrograph()).value("beam_fraction_per_count") is None


def test_a_microscope_may_name_a_scan_beside_it(scan_file, tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(f"detectors: {{HAADF: {{angles_mrad: [60, 95], scan: {scan_file.name}}}}}")
    known = resolve(with_detector(Calibration(), microscope=path), micrograph())
    assert known.beam_fraction_per_count.source == "microscope"
    assert known.value("beam_fraction_per_count") == pytest.approx(1 / 40_000)
    assert known.value("black_level") == 1000.0


def test_wrong_images_of_a_detector_are_named_with_their_option(tmp_path):
    flat = tmp_path / "flat.npy"
    np.save(flat, np.full((64, 64), 3.0))
    for options, line in (
        ({"scan": flat}, "--detector-scan .*flat.npy: .* constant"),
        ({"scan": tmp_path / "absent.tif"}, "--detector-scan .*absent.tif"),
        ({"vacuum_beam": flat}, r"--vacuum-beam .*--black-level"),
        ({"scan": flat, "vacuum_beam": flat}, "not both"),
        ({"scan_current_pa": 3.0}, "needs --detector-scan"),
    ):
        with pytest.raises(InputError, match=line):
            with_detector(Calibration(), **options)
    known = with_detector(Calibration(black_level=1.0), vacuum_beam=flat)
    assert resolve(known, micrograph()).value("beam_fraction_per_count") == pytest.approx(0.5)


def test_the_command_line_writes_a_microscope_and_scores_with_it(tmp_path, model_of, capsys):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    ours, model = tmp_path / "ours.yaml", model_of()
    assert main(["microscope", "init", str(ours)]) == 0
    text = ours.read_text().replace("[60, 95]", "[70, 200]").replace("# beam_fraction_per_count: 1.2e-6", "#")
    ours.write_text(
        text.replace("    # black_level: 1200", "    beam_fraction_per_count: 1.0e-4\n    black_level: 100")
    )
    arguments = ["score", str(tmp_path / "a.tif"), "--out", str(tmp_path / "o"), "--tables"]
    model_path = str(tmp_path / model.name)
    assert main([*arguments, "--model", model_path, "--microscope", str(ours)]) == 0
    record = json.loads((tmp_path / "o" / "a" / "provenance.json").read_text())
    taken = record["acquisition"]
    assert taken["black_level"]["source"] == taken["detector_mrad"]["source"] == "microscope"
    assert taken["energy_ev"]["value"] == 2e5
    assert taken["sampling_angstrom"]["source"] == "file"
    capsys.readouterr()
    assert main(["microscope", "init", str(ours)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_what_was_given_and_does_not_tell_is_named():
    contract = make_contract(normalization="absolute")
    two = Microscope(detectors={"HAADF": Detector(black_level=1), "BF": Detector()})
    measured = Calibration(scan=Detector(beam_fraction_per_count=1e-6, black_level=1, current_pa=10.0))
    for calibration, image, line in (
        (Calibration(microscope=two), micrograph(), "the microscope's file has BF, HAADF without a default_detector"),
        (Calibration(microscope=two), micrograph(detector="HAADF-S"), "is of the detector HAADF-S, and the microscope"),
        (measured, micrograph(), "the gain belongs to a beam current: give that of the images with --beam-current-pa"),
    ):
        known = resolve(calibration, image)
        with pytest.raises(NotCalibratedError, match=line):
            demand(known, contract, "", hints_of(calibration, image, known))
    assert hints_of(Calibration(microscope=two), micrograph(detector="HAADF"), Acquisition()) == ()


def test_a_gain_is_brought_to_the_current_that_is_recorded():
    detector = Detector(beam_fraction_per_count=1e-6, current_pa=10.0)
    microscope = Microscope(beam_current_pa=20.0, detectors={"HAADF": detector})
    known = resolve(Calibration(microscope=microscope), micrograph(beam_current_pa=40.0))
    assert known.value("beam_current_pa") == 20.0
    assert known.value("beam_fraction_per_count") == pytest.approx(5e-7)
    known = resolve(Calibration(microscope=microscope, beam_current_pa=5.0), micrograph(beam_current_pa=40.0))
    assert known.value("beam_fraction_per_count") == pytest.approx(2e-6)
