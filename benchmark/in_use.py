"""What is installed: versions, so that older records show as stale, and the scopes of tasks."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.results.schema import Record
from benchmark.results.versions import newest
from registries import plugins
from registries.errors import NotReadyError
from registries.registry import OBJECTIVES, TASKS


def versions_in_use(records: Iterable[Record]) -> dict[str, int]:
    """Version of everything the records name: the installed one, else the newest among the records.

    Only modules of names that occur are imported; one that cannot be imported is left at what the
    records say.
    """
    found = newest(records)
    for key in found:
        kind, _, name = key.partition(":")
        if kind == "objective" and _loaded("objectives", name):
            found[key] = OBJECTIVES.module_dict[name].version
        elif kind == "task" and _loaded("tasks", name):
            found[key] = TASKS.module_dict[name].card.version
    return found


def scopes_in_use(records: Iterable[Record]) -> dict[str, str]:
    """Task -> "local" or "global", of every installed task that the records name."""
    names = sorted({record.task.name for record in records if record.task})
    return {name: TASKS.module_dict[name].card.scope for name in names if _loaded("tasks", name)}


def _loaded(kind: plugins.Kind, name: str) -> bool:
    if name not in plugins.available(kind):
        return False
    try:
        plugins.load(kind, name)
    except NotReadyError:
        return False
    return True
