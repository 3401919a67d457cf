"""Judge the exported model against its thresholds and against the present champion."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import run_stage
from heamap.dataset.exam import exam_for
from heamap.dataset.examples import example
from heamap.dataset.store import Dataset, open_dataset
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.lifecycle import decisions, gate, lineage, registry, tracking
from heamap.lifecycle.remarks import remarks
from heamap.lifecycle.reports import read_report
from heamap.params import Params
from heamap.seeds import Stream, generator
from heamap_serving.session import Model, load_model

ONNX_MODEL, POINTER = Path("models/model.onnx"), Path("models/run.json")
REPORTS = Path("reports")
VERDICT = REPORTS / "gate.json"


def judge(params: Params) -> str:
    data = open_dataset(Path("data/structures"), Path("data/images"))
    candidate = load_model(ONNX_MODEL)
    improvement, champion, comparable = against_champion(candidate, data, params)
    parity = read_report(REPORTS / "parity.json")
    validation = read_report(REPORTS / "validation.json")
    evaluation = read_report(REPORTS / "evaluation.json")
    coverage = evaluation["intervals"]["coverage"]
    state = lineage.git_state(Path.cwd())
    dirty, gaps = origin(candidate, state)
    verdict = gate.verdict(
        gate.Evidence(
            skill_pt=gate.skills(evaluation, "Pt"),
            skill_total=gate.skills(evaluation, "total"),
            test_images=evaluation["images"],
            coverage={target: coverage["targets"][target]["overall"] for target in gate.YARDSTICKS},
            coverage_level=coverage["level"],
            improvement=improvement,
            champion=champion,
            comparable=comparable,
            parity_error=parity["max_error"],
            count_mismatch=parity["count_mismatch"],
            validation_failures=tuple(f"{entry['suite']}.{entry['subject']}" for entry in validation["critical"]),
            dirty=dirty,
            lineage_gaps=gaps,
            remarks=remarks(evaluation, params.gate.max_coverage_gap),
            commit=state.commit,
        ),
        params.gate,
    )
    VERDICT.write_text(json.dumps(verdict.to_dict(), indent=2) + "\n")
    lines = [
        f"  {'pass' if entry.passed else 'FAIL'}  {entry.name}: {entry.value} {entry.threshold}  {entry.note}"
        for entry in verdict.criteria
    ]
    lines += [f"        {entry.name}: {entry.value}  {entry.note}" for entry in verdict.remarks]
    return "\n".join([f"gate {'passed' if verdict.passed else 'failed'}: {VERDICT}", *lines])


def against_champion(candidate: Model, data: Dataset, params: Params) -> tuple[gate.Improvement | None, str, bool]:
    """Paired comparison on the test split, in words, and whether it could be made."""
    name = params.promote.model_name
    version = decisions.holder_of(name, decisions.CHAMPION)
    if version is None:
        return None, "no champion yet", True
    champion = load_model(registry.champion_onnx(name))
    if champion.sha256 == candidate.sha256:
        return None, f"version {version}, the champion, is this model", True
    face = champion.contract
    if face.sampling_angstrom != params.base.sampling_angstrom or params.base.pixels % face.stride:
        need = f"{face.sampling_angstrom} Angstrom per pixel and sides in multiples of {face.stride}"
        return None, f"version {version} needs {need}: it cannot see the same images", False
    if face.ranges.detector_mrad != candidate.contract.ranges.detector_mrad:
        angles = " to ".join(f"{angle:g}" for angle in face.ranges.detector_mrad)
        words = f"version {version} is for a detector of {angles} mrad; give models of another one another model_name"
        return None, words, False
    errors = [
        gate.squared_errors(model.predict, test_images(data, model, params), counter=model.counter)
        for model in (candidate, champion)
    ]
    found = gate.improvement(
        *errors, resamples=params.evaluate.bootstrap, rng=generator(params.base.seed, Stream.BOOTSTRAP, 1)
    )
    words = f"version {version}: {found.value:.3f} [{found.low:.3f}, {found.high:.3f}] over {found.images} images"
    unseen = gate.beyond(face.ranges, candidate.contract.ranges)
    return found, words + (f"; it never saw the whole range of {', '.join(unseen)}" if unseen else ""), True


def test_images(
    data: Dataset, model: Model, params: Params
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """Test examples under the model's own normalisation, and its own use of the beam's energy and of background."""
    own = exam_for(model.contract, params)
    for sample in data.split("test"):
        image, columns = example(data, int(sample), params=own, epoch=None)
        yield image, columns[["row", "col"]].to_numpy(np.float64), columns[list(ELEMENTS)].to_numpy(np.int64)


def origin(candidate: Model, state: lineage.GitState) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Dirt of the working tree at training and now, and gaps of the lineage."""
    dirty = set(state.dirty)
    try:
        run = tracking.find_run(tracking.read_pointer(POINTER), tracking.client())
    except InputError:
        return tuple(sorted(dirty)), gate.lineage_gaps(candidate.contract, None, {})
    locked = lineage.data_hashes(Path(lineage.LOCK))
    dirty.update(tracking.dirty_files(run))
    return tuple(sorted(dirty)), gate.lineage_gaps(candidate.contract, tracking.run_lineage(run), locked)


if __name__ == "__main__":
    run_stage(judge)
