import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from heamap.dataset.images import ImageFolder
from heamap.dataset.store import RECORD_FIELDS, open_dataset, open_structures, write_structures
from heamap.elements import ELEMENTS
from heamap.errors import InputError

PIXELS = 16


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Two samples of two columns each; the second column of each sample lies outside the field."""
    samples = pd.DataFrame(
        {
            "sample": np.arange(2, dtype=np.int32),
            "name": ["s000000", "s000001"],
            "split": ["train", "test"],
            "chemistry": ["independent", "motif"],
            "diameter_angstrom": [20.0, 30.0],
            "thickness_angstrom": [18.0, 28.0],
            "field_kind": ["centre", "edge"],
            "rotation_radian": [0.1, 0.2],
            "n_atoms": [3, 3],
            "n_columns": [1, 1],
            **{f"fraction_{symbol}": [0.2, 0.2] for symbol in ELEMENTS},
            "structure_hash": ["a", "b"],
        }
    )
    atoms = pd.DataFrame(
        {
            "sample": np.array([1, 0, 1, 0, 1, 0], dtype=np.int32),
            "element": np.array([0, 1, 2, 3, 4, 0], dtype=np.int8),
            "x": np.arange(6) * 0.1,
            "y": np.arange(6) * 0.2,
            "z": np.arange(6) * 0.3,
            "column": np.array([0, 0, 0, 0, 1, 1], dtype=np.int32),
        }
    )
    columns = pd.DataFrame(
        {
            "sample": np.array([0, 0, 1, 1], dtype=np.int32),
            "column": np.array([0, 1, 0, 1], dtype=np.int32),
            "row": [3.0, 20.0, 4.5, -2.0],
            "col": [5.0, 1.0, 6.5, 3.0],
            **{symbol: np.array([1, 0, 0, 1], dtype=np.int16) for symbol in ELEMENTS},
            "total": np.array([5, 0, 0, 5], dtype=np.int16),
            "order": ["01234", "", "", "43210"],
            "in_field": [True, False, True, False],
        }
    )
    return samples, atoms, columns


def record(energy: float = 2e5, error: float = float("nan")) -> dict:
    values = dict.fromkeys(RECORD_FIELDS, 1.0)
    return values | {"energy_ev": energy, "engine": "test-1", "relative_error": error}


def image(level: float) -> np.ndarray:
    return np.linspace(0, level, PIXELS**2, dtype=np.float32).reshape(PIXELS, PIXELS)


def fill(folder, samples: int = 2) -> ImageFolder:
    images = ImageFolder(folder, samples=samples, pixels=PIXELS)
    for sample in range(samples):
        images.write(sample, image(sample + 1), key=f"key{sample}", record=record(2e5 + sample))
    return images


@pytest.fixture
def stored(tmp_path):
    write_structures(tmp_path / "structures", *tables())
    fill(tmp_path / "images").finish()
    return tmp_path / "structures", tmp_path / "images"


def test_each_sample_gets_its_own_atoms_in_the_order_they_came(stored):
    _, atoms, _ = tables()
    structures = open_structures(stored[0])
    for sample in (0, 1):
        expected = atoms[atoms["sample"] == sample].reset_index(drop=True)
        pd.testing.assert_frame_equal(structures.atoms(sample), expected)


def test_columns_are_those_in_the_field_unless_all_are_wanted(stored):
    structures = open_structures(stored[0])
    assert structures.columns(1)["column"].tolist() == [0]
    assert structures.columns(1, in_field=False)["order"].tolist() == ["", "43210"]


def test_a_sample_without_atoms_has_an_empty_table(tmp_path):
    samples, atoms, columns = tables()
    write_structures(tmp_path, samples, atoms[atoms["sample"] == 1], columns[columns["sample"] == 1])
    structures = open_structures(tmp_path)
    assert structures.atoms(0).empty
    assert len(structures.atoms(1)) == 3


def test_threads_that_read_side_by_side_get_their_own_samples(tmp_path):
    number = 150
    samples, atoms, columns = tables()
    samples = pd.concat([samples[:1]] * number).assign(sample=np.arange(number, dtype=np.int32))
    columns = pd.concat([columns[:1].assign(sample=np.int32(sample), row=float(sample)) for sample in range(number)])
    write_structures(tmp_path, samples, atoms, columns)
    opened = open_structures(tmp_path)
    asked = list(range(number)) * 8
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda sample: opened.columns(sample)["row"].item(), asked))
    assert found == asked


def test_splits_hold_their_samples(stored):
    dataset = open_dataset(*stored)
    assert dataset.split("train").tolist() == [0]
    assert dataset.split("test").tolist() == [1]
    with pytest.raises(InputError, match="'validation'"):
        dataset.split("validation")


def test_the_dataset_joins_images_and_microscopes_to_structures(stored):
    dataset = open_dataset(*stored)
    assert dataset.pixels == PIXELS
    assert dataset.samples.loc[1, "energy_ev"] == 200001.0
    assert dataset.samples.loc[1, "name"] == "s000001"
    assert np.isnan(dataset.samples.loc[0, "relative_error"])
    np.testing.assert_array_equal(dataset.image(1), image(2))
    assert dataset.image(1).dtype == np.float32


def test_a_sample_that_is_not_there_is_refused(stored):
    with pytest.raises(InputError, match="no sample 2"):
        open_dataset(*stored).image(2)
    with pytest.raises(InputError, match="no sample -1"):
        open_structures(stored[0]).atoms(-1)


def test_a_missing_field_is_refused_by_its_name(tmp_path):
    samples, atoms, columns = tables()
    with pytest.raises(ValueError, match=r"columns lacks \['in_field'\]"):
        write_structures(tmp_path, samples, atoms, columns.drop(columns="in_field"))


def test_rows_of_no_sample_are_refused(tmp_path):
    samples, atoms, columns = tables()
    with pytest.raises(ValueError, match="there are 1 samples"):
        write_structures(tmp_path, samples[:1], atoms, columns)


def test_a_missing_or_broken_table_is_named(stored):
    (stored[0] / "atoms.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"atoms\.parquet: not a readable Parquet file"):
        open_structures(stored[0])
    (stored[0] / "samples.parquet").unlink()
    with pytest.raises(InputError, match=r"samples\.parquet is missing"):
        open_structures(stored[0])


def test_images_of_other_structures_are_refused(tmp_path):
    write_structures(tmp_path / "structures", *tables())
    fill(tmp_path / "images", samples=1).finish()
    with pytest.raises(InputError, match="images of 1 samples"):
        open_dataset(tmp_path / "structures", tmp_path / "images")


def test_an_image_is_finished_under_its_own_key_only(tmp_path):
    fill(tmp_path)
    again = ImageFolder(tmp_path, samples=2, pixels=PIXELS)
    assert again.is_finished(0, "key0")
    assert not again.is_finished(0, "another")


def test_a_record_without_its_image_is_not_finished(tmp_path):
    images = fill(tmp_path)
    (tmp_path / "images.zarr" / "c" / "1" / "0" / "0").unlink()
    assert images.is_finished(0, "key0")
    assert not images.is_finished(1, "key1")


def test_a_broken_record_is_not_finished(tmp_path):
    images = fill(tmp_path)
    (tmp_path / "records" / "000001.json").write_text("")
    assert not images.is_finished(1, "key1")


def test_samples_beyond_the_number_are_removed(tmp_path):
    fill(tmp_path, samples=2)
    images = ImageFolder(tmp_path, samples=1, pixels=PIXELS)
    assert images.is_finished(0, "key0")
    assert [path.name for path in (tmp_path / "records").iterdir()] == ["000000.json"]
    assert not any(path.is_file() for path in (tmp_path / "images.zarr" / "c" / "1").rglob("*"))


def test_images_of_another_size_are_made_anew(tmp_path):
    fill(tmp_path)
    images = ImageFolder(tmp_path, samples=2, pixels=2 * PIXELS)
    assert not images.is_finished(0, "key0")


def test_records_are_the_same_bytes_when_written_again(tmp_path):
    fill(tmp_path / "one")
    fill(tmp_path / "two")
    path = "records/000001.json"
    assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    assert json.loads((tmp_path / "one" / path).read_text())["relative_error"] is None
