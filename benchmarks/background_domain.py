"""What the scorer says of images whose background, black level, gain or scan is not as in training.

    python benchmarks/background_domain.py [MODEL.onnx] [--motifs data/motifs/motifs.json] [--keep FOLDER]

The example micrograph, and two particles of the release's generator (one with vacuum around, one that fills the field
but for its corners), simulated by the thermal engine and exposed as in training. To each are added flat, textured and
sloping backgrounds; its black level and its gain are told wrong; its scan stops. Prints a table in Markdown for each:
verdict, columns found of those that are there, false columns, mean total over the truth of those that are found.
Without ``--motifs`` the example alone. A particle takes half a minute to simulate; images are kept in the folder named.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
from heamap_serving.readers import read_micrograph
from scipy.spatial import KDTree

from heamap.dataset.task import Task, run
from heamap.errors import InputError
from heamap.imaging.effects import background, degrade
from heamap.params import Params, load
from heamap.structures.motif import read_motif
from heamap.structures.sample import draw_sample
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import Calibration, score
from heamap_serving.session import Model, load_model

Image = npt.NDArray[np.float32]

RELEASED = Path("serving/heamap_serving/released/heamap-fcn.onnx")
PARTICLES = {"27 Angstrom across, vacuum around": 8, "60 Angstrom across, vacuum in the corners": 42}
"""Numbers of samples of ``params.release.yaml``."""

TEXTURE_CONTRAST = 0.2
TEXTURE_ANGSTROM = (2.0, 4.0)
"""Of an amorphous support: relative standard deviation, and the periods that it holds alike."""

NEAR_ANGSTROM = 1.0
"""A column found no further from a true one is that one."""


@dataclass(frozen=True)
class Seen:
    """An image in fractions of the beam, and the truth.

    Attributes
    ----------
    image : (rows, cols) float32
    places : (n, 2) row and column of the true columns in its pixels
    totals : (n,) their atoms
    """

    image: Image
    step_angstrom: float
    energy_kev: float
    places: npt.NDArray[np.float64]
    totals: npt.NDArray[np.float64]


def example(params: Params) -> Seen:
    micrograph = read_micrograph(Path("examples/micrographs/PtNiPdCoFe.tif"))
    truth, told = pd.read_csv("examples/truth/PtNiPdCoFe.csv"), params.score
    image = (micrograph.image - np.float32(told.black_level)) * np.float32(told.beam_fraction_per_count)
    step = micrograph.sampling_angstrom[0]
    return Seen(image, step, told.energy_kev, truth[["row_px", "col_px"]].to_numpy(), truth["total"].to_numpy(float))


def simulated(number: int, params: Params, motifs: Path, folder: Path) -> Seen:
    sample = draw_sample(number, params.base, params.structures, read_motif(motifs))
    path = folder / f"{number}.npz"
    if not path.exists():
        clean, record = run(Task(number, "thermal", sample.species, sample.positions, params.base, params.simulate))
        np.savez(path, clean=clean, energy_ev=record["energy_ev"])
    stored, step = np.load(path), params.base.sampling_angstrom
    rng = np.random.default_rng(number)
    image = degrade(stored["clean"], effects=params.train.effects, sampling_angstrom=step, rng=rng)
    inside = sample.columns[sample.columns["in_field"]]
    places, totals = inside[["row", "col"]].to_numpy(float), inside["total"].to_numpy(float)
    return Seen(image, step, float(stored["energy_ev"]) / 1e3, places, totals)


def amorphous(shape: tuple[int, int], level: float, step: float) -> npt.NDArray[np.float64]:
    """A support whose thickness scatters evenly over all periods of ``TEXTURE_ANGSTROM``."""
    noise = np.fft.fft2(np.random.default_rng(0).standard_normal(shape))
    frequency = np.hypot(np.fft.fftfreq(shape[0], step)[:, None], np.fft.fftfreq(shape[1], step))
    low, high = (1 / period for period in reversed(TEXTURE_ANGSTROM))
    texture = np.fft.ifft2(np.where((frequency >= low) & (frequency <= high), noise, 0)).real
    return level * (1 + TEXTURE_CONTRAST * texture / texture.std())


def cases(seen: Seen) -> dict[str, Callable[[], Image]]:
    """Images in fractions of the beam, as the scorer is told to read them, by what is wrong with them."""
    image, step = seen.image, seen.step_angstrom
    shape = (image.shape[0], image.shape[1])
    down, across = np.mgrid[: shape[0], : shape[1]] / np.array(shape)[:, None, None]
    count = 1.145e-6

    def rough(level: float) -> npt.NDArray[np.float64]:
        rng = np.random.default_rng(1)
        return background(np.zeros(shape), fraction=level, sampling_angstrom=step, rng=rng)

    def stopped() -> Image:
        cut = image.copy()
        cut[int(0.625 * shape[0]) :] = -4324 * count
        return cut

    return {
        "as it is": lambda: image,
        **{f"flat, {level:g}": lambda level=level: image + level for level in (0.004, 0.008, 0.012, 0.02, 0.03)},
        "textured over 8 Angstrom, .015": lambda: image + rough(0.015),
        "amorphous, 2 to 4 Angstrom, .015": lambda: image + amorphous(shape, 0.015, step),
        **{
            f"slope along {name}, to {rise:g}": lambda slant=slant, rise=rise: image + rise * slant
            for rise in (0.002, 0.005, 0.01, 0.02)
            for name, slant in (("rows", down), ("columns", across), ("both", (down + across) / 2))
        },
        **{f"black level {off} counts too low": lambda off=off: image + off * count for off in (10000, 30000, 60000)},
        **{f"black level {off} counts too high": lambda off=off: image - off * count for off in (3000, 5000, 10000)},
        "ImageJ's 32768 counts": lambda: image + 32768 * count,
        **{f"gain {factor:g} times too high": lambda factor=factor: image * factor for factor in (2, 3, 4)},
        "scan stopped, the rest far below black": stopped,
    }


def said(image: Image, seen: Seen, model: Model) -> tuple[str, ...]:
    """Cells of a table."""
    step, angles = seen.step_angstrom, model.contract.ranges.detector_mrad
    told = Calibration(beam_fraction_per_count=1.0, black_level=0.0, energy_kev=seen.energy_kev, detector_mrad=angles)
    try:
        found = score(Micrograph(np.ascontiguousarray(image, np.float32), (step, step)), model, told)
    except InputError as refusal:
        return ("refused", "", "", "", "", str(refusal))
    roi = found.region.roi
    there = np.ones(len(seen.places), bool) if roi is None else seen.places[:, 0] < roi[1] + roi[3]
    places, totals = seen.places[there], seen.totals[there]
    mine = found.places_px(model.contract.sampling_angstrom)
    false = KDTree(places).query(mine)[0] > NEAR_ANGSTROM / step
    away, nearest = KDTree(mine).query(places)
    hit = away <= NEAR_ANGSTROM / step
    ratio = found.counts.sum(axis=1)[nearest[hit]].sum() / totals[hit].sum()
    reasons = "; ".join(found.domain.reasons) if found.domain else ""
    columns = f"{hit.sum()} of {len(places)}"
    return (found.domain.verdict, columns, str(false.sum()), f"{ratio:.3f}", f"{found.background:.4f}", reasons)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=RELEASED)
    parser.add_argument("--motifs", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--reasons", action="store_true", help="print them, too")
    options = parser.parse_args()
    model, params = load_model(options.model), load(Path("params.release.yaml"))
    with TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        images = {"the example": example(params)}
        if options.motifs:
            images |= {name: simulated(number, params, options.motifs, folder) for name, number in PARTICLES.items()}
    for name, seen in images.items():
        print(f"\n| {name} | verdict | columns | false | total over truth | taken off |\n|---|---|---|---|---|---|")
        for case, make in cases(seen).items():
            *cells, reasons = said(make(), seen, model)
            print(f"| {case} | {' | '.join(cells)} |{f' {reasons} |' if options.reasons else ''}", flush=True)


if __name__ == "__main__":
    main()
