"""Imports go down the layers of the design: no arrow points up, there are no circles."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("registries", "objectives", "benchmark")

# Highest first. A module may import its own layer and every lower one; the longest prefix decides.
# objectives/ has a ladder of its own: it shares only the kernel with the harness.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("benchmark.cli",),
    ("benchmark.run_suite",),
    ("benchmark.run", "benchmark.perf", "benchmark.learn", "benchmark.calibrate", "benchmark.viz"),
    ("benchmark.packing",),
    ("benchmark.launch",),
    ("benchmark.parallel", "benchmark.relay", "benchmark.mock"),
    ("benchmark.cells",),
    ("benchmark.failures",),
    ("benchmark.records", "benchmark.summary", "benchmark.progress"),
    ("benchmark.costs", "benchmark.environment"),
    ("benchmark.status",),
    ("benchmark.planning",),
    ("benchmark.plan", "benchmark.suite", "benchmark.report", "benchmark.compare"),
    ("benchmark.pretexts", "benchmark.examine", "benchmark.encoder_calls"),
    ("benchmark.evaluate_frozen",),
    ("benchmark.search",),
    ("benchmark.features", "benchmark.localise"),
    ("benchmark.pretrain", "benchmark.evaluate", "benchmark.statistics", "benchmark.in_use"),
    ("benchmark.evaluation",),
    ("benchmark.results", "benchmark.training", "benchmark.encoder_file", "benchmark.datasets"),
    ("benchmark.tasks", "benchmark.protocols"),
    ("benchmark.data", "benchmark.heads", "benchmark.metrics", "benchmark.backbones"),
    ("benchmark.diagnostics", "benchmark.metrics_text"),
    ("benchmark.checkpoint", "benchmark.memory", "benchmark.layout"),
    ("benchmark.hooks", "benchmark.optimisers", "benchmark.distributed", "benchmark.parted"),
    ("benchmark.settings", "benchmark.plan_request"),
    ("benchmark.config", "benchmark.validation"),
    ("benchmark.paths", "benchmark.disk", "benchmark.stopping", "benchmark.results.atomic"),
    ("benchmark.peak_memory",),
    ("benchmark",),
    ("registries",),
)
OBJECTIVE_LAYERS: tuple[tuple[str, ...], ...] = (
    ("objectives",),
    ("objectives.parts",),
    ("registries",),
)


def modules() -> dict[str, Path]:
    """Every module of the three packages by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "_packaged" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> dict[str, int]:
    """Our modules that a file imports anywhere, functions included, with the line of each."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write it out"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.append(inner if inner in known else str(node.module))
        for name in names:
            if name.split(".")[0] in PACKAGES:
                found.setdefault(name, node.lineno)
    return found


def layer(name: str) -> int:
    """Height of a module's layer in its ladder, 0 at the top."""
    ladder = OBJECTIVE_LAYERS if name.split(".")[0] == "objectives" else LAYERS
    best = max(
        (
            (len(prefix), height)
            for height, prefixes in enumerate(ladder)
            for prefix in prefixes
            if name == prefix or name.startswith(prefix + ".")
        ),
        default=None,
    )
    assert best is not None, f"{name} has no layer; add it to the table in {Path(__file__).name}"
    return best[1]


def complaint(importer: str, imported: str) -> str | None:
    """Why this import is not allowed, None where it is."""
    here, there = importer.split(".")[0], imported.split(".")[0]
    if here == "registries" and there != "registries":
        return "the kernel imports nothing of ours"
    if {here, there} == {"objectives", "benchmark"}:
        return "objectives and harness meet in the kernel only"
    if there == "registries":
        return None
    return "points up" if layer(imported) < layer(importer) else None


GRAPH = {name: imports(path, modules()) for name, path in modules().items()}


def test_no_arrow_points_up():
    wrong = [
        f"{importer}:{line} imports {imported}: {why}"
        for importer, targets in GRAPH.items()
        for imported, line in targets.items()
        if (why := complaint(importer, imported))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circles():
    try:
        tuple(
            TopologicalSorter(
                {name: set(targets) for name, targets in GRAPH.items()}
            ).static_order()
        )
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_every_module_has_a_layer_of_its_own():
    """Nothing new falls through to the bottom by the prefix "benchmark"."""
    named = {prefix.split(".")[1] for row in LAYERS for prefix in row if "." in prefix}
    found = {name.split(".")[1] for name in GRAPH if name.startswith("benchmark.")}
    assert found <= named, f"add to LAYERS: {sorted(found - named)}"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("registries.task", "benchmark.paths"),
        ("registries.task", "objectives.moco"),
        ("objectives.moco", "benchmark.paths"),
        ("objectives.parts.losses", "objectives.moco"),
        ("benchmark.tasks.lrw", "objectives.moco"),
        ("benchmark.data.reader", "benchmark.cli.main"),
        ("benchmark.results.store", "benchmark.report.tables"),
        ("benchmark.config", "benchmark.settings"),
    ],
)
def test_the_rule_catches(importer, imported):
    assert complaint(importer, imported)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("benchmark.cli.main", "benchmark.run"),
        ("benchmark.tasks.lrw", "benchmark.data.manifest"),
        ("objectives.moco", "objectives.parts.queue"),
        ("objectives.moco", "registries.registry"),
    ],
)
def test_the_rule_allows(importer, imported):
    assert complaint(importer, imported) is None


def test_imports_inside_functions_count(tmp_path):
    source = tmp_path / "sample.py"
    source.write_text("def f():\n    from benchmark.cli import main\n    import torch\n")
    known = {"benchmark.cli.main": source}
    assert imports(source, known) == {"benchmark.cli.main": 2}
