"""What scoring costs beside its network, what its network costs beside TensorFlow's, and how much memory it takes.

    python benchmarks/scoring_speed.py scoring MODEL.onnx IMAGE --pixels 1024 2048 4096
    python benchmarks/scoring_speed.py runtimes MODEL.onnx MODEL.keras
    python benchmarks/scoring_speed.py memory MODEL.onnx IMAGE --pixels 2048 4096 8192

Wall seconds and CPU seconds (of the process and its children), alternating in one process. IMAGE is repeated to the
sizes asked for. CPU seconds say more on a machine that others use.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from heamap.contract import INPUT_NAME
from heamap_serving import tiles
from heamap_serving.batch import find_micrographs, score_batch
from heamap_serving.calibration import Calibration
from heamap_serving.io import read_micrograph
from heamap_serving.options import DEFAULTS, Options, read_options
from heamap_serving.resample import Resampler
from heamap_serving.session import Model, load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scoring", "runtimes", "memory", "one", "reading"))
    parser.add_argument("model", type=Path)
    parser.add_argument("other", type=Path, help="a micrograph, or the Keras model for runtimes")
    parser.add_argument("--pixels", type=int, nargs="+", default=[1024])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--tables", action="store_true", help="scoring draws nothing")
    parser.add_argument("--beam-fraction-per-count", type=float, help="of the micrograph, for absolute models")
    parser.add_argument("--black-level", type=float, default=0.0)
    parser.add_argument("--energy-kev", type=float, help="of the micrograph, for models that use it")
    arguments = parser.parse_args()
    if arguments.what == "runtimes":
        runtimes(arguments.model, arguments.other, arguments.pixels, arguments.rounds)
    else:
        for pixels in arguments.pixels:
            with TemporaryDirectory() as folder:
                known = (arguments.beam_fraction_per_count, arguments.black_level, arguments.energy_kev)
                if arguments.what == "memory":
                    memory(arguments.model, arguments.other, pixels, *known)
                elif arguments.what == "one":
                    source, sampling = write_images(Path(folder), arguments.other, pixels, 1)
                    model = load_model(arguments.model)
                    whole(model, source, calibration_of(model, sampling, *known))
                    print(peak_megabytes())
                elif arguments.what == "reading":
                    source, _ = write_images(Path(folder), arguments.other, pixels, 1)
                    command = [sys.executable, "-c", READ, str(source / "0.npy"), str(Path(folder) / "pixels")]
                    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                else:
                    source, sampling = write_images(Path(folder), arguments.other, pixels, arguments.images)
                    options = read_options(None, None, None, tables=arguments.tables)
                    model = load_model(arguments.model)
                    scoring(
                        model,
                        source,
                        calibration_of(model, sampling, *known),
                        pixels,
                        arguments.images,
                        arguments.rounds,
                        options,
                    )


def calibration_of(model: Model, sampling: float, gain: float | None, black: float, kev: float | None) -> Calibration:
    """With the model's own detector."""
    return Calibration(sampling, gain, black, kev, detector_mrad=model.contract.ranges.detector_mrad)


