"""What is installed: versions, so that older records show as stale, and the scopes of tasks.

Read from source text wherever it says so plainly: looking at records imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.results.schema import Record
from benchmark.results.versions import newest
from registries import plugins
from registries.errors import NotReadyError
from registries.registry import OBJECTIVES, TASKS
from registries.source_text import bases, card, constants

FIRST = 1  # of an objective that names no version: `Objective.version`


def versions_in_use(records: Iterable[Record]) -> dict[str, int]:
    """Version of everything the records name: the installed one, else the newest among the records.

    Only modules whose text leaves it open are imported; one that cannot be imported is left at what
    the records say.
    """
    found = newest(records)
    for key in found:
        kind, _, name = key.partition(":")
        version = {"objective": _objective_version, "task": _task_version}.get(kind)
        if version is not None and (installed := version(name)) is not None:
            found[key] = installed
    return found


def scopes_in_use(records: Iterable[Record]) -> dict[str, str]:
    """Task -> "local" or "global", of every installed task that the records name."""
    names = sorted({record.task.name for record in records if record.task})
    scopes = {name: _scope(name) for name in names}
    return {name: scope for name, scope in scopes.items() if scope is not None}


def _objective_version(name: str) -> int | None:
    """None where it is not installed; of a class that is imported already, its own word."""
    plugin = plugins.available("objectives").get(name)
    if plugin is None:
        return None
    plain = bases(plugin) == ("Objective",)
    told = constants(plugin).get("version", FIRST if plain else None)
    if name not in OBJECTIVES.module_dict and isinstance(told, int):
        return told
    return OBJECTIVES.module_dict[name].version if _loaded("objectives", name) else None


def _task_version(name: str) -> int | None:
    told = _on_card(name, "version")
    return told if isinstance(told, int) else None


def _scope(name: str) -> str | None:
    told = _on_card(name, "scope")
    return told if isinstance(told, str) else None


def _on_card(name: str, field: str) -> object:
    """A field of a task's card, as above."""
    plugin = plugins.available("tasks").get(name)
    if plugin is None:
        return None
    told = card(plugin).get(field)
    if name not in TASKS.module_dict and told is not None:
        return told
    return getattr(TASKS.module_dict[name].card, field) if _loaded("tasks", name) else None


def _loaded(kind: plugins.Kind, name: str) -> bool:
    try:
        plugins.load(kind, name)
    except NotReadyError:
        return False
    return True
