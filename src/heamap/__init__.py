"""heamap: element maps of high-entropy-alloy nanoparticles, atom column by atom column, from HAADF-STEM images."""

import os
from typing import TYPE_CHECKING, Any

# onnxruntime reports models and runs to its maker from 1.29 on and keeps an identifier in the user's cache, unless this
# stands in the environment before it is imported (github.com/microsoft/onnxruntime, pull request 27379).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from heamap_serving.api import find_columns as find_columns
    from heamap_serving.api import score as score

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``heamap.score`` and ``heamap.find_columns``, loaded when first asked for: importing heamap stays light."""
    if name in ("score", "find_columns"):
        from importlib import import_module

        return getattr(import_module("heamap_serving.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
