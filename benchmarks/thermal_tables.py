"""Tables and pictures of the thermal engine beside frozen phonons."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from thermal_cases import BASE, CASES, DETECTORS, EDGE_ANGSTROM, WAVES, Case

from heamap.imaging.columns import column_intensities


@dataclass(frozen=True)
class Comparison:
    """The columns of one particle on one detector.

    Attributes
    ----------
    references : (configurations, columns) of each phonon configuration
    images : (configurations, rows, cols)
    totals : (columns,) atoms
    """

    references: npt.NDArray[np.float64]
    images: npt.NDArray[np.float64]
    totals: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]
    cols: npt.NDArray[np.float64]

    def columns(self, image: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Column-integrated intensities of an image."""
        return column_intensities(image, self.rows, self.cols, BASE.sampling_angstrom)


def comparison(case: Case, detector: int, folder: Path) -> Comparison:
    """Read the finished configurations of a case."""
    particle = case.particle
    cols, rows = particle.centres.T / BASE.sampling_angstrom
    rim = EDGE_ANGSTROM / BASE.sampling_angstrom
    whole = np.all((np.stack([rows, cols]) > rim) & (np.stack([rows, cols]) < BASE.pixels - 1 - rim), axis=0)
    paths = sorted(folder.glob(f"{case.name}-*.npz"))
    # The first detector needs more configurations than the second.
    stored = [np.load(path)["images"] for path in paths]
    images = np.stack([image[detector] for image in stored if detector < len(image)])
    found = Comparison(np.empty(0), images, particle.totals[whole], rows[whole], cols[whole])
    return replace(found, references=np.stack([found.columns(image) for image in images]))


HEADER = (
    "particle",
    "kV, mrad",
    "detector",
    "waves",
    "sum",
    "thin, middle, thick",
    "columns r.m.s.",
    "less noise",
    "own estimate",
    "reference s.e.",
    "image r.m.s.",
    "less noise",
    "thermal s",
    "reference s a configuration",
    "times cheaper",
)


def tables(references: Path, thermals: Path, pictures: Path) -> None:
    """Print the tables of what is finished, and draw the pictures."""
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    for case in CASES:
        for number, detector in enumerate(DETECTORS):
            finished = [
                (waves, np.load(path))
                for waves in WAVES
                if (path := thermals / f"{case.name}-{detector[0]:.0f}-{waves}.npz").exists()
            ]
            if not finished:
                continue
            exact = comparison(case, number, references)
            for waves, found in finished:
                print(row(case, detector, waves, exact, found), flush=True)
            if finished:
                draw(case, detector, exact, finished[-1][1]["image"], pictures)


def row(
    case: Case, detector: tuple[float, float], waves: int, exact: Comparison, found: Mapping[str, npt.NDArray[Any]]
) -> str:
    """One row of the table.

    "Less noise" is without the mean square error of the reference's own mean. "Times cheaper" is the time of as many
    reference configurations as scatter that much, over the thermal engine's time.
    """
    image, count = found["image"], len(exact.images)
    columns, mean = exact.columns(image), exact.references.mean(axis=0)
    size, image_size = (mean**2).mean(), (exact.images.mean(axis=0) ** 2).mean()
    scatter = exact.references.var(axis=0, ddof=1).mean() / size
    image_noise = (exact.images.var(axis=0, ddof=1) / count).mean() / image_size
    error = ((columns - mean) ** 2).mean() / size
    image_error = ((image - exact.images.mean(axis=0)) ** 2).mean() / image_size
    own = max(error - scatter / count, 0)
    thirds = [columns[some].sum() / mean[some].sum() for some in np.array_split(np.argsort(exact.totals), 3)]
    thermal_seconds, reference_seconds = float(found["seconds"]), float(found["reference"])
    cells = [
        f"{case.name} ({len(columns)} of {exact.totals.min()}-{exact.totals.max()} atoms)",
        f"{case.energy_ev / 1e3:.0f}, {case.semiangle_mrad:.0f}",
        f"{detector[0]:.0f}-{detector[1]:.0f}",
        str(waves),
        f"{columns.sum() / mean.sum():.3f}",
        ", ".join(f"{ratio:.2f}" for ratio in thirds),
        percent(error),
        percent(own),
        f"{100 * float(found['error']):.1f} %",
        f"{percent(scatter / count)} ({count})",
        percent(image_error),
        percent(max(image_error - image_noise, 0)),
        f"{thermal_seconds:.1f}",
        f"{reference_seconds:.1f}",
        f"{scatter / own * reference_seconds / thermal_seconds:.0f}" if own else "",
    ]
    return "| " + " | ".join(cells) + " |"


def percent(square: float) -> str:
    """Root of a mean square in percent."""
    return f"{100 * np.sqrt(square):.1f} %"


def draw(
    case: Case, detector: tuple[float, float], exact: Comparison, image: npt.NDArray[np.floating], folder: Path
) -> None:
    """Reference, thermal image, difference, and line profiles through the brightest column."""
    folder.mkdir(parents=True, exist_ok=True)
    mean = exact.images.mean(axis=0)
    top = mean.max()
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    shown = (
        ("frozen phonons", mean, 0, top),
        ("thermal", image, 0, top),
        ("difference", image - mean, -top / 5, top / 5),
    )
    for axis, (title, picture, low, high) in zip(axes, shown, strict=False):
        drawn = axis.imshow(picture, vmin=low, vmax=high, cmap="gray" if low == 0 else "RdBu_r")
        axis.set(title=title, xticks=[], yticks=[])
        figure.colorbar(drawn, ax=axis, shrink=0.8)
    line = int(np.unravel_index(mean.argmax(), mean.shape)[0])
    place = np.arange(BASE.pixels) * BASE.sampling_angstrom
    error = exact.images.std(axis=0, ddof=1)[line] / np.sqrt(len(exact.images))
    axes[3].fill_between(place, mean[line] - error, mean[line] + error, color="0.8", label="standard error")
    axes[3].plot(place, mean[line], "k", label="frozen phonons")
    axes[3].plot(place, image[line], color="#D55E00", label="thermal")
    axes[3].set(title="row through the brightest column", xlabel="x (Å)", ylabel="fraction of the beam")
    axes[3].set_ylim(0, 1.45 * top)
    axes[3].legend(frameon=False, loc="upper right")
    figure.savefig(folder / f"thermal-{case.name}-{detector[0]:.0f}.png", dpi=110)
    plt.close(figure)
