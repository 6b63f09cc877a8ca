"""Predictions in fewer bytes: scores rounded to a few significant bits where no number changes.

The last bits of a float32 that a network gives are noise, and noise does not compress. A record
stays what it is: its successor names the smaller file and supersedes it; then the old pair goes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_LZMA

import numpy as np
from numpy.typing import NDArray

from benchmark.results.predictions import PredictionTable, read_predictions, write_table
from benchmark.results.schema import Record, new_run_id
from benchmark.results.scores import recomputable, recompute
from benchmark.results.store import RecordStore

FLOAT_BITS = 24  # significant ones of a float32
BITS = (11, 14, 17, FLOAT_BITS)  # chosen, tried in turn; 11 are those of a half-precision float
WORTH = 0.95  # chosen: of its bytes, what a file must come down to


@dataclass(kw_only=True)
class Compacted:
    """How many records were rewritten, how many stay as they are, and bytes of the rewritten."""

    rewritten: int = 0
    kept: int = 0
    before: int = 0
    after: int = 0


def compact(store: RecordStore) -> Compacted:
    """Rewrite the predictions of a store, each with as few bits as change nothing.

    Neither a score of the record nor the answer for any sample becomes another. What would hardly
    get smaller stays as it is.
    """
    found = Compacted()
    records = store.read_all(indexed=False)
    superseded = {record.supersedes for record in records}
    for record in records:
        path = store.find_predictions(record)
        if path is None or record.run_id in superseded:
            continue
        successor = _smaller(store, record, path)
        if successor is None:
            found.kept += 1
            continue
        store.write(successor)
        found.rewritten += 1
        found.before += path.stat().st_size
        found.after += store.predictions_path(record.cell_key, successor.run_id).stat().st_size
        store.path(record).unlink()
        path.unlink()
    return found


def rounded(score: NDArray[Any], bits: int) -> NDArray[np.float32]:
    """The nearest float32 of each with so many significant bits, ties away from zero."""
    whole = np.ascontiguousarray(score, dtype=np.float32).view(np.uint32)
    drop = FLOAT_BITS - bits
    half = np.uint32(1 << drop >> 1)
    return ((whole + half) >> drop << drop).view(np.float32)


def _smaller(store: RecordStore, record: Record, path: Path) -> Record | None:
    """The successor of a record, its predictions written; None where they get no smaller."""
    table = read_predictions(path)
    shorter = [replace(table, score=rounded(table.score, bits)) for bits in BITS]
    if any(np.array_equal(found.score, table.score) for found in shorter[:-1]):
        short = table  # rounded before: two small steps may be a large one
    else:
        short = next(found for found in shorter if _same(record, table, found))
    run_id = new_run_id()
    target = store.predictions_path(record.cell_key, run_id)
    written = write_table(target, short, root=store.root, method=ZIP_LZMA)
    if target.stat().st_size > WORTH * path.stat().st_size:
        target.unlink()
        return None
    own = {"run_id": run_id, "supersedes": record.run_id, "predictions": written}
    return record.model_copy(update=own)


def _same(record: Record, table: PredictionTable, short: PredictionTable) -> bool:
    """Whether every score of the record, and the answer for every sample, is what it was."""
    if np.array_equal(short.score, table.score):
        return True
    if not np.isfinite(short.score).all():
        return False
    if not np.array_equal(table.score.argmax(axis=1), short.score.argmax(axis=1)):
        return False
    return all(
        recomputable(name)
        and math.isclose(recompute(name, short).value, score.value, rel_tol=0.0, abs_tol=1e-9)
        for name, score in record.scores.items()
    )
