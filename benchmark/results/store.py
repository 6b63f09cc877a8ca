"""A folder of records: `<root>/<kind>/<cell_key>-<run_id>.json`, one file per attempt.

A record appears whole or not at all (see atomic.py) and is never rewritten. Readers skip temporary
names; a damaged file is reported and costs no other record.

    root/eval/  root/pretrain/   records          root/predictions/   per-sample predictions
    root/tombstones/<run_id>.json  withdrawn      root/.locks/        per cell (see running.py)
    root/failures/   tracebacks to read           root/.index         see index.py
"""

from __future__ import annotations

import contextlib
import gc
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import AwareDatetime, ValidationError

from benchmark.results import index
from benchmark.results.atomic import LEFT_AFTER, sweep, write_new
from benchmark.results.schema import Part, Record, RunId, now
from registries.errors import NotReadyError, UsageError, VerificationError

KINDS = ("eval", "pretrain")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with a stored file. code: the check; error: its number cannot be trusted."""

    code: str
    path: str
    message: str
    level: Literal["error", "warning"] = "error"
    run_id: str = ""


class Tombstone(Part):
    """Withdraws a record without deleting it."""

    run_id: RunId
    reason: str
    created: AwareDatetime


class RecordStore:
    """Reads and writes the records below `root`; `problems`: what `read_all` could not read."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.problems: list[Problem] = []

    def probe(self) -> None:
        """Write a file and read it back, before hours of training; sweep up after killed writers.

        Raises NotReadyError where that fails.
        """
        probe = self.root / f".probe-{secrets.token_hex(4)}"
        try:
            for folder in (*KINDS, "predictions", "tombstones", ".locks"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            write_new(probe, b"probe")
            found = probe.read_text(encoding="utf-8")
            probe.unlink()
            self.sweep()
        except OSError as error:
            raise NotReadyError(
                f"cannot write records below {self.root}: {error.strerror or error}. "
                "Give a writable folder with --out, or mend its permissions or its free space."
            ) from error
        if found != "probe":
            raise NotReadyError(
                f"{self.root} returned other bytes than were written; "
                "give another folder with --out"
            )

    def write(self, record: Record) -> Path:
        """Store a record for good and return its path.

        Raises VerificationError where this cell and run already have one: a correction is a new
        record with a new `run_id` and `supersedes`.
        """
        path = self.path(record)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock(record.cell_key):
            try:
                write_new(path, record.to_json().encode())
            except FileExistsError as error:
                raise VerificationError(
                    f"{path} exists already; records are never edited. "
                    "Write a new record with its own run_id and `supersedes`."
                ) from error
        return path

    def paths(self) -> list[Path]:
        """The files of all records, by name."""
        return [path for kind in KINDS for path in _records_in(self.root / kind, "*")]

    def reindex(self) -> int:
        """Write the index anew and sweep up after killed writers; how many records it holds."""
        self.sweep()
        return index.rebuild(self.root, self.paths())

    def sweep(self, *, older_than: float = LEFT_AFTER) -> None:
        """Remove what killed writers left. older_than: seconds after which none can be alive."""
        for folder in ("", *KINDS, "predictions", "tombstones", "failures"):
            sweep(self.root / folder, older_than=older_than)

    def write_log(self, record: Record) -> Path:
        """Write what a person wants to read of a failure; the record holds all of it too."""
        failure = record.failure
        assert failure is not None
        path = self.root / "failures" / f"{record.cell_key}-{record.run_id}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        task = record.task.name if record.task else "pretraining"
        step = "unknown" if failure.step is None else failure.step
        head = (
            f"{task} {record.objective.name} seed {record.seed.init}, attempt {failure.attempt}, "
            f"step {step}, {record.finished:%Y-%m-%d %H:%M:%S} UTC\n"
            f"record {self.path(record)}\n\n"
        )
        write_new(path, (head + failure.traceback).encode())
        return path

    def path(self, record: Record) -> Path:
        """Where a record is, or will be."""
        return self.root / record.kind / f"{record.cell_key}-{record.run_id}.json"

    def predictions_path(self, cell_key: str, run_id: str) -> Path:
        """Where the predictions of an attempt belong."""
        return self.root / "predictions" / f"{cell_key}-{run_id}.npz"

    def find_predictions(self, record: Record) -> Path | None:
        """The record's predictions file: its path is taken below the root, or in `predictions/`."""
        if record.predictions is None:
            return None
        stored = record.predictions.path
        for place in (self.root / stored, self.root / "predictions" / stored):
            if place.is_file():
                return place
        return None

    def read_all(self, *, invalidated: bool = False, indexed: bool = True) -> list[Record]:
        """All readable records, oldest first, without the withdrawn ones unless `invalidated`.

        A torn or invalid file becomes an entry of `self.problems`; it never hides the others.
        indexed: take unchanged files from the index, where there is one.
        """
        read = index.Index(self.root).read if indexed else Path.read_bytes
        records, self.problems = self._read(self.paths(), read=read)
        if not invalidated:
            gone = self.tombstones()
            records = [record for record in records if record.run_id not in gone]
        return records

    def current(self) -> list[Record]:
        """One record per cell: the newest done one, else the newest; superseded ones left out."""
        records = self.read_all()
        superseded = {record.supersedes for record in records if record.supersedes}
        best: dict[tuple[str, str], Record] = {}
        for record in records:  # oldest first, so a later one wins unless it would hide a done one
            slot = (record.kind, record.cell_key)
            held = best.get(slot)
            if record.run_id in superseded:
                continue
            if held is None or record.status == "done" or held.status != "done":
                best[slot] = record
        return list(best.values())

    def done(self, cell_key: str) -> Record | None:
        """Newest valid record of a finished cell, neither withdrawn nor superseded, or None."""
        records = self._of_cell(cell_key)
        superseded = {record.supersedes for record in records if record.supersedes}
        alive = [r for r in records if r.status == "done" and r.run_id not in superseded]
        return alive[-1] if alive else None

    def answered(self, cell_key: str) -> Record | None:
        """As `done`, or the newest record that says that the cell does not apply."""
        if (done := self.done(cell_key)) is not None:
            return done
        found = [r for r in self._of_cell(cell_key) if r.status == "not_applicable"]
        return found[-1] if found else None

    def failures(self, cell_key: str) -> list[Record]:
        """The failed attempts at a cell, oldest first."""
        return [record for record in self._of_cell(cell_key) if record.status == "failed"]

    def invalidate(self, run_id: str, reason: str) -> Path:
        """Withdraw a record; it stays on disk, no report counts it, and its cell runs again."""
        if not reason.strip():
            raise UsageError(f"invalidating {run_id} needs a reason; it is stored with the record")
        if run_id not in {path.stem.partition("-")[2] for path in self.paths()}:
            raise UsageError(f"no record with run_id {run_id!r} below {self.root}")
        mark = Tombstone(run_id=run_id, reason=reason, created=now())
        path = self.root / "tombstones" / f"{run_id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # withdrawn before: the first reason stands
            write_new(path, mark.model_dump_json(indent=1).encode())
        return path

    def tombstones(self) -> dict[str, str]:
        """run_id -> reason of every withdrawn record. An unreadable tombstone still withdraws."""
        found = {}
        for path in _records_in(self.root / "tombstones", "*"):
            try:
                found[path.stem] = Tombstone.model_validate_json(path.read_bytes()).reason
            except (OSError, ValidationError):
                found[path.stem] = "unreadable tombstone"
        return found

    def _of_cell(self, cell_key: str) -> list[Record]:
        paths = [path for kind in KINDS for path in _records_in(self.root / kind, f"{cell_key}-*")]
        gone = self.tombstones()
        return [record for record in self._read(paths)[0] if record.run_id not in gone]

    def _read(
        self, paths: Iterable[Path], *, read: Callable[[Path], bytes] = Path.read_bytes
    ) -> tuple[list[Record], list[Problem]]:
        records, problems = [], []
        with _without_collector():
            for path in paths:
                place = path.relative_to(self.root).as_posix()
                try:
                    records.append(Record.model_validate_json(read(path)))
                except (OSError, ValueError) as error:  # ValidationError is a ValueError
                    problems.append(Problem(code="unreadable", path=place, message=_short(error)))
        records.sort(key=lambda record: (record.finished, record.run_id))
        return records, problems

    def _lock(self, cell_key: str) -> FileLock:
        folder = self.root / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{cell_key}.lock")


def _records_in(folder: Path, stem: str) -> list[Path]:
    # pathlib's glob matches a leading dot; temporary files start with one
    return sorted(path for path in folder.glob(f"{stem}.json") if not path.name.startswith("."))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the search for circles: it would walk all records again and again as they pile up."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place or 'record'}: {first['msg']} ({error.error_count()} finding(s))"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg}"
    return str(error)
