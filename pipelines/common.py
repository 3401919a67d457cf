"""What every stage script shares: read the parameters, run, say what was made, fail in one line."""

import sys
from collections.abc import Callable
from pathlib import Path

from heamap.errors import InputError
from heamap.params import Params, load


def run_stage(stage: Callable[[Params], str]) -> None:
    """Run a stage with the checked parameters of ``params.yaml`` and print its summary; bad input exits with 2."""
    try:
        print(stage(load(Path("params.yaml"))))
    except InputError as error:
        print(f"heamap: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    run_stage(lambda _: "params.yaml is valid")
