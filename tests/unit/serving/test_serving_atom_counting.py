import numpy as np
import pytest
from serving_examples import lattice_image, make_contract

from heamap.contract import CountingLine
from heamap.evaluation.table import integrated_intensity
from heamap_serving import atom_counting
from heamap_serving.atom_counting import cell_intensities, count_atoms

LINE = CountingLine(slope=2e-3, intercept=-1.0, r2=0.9, columns=100, radius_angstrom=1.1)


def test_bands_give_what_the_whole_image_gives(monkeypatch):
    image, positions = lattice_image((150, 120), (0.2, 0.2), spacing=1.7)
    whole = integrated_intensity(image, *positions.T, sampling_angstrom=0.2)
    monkeypatch.setattr(atom_counting, "BAND_PIXELS", 13 * 120)
    np.testing.assert_allclose(cell_intensities(image, positions, 0.2, 1.1), whole)


def test_totals_are_read_off_the_line_and_never_negative():
    image, positions = lattice_image((100, 100), (0.2, 0.2))
    found = count_atoms(image, positions, make_contract(counting=LINE), calibrated=True)
    np.testing.assert_allclose(found.totals, np.maximum(2e-3 * found.intensities - 1, 0))
    dark = count_atoms(np.zeros_like(image), positions, make_contract(counting=LINE), calibrated=True)
    assert (dark.totals == 0).all()


@pytest.mark.parametrize(("line", "calibrated", "reason"), [(None, True, "no counting line"), (LINE, False, "--beam-")])
def test_without_a_line_or_a_calibrated_image_there_are_no_totals(line, calibrated, reason):
    image, positions = lattice_image((100, 100), (0.2, 0.2))
    found = count_atoms(image, positions, make_contract(counting=line), calibrated=calibrated)
    assert found.totals is None
    assert reason in found.reason
    assert len(found.intensities) == len(positions)
