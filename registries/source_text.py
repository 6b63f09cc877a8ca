"""What the class of a plug-in says of itself, read from its source text: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from registries.plugins import Plugin


def card(plugin: Plugin) -> dict[str, Any]:
    """Literal keywords of the `TaskCard(...)` call in a task's class.

    Empty where the module cannot be found or the card is not written out.
    """
    for node in ast.walk(_source(plugin.module)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("TaskCard"):
            facts = _literals(node.keywords)
            if facts.get("name") == plugin.name:
                return facts
    return {}


def constants(plugin: Plugin) -> dict[str, Any]:
    """Literal attributes (`version = 2`) of a plug-in's class; those it inherits are not there.

    Empty where the class cannot be found.
    """
    facts: dict[str, Any] = {}
    for line in _class(plugin).body:
        match line:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value))
            ):
                facts[name] = value
    return facts


def bases(plugin: Plugin) -> tuple[str, ...]:
    """Names of the classes it is made from, as they are written; empty where it is not found."""
    return tuple(ast.unparse(base) for base in _class(plugin).bases)


def _class(plugin: Plugin) -> ast.ClassDef:
    for node in ast.walk(_source(plugin.module)):
        if isinstance(node, ast.ClassDef) and any(
            f"name={plugin.name!r}" in ast.unparse(call) for call in node.decorator_list
        ):
            return node
    return ast.ClassDef("", [], [], [], [])


@cache
def _source(module: str) -> ast.Module:
    """The parsed source text of a module; empty where it cannot be found."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return ast.Module([], [])
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _literals(keywords: Sequence[ast.keyword]) -> dict[str, Any]:
    """Keywords whose value is a literal."""
    facts = {}
    for keyword in keywords:
        try:
            facts[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError:
            continue
    return facts
