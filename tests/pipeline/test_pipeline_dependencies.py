"""DVC does not follow imports: what a stage computes with must stand in its list."""

import ast
from pathlib import Path

import grimp
import pytest
import yaml

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
COMPUTING = (
    "structures",
    "imaging",
    "dataset",
    "columns",
    "network",
    "domain",
    "training",
    "evaluation",
    "paper",
    "elements",
    "seeds",
)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("heamap", "heamap_serving", cache_dir=None)


def imported(script: Path, known: set[str]) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    # The package itself stands for a module of it; what it hands on beside, ``heamap.score``, is loaded when asked for.
    return names & known - {"heamap"}


def scripts(stage: str) -> list[Path]:
    """The stage's script, and those beside it that it imports."""
    script = ROOT / f"pipelines/{stage}.py"
    beside = {path.stem: path for path in script.parent.glob("*.py")}
    return [script, *(beside[name] for name in imported(script, set(beside)))]


def computing(graph: grimp.ImportGraph, stage: str) -> set[str]:
    """Sources, reached from the stage's script, that decide what it computes."""
    direct = set().union(*(imported(script, graph.modules) for script in scripts(stage)))
    reached = direct.union(*(graph.find_upstream_modules(module) for module in direct))
    sources = {module: "src/" + module.replace(".", "/") for module in reached}
    return {
        f"{source}.py"
        for module, source in sources.items()
        if module.startswith(tuple(f"heamap.{room}" for room in COMPUTING)) and not (ROOT / source).is_dir()
    }


def listed(stage: str) -> list[str]:
    return [name for name in STAGES[stage]["deps"] if name.startswith("src/")]


def covers(dependency: str, source: str) -> bool:
    return source == dependency or source.startswith(f"{dependency}/")


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_depends_on_all_that_it_computes_with(graph, stage):
    missing = {source for source in computing(graph, stage) if not any(covers(name, source) for name in listed(stage))}
    assert missing == set()


def test_the_simulation_depends_on_nothing_else(graph):
    sources = computing(graph, "simulate")
    assert [name for name in listed("simulate") if not any(covers(name, source) for source in sources)] == []


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_depends_on_its_scripts(stage):
    needed = {str(path.relative_to(ROOT)) for path in scripts(stage) if path.stem != "common"}
    assert needed <= set(STAGES[stage]["deps"])
