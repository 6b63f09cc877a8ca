"""Which records are stale: their objective, task, data set or metric has a newer version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmark.results.schema import Record
from benchmark.results.scores import METRIC_VERSION

# "objective:glcm", "task:lrw" or "data:lrw" -> version; "manifest:<sha256>" -> of that content
Versions = Mapping[str, int]


def versions_of(record: Record) -> dict[str, int]:
    """The versions a record was made with."""
    found = {f"objective:{record.objective.name}": record.objective.version}
    found[f"data:{record.data.dataset}"] = record.data.version
    if record.task:
        found[f"task:{record.task.name}"] = record.task.version
    return found


def newest(records: Iterable[Record]) -> dict[str, int]:
    """The highest version of each name among the records: current, where nothing else is known.

    And of each manifest: records made before versions of data were noted say 1 for all.
    """
    highest: dict[str, int] = {}
    for record in records:
        known = versions_of(record)
        if record.data.manifest_sha256:
            known[f"manifest:{record.data.manifest_sha256}"] = record.data.version
        for name, version in known.items():
            highest[name] = max(version, highest.get(name, version))
    return highest


def stale_reason(record: Record, current: Versions) -> str:
    """Why a record is stale, or "". Names that `current` does not hold are not judged."""
    content = current.get(f"manifest:{record.data.manifest_sha256}", 1)
    for name, version in versions_of(record).items():
        if name.startswith("data:"):
            version = max(version, content)  # the same content, whatever it was called
        if version < current.get(name, version):
            return (
                f"{name.replace(':', ' ')} is at version {current[name]}, the record at {version}"
            )
    for name, score in record.scores.items():
        if score.version < METRIC_VERSION:
            return f"metric {name} is at version {METRIC_VERSION}, the record at {score.version}"
    return ""
