"""What a step of training and a megapixel of scoring cost in each network and width, on one thread.

    nice python benchmarks/network_cost.py MODEL.onnx fcn:16,32,64,128 folded:32,64,128 folded:48,96,192

CPU seconds, the networks one after the other in each round, medians over the rounds; ratios are to the first. A step is
one batch normalisation group of params.yaml, in its precision where none is named; MODEL.onnx lends its contract.
Weights are untrained.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import keras
import numpy as np
import onnx
import tensorflow as tf

from heamap.elements import ELEMENTS
from heamap.lifecycle import export
from heamap.params import Train, load
from heamap.training.horovod import World
from heamap.training.precision import settled
from heamap.training.step import Step, inference_network, training_network
from heamap_serving.session import load_model

PIXELS = 512
"""Side of the image that is scored."""


@dataclass(frozen=True)
class Candidate:
    """A network, named, and what is timed of it."""

    name: str
    parameters: int
    step: Callable[[], object]
    score: Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument(
        "networks",
        nargs="+",
        help="NAME:FILTERS, as of train.network and train.filters, or NAME:FILTERS:float32, NAME:FILTERS:bfloat16",
    )
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    train = settled(load(Path("params.yaml")), World(0, 1, 1)).train
    candidates = [candidate(name, train, arguments.model) for name in arguments.networks]
    for one in candidates:
        one.step()
        one.score()
    found = [[(cpu(one.step), cpu(one.score)) for one in candidates] for _ in range(arguments.rounds)]
    print("| network | parameters | step, CPU s | ratio | megapixel, CPU s | ratio |\n|---|---|---|---|---|---|")
    seconds = [[median(entry[index][part] for entry in found) for part in (0, 1)] for index in range(len(candidates))]
    for one, (step, score) in zip(candidates, seconds, strict=True):
        cells = (f"{step:.3f}", f"{step / seconds[0][0]:.2f}", f"{score / PIXELS**2 * 1e6:.2f}")
        print(f"| {one.name} | {one.parameters:,} | {' | '.join(cells)} | {score / seconds[0][1]:.2f} |", flush=True)


def candidate(name: str, train: Train, model: Path) -> Candidate:
    network, filters, *precision = name.split(":")
    train = train.model_copy(update={"network": network, "filters": tuple(int(count) for count in filters.split(","))})
    if precision:
        train = train.model_copy(update={"mixed_precision": {"float32": False, "bfloat16": True}[precision[0]]})
    keras.utils.set_random_seed(0)
    step = Step(training_network(train), rate=train.learning_rate, xla=train.xla, world=World(0, 1, 1))
    contract = load_model(model).contract.model_copy(update={"stride": train.stride})
    weights = step.network.get_weights()
    exported = export.to_onnx(inference_network(train, weights), opset=17, contract=contract)
    with TemporaryDirectory() as folder:
        onnx.save(exported, Path(folder) / "model.onnx")
        scorer = load_model(Path(folder) / "model.onnx", threads=1)
    rng = np.random.default_rng(0)
    shape = (train.statistics_images, train.crop_pixels, train.crop_pixels)
    batch = [
        tf.constant(part.astype(np.float32))
        for part in (rng.normal(size=(*shape, 1)), rng.random((*shape, len(ELEMENTS))), np.ones(shape))
    ]
    image = rng.normal(size=(1, PIXELS, PIXELS, 1)).astype(np.float32)
    return Candidate(
        name,
        step.network.count_params(),
        lambda: step(*batch, rate=train.learning_rate).numpy(),
        lambda: scorer.predict(image),
    )


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of the process."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
