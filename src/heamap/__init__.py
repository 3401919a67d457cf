"""heamap: element maps of high-entropy-alloy nanoparticles, atom column by atom column, from HAADF-STEM images."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heamap_serving.api import score as score

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``heamap.score``, loaded when it is first asked for: importing heamap stays light."""
    if name == "score":
        from importlib import import_module

        return import_module("heamap_serving.api").score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
