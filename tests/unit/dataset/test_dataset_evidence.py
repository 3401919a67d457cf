"""The tables that validation rests on, of sound data and of data that were tampered with."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_dataset_statistics import SAMPLING, spots

from heamap.dataset import statistics
from heamap.dataset.store import array_hash
from heamap.elements import ELEMENTS

INSIDE = np.array([[20.3, 20.3], [20.3, 36.3], [36.3, 20.3]])
OUTSIDE = np.array([[36.3, 97.0]])
COUNTS = np.array([[1, 1, 1, 1, 1], [2, 0, 0, 0, 0], [0, 0, 3, 0, 0], [0, 1, 0, 0, 0]])
ORDERS = ("01234", "00", "222", "1")


class Data:
    """What the tables read of a dataset: two samples of one structure each, the same but for their names."""

    pixels = 96

    def __init__(self) -> None:
        self.images = [spots(INSIDE, np.full(3, 0.02)) for _ in range(2)]
        self.rows = pd.DataFrame(
            {
                "sample": 0,
                "column": np.arange(4),
                "row": [*INSIDE[:, 0], *OUTSIDE[:, 0]],
                "col": [*INSIDE[:, 1], *OUTSIDE[:, 1]],
                **dict(zip(ELEMENTS, COUNTS.T, strict=True)),
                "total": COUNTS.sum(axis=1),
                "order": ORDERS,
                "in_field": [True, True, True, False],
            }
        )
        self.samples = pd.DataFrame(
            {
                "name": ["a", "b"],
                "split": ["train", "test"],
                "chemistry": "motif",
                "structure_hash": ["one", "two"],
                "image_hash": [array_hash(image) for image in self.images],
                "engine": "e",
                "relative_error": 0.03,
                "n_atoms": COUNTS.sum(),
                **{f"fraction_{symbol}": 0.2 for symbol in ELEMENTS},
            }
        )

    def image(self, sample: int) -> np.ndarray:
        return self.images[sample]

    def columns(self, sample: int, *, in_field: bool = True) -> pd.DataFrame:
        own = self.rows.assign(sample=sample)
        return own[own["in_field"]] if in_field else own


def tables(data: Any) -> SimpleNamespace:
    return SimpleNamespace(
        samples=statistics.sample_table(data, sampling_angstrom=SAMPLING),
        columns=statistics.column_table(data, sampling_angstrom=SAMPLING),
    )


def test_sound_data_are_told_to_be_sound() -> None:
    found = tables(Data())
    assert found.samples["hash_agrees"].all()
    assert found.samples["splits_of_structure"].tolist() == [1, 1]
    assert found.samples["columns_listed"].tolist() == [3, 3]
    assert found.samples["matched_share"].tolist() == [1, 1]
    assert found.samples["stray_share"].tolist() == [0, 0]
    assert found.samples["atoms_uncounted"].tolist() == [0, 0]
    assert found.columns[["order_agrees", "field_agrees"]].all(axis=None)
    assert (found.columns["element_sum"] == found.columns["total"]).all()
    assert len(found.columns) == 8


def change_pixel(data: Data) -> None:
    data.images[0][5, 5] += 1e-6


def hide_a_column(data: Data) -> None:
    data.images[0] = spots(INSIDE[:2], np.full(2, 0.02))


def show_what_is_no_column(data: Data) -> None:
    data.images[0] = spots(np.vstack([INSIDE, [[60.0, 60.0]]]), np.full(4, 0.02))


def share_a_structure(data: Data) -> None:
    data.samples["structure_hash"] = "one"


def lose_an_atom(data: Data) -> None:
    data.samples.loc[0, "n_atoms"] += 1


@pytest.mark.parametrize(
    ("tamper", "name", "value"),
    [
        (change_pixel, "hash_agrees", False),
        (hide_a_column, "matched_share", pytest.approx(2 / 3)),
        (show_what_is_no_column, "stray_share", pytest.approx(1 / 4)),
        (share_a_structure, "splits_of_structure", 2),
        (lose_an_atom, "atoms_uncounted", 1),
    ],
)
def test_what_was_done_to_an_image_or_a_structure_shows(tamper, name, value) -> None:
    data = Data()
    tamper(data)
    assert tables(data).samples[name].iloc[0] == value


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [("order", "01233", "order_agrees"), ("order", "0123", "order_agrees"), ("in_field", False, "field_agrees")],
)
def test_what_was_done_to_a_column_shows(name, value, flag) -> None:
    data = Data()
    data.rows.loc[0, name] = value
    assert tables(data).columns[flag].tolist() == [False, True, True, True] * 2
