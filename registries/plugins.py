"""Finds plug-ins by name without importing them, and imports one when it is needed.

Three sources, later ones never replace earlier ones: the modules of the built-in packages (their
`register_module(name="...")` decorators are read from the source text, so that listing costs no
import of torch), entry points of installed distributions (groups `bench.objectives`,
`bench.backbones`, `bench.tasks`), and files named on the command line (`--plugin FILE`).
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import Path
from typing import Literal

from registries.errors import NotReadyError, UsageError, unknown

Kind = Literal["objectives", "backbones", "tasks"]
BUILTIN: dict[Kind, str] = {
    "objectives": "objectives",
    "backbones": "benchmark.backbones",
    "tasks": "benchmark.tasks",
}


@dataclass(frozen=True)
class Plugin:
    """One name: the module to import, a one-line summary, and where it came from."""

    name: str
    module: str
    summary: str
    source: str  # "builtin", "plug-in dist==version", or "file NAME sha256:..."


_files: dict[Kind, dict[str, Plugin]] = {"objectives": {}, "backbones": {}, "tasks": {}}


def available(kind: Kind) -> dict[str, Plugin]:
    """Every plug-in of a kind, by name, sorted; imports none of them."""
    found = dict(_builtin(kind))
    for name, plugin in [*_installed(kind), *_files[kind].items()]:
        if name in found:
            raise UsageError(
                f"two {kind} are called {name!r}: {found[name].source} ({found[name].module}) and "
                f"{plugin.source} ({plugin.module}). Rename one of them."
            )
        found[name] = plugin
    return dict(sorted(found.items()))


def source(kind: Kind, name: str) -> str:
    """Whose code a name stands for, as records tell it: see `Plugin.source`.

    A dotted name ("mmaction.X") is one that the package before the dot registers with mmengine;
    "unknown" is what imported code has registered by itself.
    """
    package, dot, _ = name.partition(".")
    if not dot:
        found = available(kind).get(name)
        return found.source if found else "unknown"
    owners = dict.fromkeys(packages_distributions().get(package, ()))
    return ", ".join(_of_distribution(owner, version(owner)) for owner in owners) or package


def load(kind: Kind, name: str) -> Plugin:
    """Import the module that registers `name`.

    Raises UsageError with the nearest name if there is none.
    """
    plugins = available(kind)
    if name not in plugins:
        raise unknown(
            kind.removesuffix("s"), name, plugins, hint=f"`bench list {kind}` shows them all."
        )
    plugin = plugins[name]
    try:
        importlib.import_module(plugin.module)
    except ImportError as error:
        raise NotReadyError(
            f"{kind.removesuffix('s')} {name!r} ({plugin.source}) cannot be imported: {error}. "
            "Install what is missing, or leave it out."
        ) from error
    return plugin


def add_file(path: Path) -> None:
    """Import a plug-in file (`--plugin FILE`); the names it registers become available.

    Raises UsageError when the file does not exist or registers nothing. The file is executed: name
    only files you trust.
    """
    if not path.is_file():
        raise UsageError(f"--plugin {path}: no such file. Give the path of a Python file.")
    module = f"bench_plugin_{path.stem}"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = f"file {path.name} sha256:{digest}"
    names = {kind: dict(_registered(path, module, source, kind=kind)) for kind in _files}
    if not any(names.values()):
        raise UsageError(
            f"--plugin {path} registers nothing: expected a class under "
            '@OBJECTIVES.register_module(name="...") (or BACKBONES, TASKS).'
        )
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"--plugin {path}: not a Python file. Give a file whose name ends in .py.")
    for kind, plugins in names.items():
        _files[kind].update(plugins)
    sys.modules[module] = loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)


@cache
def _builtin(kind: Kind) -> dict[str, Plugin]:
    spec = importlib.util.find_spec(BUILTIN[kind])
    folders = spec.submodule_search_locations if spec else None
    found: dict[str, Plugin] = {}
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.py")):
            module = f"{BUILTIN[kind]}.{path.stem}"
            found.update(_registered(path, module, "builtin", kind=kind))
    return found


def _installed(kind: Kind) -> Iterator[tuple[str, Plugin]]:
    for point in entry_points(group=f"bench.{kind}"):
        dist = point.dist
        source = _of_distribution(dist.name, dist.version) if dist else "plug-in"
        yield point.name, Plugin(point.name, point.module, f"from {source}", source)


def _of_distribution(name: str, version: str) -> str:
    return f"plug-in {name}=={version}"


def _registered(
    path: Path, module: str, source: str, *, kind: Kind
) -> Iterator[tuple[str, Plugin]]:
    """Names registered in a file, read from its decorators.

    `@TASKS.register_module(name="lrw")`.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for call in node.decorator_list:
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=registry), attr="register_module"),
                    keywords=[ast.keyword(arg="name", value=ast.Constant(value=str(name)))],
                ) if registry.lower() == kind:
                    doc = ast.get_docstring(node) or ast.get_docstring(tree) or ""
                    yield name, Plugin(name, module, doc.split("\n")[0].rstrip("."), source)
