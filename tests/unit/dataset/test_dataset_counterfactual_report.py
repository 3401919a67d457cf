from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heamap.dataset.counterfactual_report import assess, predicted_changes
from heamap.dataset.counterfactuals import ORIGINAL, VARIANTS, Counterfactuals
from heamap.elements import ELEMENTS
from heamap.evaluation import reading
from heamap.evaluation.counter import Counter
from heamap.evaluation.counterfactuals import DOSE, NOISE
from heamap.evaluation.targets import TARGETS
from heamap.imaging.normalize import ABSOLUTE_SCALE
from heamap.params import Params, load
from heamap.structures.edits import ORDER, SWAP_FE_NI, SWAP_PT_NI

PT, NI, PD, CO, FE = range(len(ELEMENTS))
PIXELS, GAP = 96, 16
PER_ATOM = 1e-3
BRIGHTNESS = np.array([3.0, 1.0, 2.0, 1.0, 1.0])
"""Of an atom of each element, in ``PER_ATOM``."""
SHARE = np.array([0.3, 0.1, 0.2, 0.2, 0.2])


def parameters(dose: float) -> Params:
    whole = load(Path(__file__).parents[3] / "params.yaml")
    none = dict.fromkeys(("source_fwhm_angstrom", "background_fraction", "pixel_jitter_angstrom"), (0.0, 0.0))
    none |= dict.fromkeys(("line_jitter_angstrom", "drift_fraction", "readout_noise"), (0.0, 0.0))
    effects = whole.train.effects.model_copy(update=none | {"dose_per_square_angstrom": (dose, dose), "bits": 0})
    train = whole.train.model_copy(update={"effects": effects, "normalization": "absolute"})
    base = whole.base.model_copy(update={"pixels": PIXELS})
    return whole.model_copy(update={"base": base, "train": train})


def edited(counts: np.ndarray, variant: str) -> np.ndarray:
    pair = {SWAP_FE_NI: [FE, NI], SWAP_PT_NI: [PT, NI]}.get(variant, [0, 0])
    after = counts.copy()
    after[:, pair] = counts[:, pair[::-1]]
    return after


def particles(samples: int) -> Counterfactuals:
    """Columns far apart, each a Gaussian as high as its atoms are bright; their order is not seen."""
    row, col = (axis.ravel() for axis in np.mgrid[GAP:PIXELS:GAP, GAP:PIXELS:GAP])
    pixel = np.mgrid[:PIXELS, :PIXELS]
    images, tables = [], []
    for sample in range(samples):
        counts = np.random.default_rng(sample).integers(0, 5, size=(len(row), 5))
        for variant in VARIANTS:
            own = edited(counts, variant)
            distance = (pixel[0][..., None] - row) ** 2 + (pixel[1][..., None] - col) ** 2
            images.append((np.exp(-distance / 8) @ (own @ BRIGHTNESS * PER_ATOM)).astype(np.float32))
            table = pd.DataFrame({"image": len(images) - 1, "edit": variant, "sample": sample, "row": row, "col": col})
            table[list(ELEMENTS)] = own
            tables.append(table.assign(column=np.arange(len(row)), in_field=row < PIXELS - GAP))
    return Counterfactuals(pd.concat(tables), np.stack(images))


def counter(params: Params) -> Counter:
    return Counter(reading.of_params(params), params.base.sampling_angstrom)


def at_200_kev(_: int) -> float:
    return 2e5


def thickness_meter(image: np.ndarray) -> np.ndarray:
    """Takes all brightness for atoms of one kind and shares them out by one composition."""
    return image / ABSOLUTE_SCALE / PER_ATOM * SHARE.astype(np.float32)


def test_a_network_that_reads_brightness_responds_as_its_brightness_does():
    params = parameters(1e14)
    report, figure = assess(
        particles(2),
        thickness_meter,
        counter(params),
        params=params,
        rng=np.random.default_rng(0),
        energy_ev=at_200_kev,
    )
    assert report["particles"] == 2
    swap = report["edits"][SWAP_PT_NI]
    # A column brightens by 2 for every Ni that becomes Pt, of which .3 are taken for Pt and .1 for Ni, that are lost.
    assert swap["Pt"]["response"]["value"] == pytest.approx(2 * 0.3, rel=0.01)
    assert swap["Ni"]["response"]["value"] == pytest.approx(-2 * 0.1, rel=0.01)
    assert swap["total"]["predicted_rms"]["value"] == pytest.approx(2 * swap["Pt"]["true_rms"]["value"], rel=0.01)
    assert report["edits"][SWAP_FE_NI]["Fe"]["response"]["value"] == pytest.approx(0, abs=0.01)
    for edit in (ORDER, DOSE):
        assert report["edits"][edit]["total"]["spurious"]["value"] < 0.01
    assert report["noise_floor"]["total"]["rms"]["value"] < 0.01
    assert len(figure.axes) == 4


def test_noise_alone_moves_predictions_as_the_dose_says():
    dose, sampling = 1e5, 0.2
    stored, params = particles(8), parameters(dose)
    moved = pd.concat(
        predicted_changes(stored, sample, thickness_meter, counter(params), params=params, energy_ev=2e5)
        for sample in stored.samples
    )
    bright = np.concatenate(
        [stored.columns(sample, ORIGINAL)[list(ELEMENTS)].to_numpy() @ BRIGHTNESS for sample in stored.samples]
    )
    # Two readings of a peak pixel, each of Poisson variance signal / electrons; the spline passes through the pixels.
    expected = np.sqrt(2 * bright.mean() / PER_ATOM / (dose * sampling**2))
    noise = moved.loc[moved["edit"] == NOISE, "pred_total"]
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(expected, rel=0.1)
    # The doubled dose has half the variance, and shares nothing else with the first exposure's shot noise.
    doubled = moved.loc[moved["edit"] == DOSE, "pred_total"]
    assert np.sqrt(np.mean(doubled**2)) == pytest.approx(expected * np.sqrt(0.75), rel=0.15)
    assert not moved.loc[moved["edit"].isin([DOSE, NOISE, ORDER]), [f"true_{target}" for target in TARGETS]].any(
        axis=None
    )


def test_only_columns_in_the_field_are_read():
    stored, params = particles(1), parameters(1e14)
    moved = predicted_changes(stored, 0, thickness_meter, counter(params), params=params, energy_ev=2e5)
    assert moved.groupby("edit").size().unique().tolist() == [len(stored.columns(0, ORIGINAL))]
    assert len(stored.columns(0, ORIGINAL)) < (stored.table["edit"] == ORIGINAL).sum()
