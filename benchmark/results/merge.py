"""Brings the records of another folder into this one: `bench results merge OTHER...`.

What arrives has passed the checks of `verify` where it came from. Nothing here is overwritten:
equal files are skipped, differing ones are conflicts and stay away. Encoders and checkpoints do not
travel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.results.atomic import write_new
from benchmark.results.keys import file_sha256
from benchmark.results.schema import Record
from benchmark.results.store import KINDS, Problem, RecordStore
from benchmark.results.verify import verify
from registries.errors import NotReadyError, UsageError


@dataclass
class Merged:
    """What came of one folder.

    copied, known: records that are new here, that were here already. conflicts: what this folder
    holds with another content. refused: what cannot be trusted where it is. shared: cells of
    the copied ones with more than one done record now; the newest counts.
    """

    source: Path
    copied: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)


def merge(store: RecordStore, source: RecordStore) -> Merged:
    """Copy what `source` has and `store` lacks: tombstones, then predictions, then records.

    In this order a withdrawn record never counts here, and a record never lacks its predictions.
    Raises NotReadyError for a folder without records, UsageError for the same folder.
    """
    _refuse_folder(store, source)
    found = Merged(source.root)
    _tombstones(store, source, found)
    errors = [problem for problem in verify(source) if problem.level == "error"]
    unsound = {problem.path for problem in errors}
    found.refused = errors
    cells = {path.stem.partition("-")[2]: path.name for path in store.paths()}
    for record in source.read_all(invalidated=True, indexed=False):
        path = source.path(record)
        place = path.relative_to(source.root).as_posix()
        if place in unsound or not path.is_file():
            continue
        if cells.get(record.run_id, path.name) != path.name:
            found.conflicts.append(f"{place}: run {record.run_id} is {cells[record.run_id]} here")
        elif _predictions(store, source, record, found) and _copy(store, path, place, found):
            found.copied.append(place)
    found.shared = _shared(store.read_all(indexed=False), found.copied)
    return found


def _refuse_folder(store: RecordStore, source: RecordStore) -> None:
    if not any((source.root / kind).is_dir() for kind in KINDS):
        raise NotReadyError(
            f"{source.root} holds no records (no folder {' or '.join(KINDS)}). "
            "Give the folder that a run had as --out."
        )
    if source.root.resolve() == store.root.resolve():
        raise UsageError(f"{source.root} is the folder to merge into; give another one.")


def _tombstones(store: RecordStore, source: RecordStore, found: Merged) -> None:
    here = store.tombstones()
    for run_id, reason in source.tombstones().items():
        path = source.root / "tombstones" / f"{run_id}.json"
        if run_id not in here:
            _put(store.root / "tombstones" / path.name, path.read_bytes())
            found.withdrawn.append(run_id)
        elif reason != here[run_id]:
            found.conflicts.append(
                f"tombstones/{path.name}: withdrawn here too, for another reason ({here[run_id]})"
            )


def _predictions(store: RecordStore, source: RecordStore, record: Record, found: Merged) -> bool:
    """Whether the predictions of a record are here now, copied if need be."""
    path = source.find_predictions(record)
    if record.predictions is None:
        return True
    if path is None or file_sha256(path) != record.predictions.sha256:
        # of a withdrawn record: `verify` has not looked at those
        message = f"predictions {record.predictions.path} are missing or were changed"
        place = source.path(record).relative_to(source.root).as_posix()
        found.refused.append(
            Problem(code="predictions", path=place, message=message, run_id=record.run_id)
        )
        return False
    place = path.relative_to(source.root).as_posix()
    target = store.root / place
    if not target.exists():
        _put(target, path.read_bytes())
    elif file_sha256(target) != record.predictions.sha256:
        found.conflicts.append(f"{place}: another content is here; its record stays away")
        return False
    return True


def _copy(store: RecordStore, path: Path, place: str, found: Merged) -> bool:
    """Whether a record was new and has been copied."""
    target, content = store.root / place, path.read_bytes()
    if not target.exists():
        _put(target, content)
        return True
    if target.read_bytes() == content:
        found.known.append(place)
    else:
        found.conflicts.append(f"{place}: another content is here and stays")
    return False


def _put(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    write_new(target, content)


def _shared(records: Iterable[Record], copied: Iterable[str]) -> list[str]:
    """Cells of the copied records that are done more than once."""
    cells = {Path(place).name.partition("-")[0] for place in copied}
    done = Counter(record.cell_key for record in records if record.status == "done")
    return sorted(key for key in cells if done[key] > 1)
