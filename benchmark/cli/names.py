"""Reads lists of names from options: by comma or repeated flag, `all` and `@groups`.

Nothing is imported: names and the facts that groups are made of are read from source text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from benchmark.paths import PACKAGE
from registries import plugins
from registries.errors import UsageError, unknown
from registries.source_text import card


def split(values: Iterable[str]) -> tuple[str, ...]:
    """`["a,b", "c"]` -> `("a", "b", "c")`; order kept, repetitions dropped."""
    parts = (part.strip() for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def resolve(kind: plugins.Kind, values: Iterable[str]) -> tuple[str, ...]:
    """Known names of a kind, in the order given.

    `all` and `@all` are every built-in and plug-in, of tasks those with a generated stand-in; tasks
    know `@local` and `@global` too. Raises UsageError for an unknown name or group, with the
    nearest one.
    """
    known = plugins.available(kind)
    chosen: dict[str, None] = {}
    for value in split(values):
        if value in ("all", "@all"):
            chosen.update(dict.fromkeys(_complete(kind, known)))
        elif value.startswith("@"):
            groups = task_groups() if kind == "tasks" else {}
            if value not in groups:
                raise unknown(f"group of {kind}", value, ["@all", *groups])
            chosen.update(dict.fromkeys(groups[value]))
        elif value in known:
            chosen[value] = None
        else:
            raise unknown(
                kind.removesuffix("s"), value, known, hint=f"`bench list {kind}` shows them all."
            )
    return tuple(chosen)


def _complete(kind: plugins.Kind, known: Mapping[str, plugins.Plugin]) -> list[str]:
    """What `all` stands for: a task that needs its owners' data is asked for by its name."""
    if kind != "tasks":
        return list(known)
    return [name for name, plugin in known.items() if card(plugin).get("miniature", name)]


def task_groups() -> dict[str, list[str]]:
    """Tasks by the `scope` of their cards: `@local` needs fine timing, `@global` does not."""
    groups: dict[str, list[str]] = {}
    for name, plugin in plugins.available("tasks").items():
        facts = card(plugin)
        if (scope := facts.get("scope")) and facts.get("miniature", name):
            groups.setdefault(f"@{scope}", []).append(name)
    return dict(sorted(groups.items()))


def protocols() -> dict[str, str]:
    """Protocols and one line each: PROTOCOLS of benchmark/protocols, read from its text."""
    tree = ast.parse((PACKAGE / "protocols" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="PROTOCOLS")], value=value):
                return dict(ast.literal_eval(value))
    return {}


def seeds(text: str) -> tuple[int, ...]:
    """`"3"` -> (0, 1, 2); `"0,5"` -> (0, 5); `"7,"` -> (7,).

    Raises UsageError for anything else.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise UsageError(
            f"--seeds {text!r}: expected a count (3 means 0,1,2) or a list of seeds (0,1,2)."
        )
    numbers = [int(part) for part in parts]
    if "," in text:
        return tuple(dict.fromkeys(numbers))
    if numbers[0] < 1:
        raise UsageError("--seeds 0: at least one seed is needed; `--seeds 0,` means seed 0 alone.")
    return tuple(range(numbers[0]))


def assignments(values: Iterable[str], *, flag: str = "-o") -> tuple[str, ...]:
    """`key=value` pairs of `-o`, or of another flag, checked for their form.

    Raises UsageError for one without a key and for a key given twice.
    """
    found: dict[str, str] = {}
    for value in values:
        key, sign, _ = value.partition("=")
        if not sign or not all(part.isidentifier() for part in key.split(".")):
            example = {"-o": "finetune.epochs=5", "-L": "nproc_per_node=2"}[flag]
            raise UsageError(f"{flag} {value!r}: expected key=value, for example {flag} {example}")
        if key in found:
            raise UsageError(
                f"{flag} {key} is given twice ({found[key]!r} and {value!r}); keep one."
            )
        found[key] = value
    return tuple(found.values())