PROCESSES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds, of finished children too."""

    def cpu() -> float:
        return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, PROCESSES))

    start, before = time.perf_counter(), cpu()
    work()
    return time.perf_counter() - start, cpu() - before


def write_images(folder: Path, file: Path, pixels: int, number: int) -> tuple[Path, float]:
    """Images of pixels x pixels, a micrograph side by side with itself, row by row so that memory stays small.

    Returns
    -------
    their folder, and their pixel size in Angstrom, the micrograph's own: with another it is outside the domain
    """
    micrograph = read_micrograph(file)
    if micrograph.sampling_angstrom is None:
        raise SystemExit(f"{file}: {micrograph.fault}")
    cell = micrograph.image
    across = np.tile(cell, (1, -(-pixels // cell.shape[1])))[:, :pixels]
    source = folder / "images"
    source.mkdir()
    for index in range(number):
        image = np.lib.format.open_memmap(source / f"{index}.npy", mode="w+", dtype=np.float32, shape=(pixels, pixels))
        for row in range(0, pixels, len(cell)):
            image[row : row + len(cell)] = across[: pixels - row] + index
        image.flush()
        del image
    return source, micrograph.sampling_angstrom[0]


def whole(model: Model, source: Path, calibration: Calibration, options: Options = DEFAULTS) -> None:
    """Files in, results out."""
    with TemporaryDirectory() as out:
        summary = score_batch(find_micrographs([source]), Path(out), model, calibration, options)
        assert not summary.failed


def scoring(
    model: Model, source: Path, calibration: Calibration, pixels: int, images: int, rounds: int, options: Options
) -> None:
    """The bare network over the same pixels, resampled and cut into the same tiles, and the whole."""
    target, sampling = model.contract.sampling_angstrom, calibration.sampling_angstrom
    assert sampling is not None
    shape = Resampler((pixels, pixels), steps=(sampling, sampling), target=target).shape
    cut = tiles.plan(shape, stride=model.contract.stride, reach=model.contract.reach)
    tile = np.random.default_rng(0).normal(size=(1, *cut.tile, 1)).astype(np.float32)

    def bare() -> None:
        for _ in range(images * cut.tiles):
            model.session.run(None, {INPUT_NAME: tile})

    bare()
    found = [(timed(bare), timed(lambda: whole(model, source, calibration, options))) for _ in range(rounds)]
    for index, clock in enumerate(("wall", "CPU")):
        network, total = (median(entry[part][index] for entry in found) for part in (0, 1))
        ratio = median(entry[1][index] / entry[0][index] for entry in found)
        halo = cut.tiles * cut.tile[0] * cut.tile[1] / (shape[0] * shape[1])
        print(
            f"{images} x {pixels}^2, at the model's sampling {shape}, {cut.tiles} tiles of {cut.tile} "
            f"(halos {halo:.3f}), {clock}: network {network:.2f} s, end to end {total:.2f} s, ratio {ratio:.2f}",
            flush=True,
        )


def runtimes(onnx_file: Path, keras_file: Path, sizes: list[int], rounds: int) -> None:
    import tensorflow as tf

    from heamap.lifecycle.export import load_float32

    keras_model = load_float32(keras_file)
    graph = tf.function(lambda image: keras_model(image, training=False))
    model = load_model(onnx_file)
    for pixels in sizes:
        image = np.random.default_rng(0).normal(size=(1, pixels, pixels, 1)).astype(np.float32)
        tensor = tf.constant(image)
        runs = {"TensorFlow": lambda t=tensor: graph(t).numpy(), "onnxruntime": lambda i=image: model.predict(i)}
        for run in runs.values():
            run()
        found = [{name: timed(run) for name, run in runs.items()} for _ in range(rounds)]
        for name in runs:
            wall, cpu = (median(entry[name][index] for entry in found) for index in (0, 1))
            print(f"{pixels}^2 {name}: wall {wall:.3f} s, CPU {cpu:.3f} s, {wall / pixels**2 * 1e6:.3f} s a megapixel")
        ratio = median(entry["onnxruntime"][0] / entry["TensorFlow"][0] for entry in found)
        print(f"{pixels}^2 onnxruntime over TensorFlow, wall: {ratio:.2f}", flush=True)


def memory(
    model: Path, micrograph: Path, pixels: int, gain: float | None, black: float, energy_kev: float | None
) -> None:
    def peak(what: str) -> str:
        command = [sys.executable, __file__, what, str(model), str(micrograph), "--pixels", str(pixels)]
        command += [] if gain is None else [f"--beam-fraction-per-count={gain}", f"--black-level={black}"]
        command += [] if energy_kev is None else [f"--energy-kev={energy_kev}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]

    print(f"{pixels}^2: peak RSS {peak('one')} MB, of the reading process {peak('reading')} MB", flush=True)


def peak_megabytes() -> int:
    """Most memory that this process took; that of its children would count what they share at their start."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


READ = """
import sys
from pathlib import Path
from heamap_serving.reading_process import answer
assert "shape" in answer({"path": sys.argv[1], "pixels": sys.argv[2]})
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""
"""What the reading process does with one file, and the most memory that it takes, in MB."""


if __name__ == "__main__":
    main()
