"""Who works on which cell right now: a lock held for as long as the work takes.

The lock goes with its process, however that ends; the note beside it says what the work is. A cell
runs once at a time: a second process waits for the first and then finds what it left.

    root/.locks/<cell_key>.running   the lock          root/.locks/<cell_key>.json   the note
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, Field

from benchmark.results.atomic import write_over
from benchmark.results.schema import Key, Kind, Part, now


class Work(Part):
    """One cell being worked on; pretraining has no task. data: its kind, as in records."""

    kind: Kind
    cell_key: Key
    objective: str
    seed: int
    task: str = ""
    protocol: str = ""
    modality: str = "v"
    fold: int = 0
    data: str = ""
    started: AwareDatetime = Field(default_factory=now)
    pid: int = Field(default_factory=os.getpid)


@contextmanager
def at_work(root: Path, work: Work) -> Iterator[None]:
    """Hold the lock of a cell; waits while another process holds it."""
    folder = root / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{work.cell_key}.json"
    with FileLock(_lock(note)):
        write_over(note, work.model_dump_json().encode())
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def running(root: Path) -> list[Work]:
    """The cells that are worked on now, the longest first."""
    found = []
    for note in (root / ".locks").glob("[!.]*.json"):
        try:
            with FileLock(_lock(note), timeout=0):
                continue  # nobody held it: its process was killed
        except Timeout:
            pass
        try:
            found.append(Work.model_validate_json(note.read_bytes()))
        except (OSError, ValueError):
            continue  # done this moment, or a note of another version
    return sorted(found, key=lambda work: work.started)


def _lock(note: Path) -> Path:
    return note.with_suffix(".running")
