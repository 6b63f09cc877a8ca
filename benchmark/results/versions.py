"""Which records are stale: their objective, task, data set or metric has a newer version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmark.results.schema import Record
from benchmark.results.scores import METRIC_VERSION

Versions = Mapping[str, int]  # "objective:glcm", "task:lrw" or "data:lrw" -> version


def versions_of(record: Record) -> dict[str, int]:
    """The versions a record was made with."""
    found = {f"objective:{record.objective.name}": record.objective.version}
    found[f"data:{record.data.dataset}"] = record.data.version
    if record.task:
        found[f"task:{record.task.name}"] = record.task.version
    return found


def newest(records: Iterable[Record]) -> dict[str, int]:
    """The highest version of each name among the records: current, where nothing else is known."""
    highest: dict[str, int] = {}
    for record in records:
        for name, version in versions_of(record).items():
            highest[name] = max(version, highest.get(name, version))
    return highest


def stale_reason(record: Record, current: Versions) -> str:
    """Why a record is stale, or "". Names that `current` does not hold are not judged."""
    for name, version in versions_of(record).items():
        if version < current.get(name, version):
            return (
                f"{name.replace(':', ' ')} is at version {current[name]}, the record at {version}"
            )
    for name, score in record.scores.items():
        if score.version < METRIC_VERSION:
            return f"metric {name} is at version {METRIC_VERSION}, the record at {score.version}"
    return ""
