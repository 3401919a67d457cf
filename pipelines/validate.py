"""Validate the simulated data; with ``--write-reference``, take it as the committed reference of drift instead."""

import argparse
import json
from pathlib import Path

from common import run_stage
from heamap.dataset import checks, statistics
from heamap.dataset.store import Dataset, open_dataset
from heamap.errors import InputError
from heamap.params import Params

REPORT = Path("reports/validation.json")
DOCS = Path("reports/data_docs")
REFERENCE = Path("src/heamap/dataset/suites/reference.json")


def dataset() -> Dataset:
    return open_dataset(Path("data/structures"), Path("data/images"))


def validate(params: Params) -> str:
    data = dataset()
    samples = statistics.sample_table(data, sampling_angstrom=params.base.sampling_angstrom)
    columns = statistics.column_table(data, sampling_angstrom=params.base.sampling_angstrom)
    values = checks.expectation_parameters(
        params.validate_,
        field_angstrom=params.base.field_angstrom,
        images=len(samples),
        reference=checks.read_suite("reference"),
    )
    found = checks.validate(samples, columns, values=values, docs=DOCS)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found.to_dict(), indent=2) + "\n")
    if found.critical:
        raise InputError(
            f"validation failed ({DOCS / 'index.html'}): {'; '.join(str(finding) for finding in found.critical)}"
        )
    warned = "".join(f"\n  warning: {finding}" for finding in found.warnings)
    return f"validated {found.images} images with {found.evaluated} expectations: {DOCS / 'index.html'}{warned}"


def write_reference(params: Params) -> str:
    samples = statistics.sample_table(dataset(), sampling_angstrom=params.base.sampling_angstrom)
    REFERENCE.write_text(json.dumps(checks.reference_of(samples), indent=1) + "\n")
    return f"took {len(samples)} images as the reference of drift: {REFERENCE}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-reference", action="store_true")
    run_stage(write_reference if parser.parse_args().write_reference else validate)
