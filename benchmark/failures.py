"""What is kept of a cell that failed: a record, and a log to read."""

from __future__ import annotations

import os
import sys
import traceback

from benchmark.paths import CHECKOUT
from benchmark.plan import EvalCell, Plan
from benchmark.progress import Progress
from benchmark.records import unscored_record
from benchmark.results.schema import Failure, Record
from benchmark.results.store import RecordStore
from registries.errors import BenchError


def fail(
    cell: EvalCell,
    plan: Plan,
    error: Exception,
    *,
    store: RecordStore,
    progress: Progress,
    step: int | None = None,
) -> Record:
    """Record a failure, keep its traceback in a file to read, and say it in one paragraph.

    step: the last one that was reported, of the cell or of the pretraining it needs.
    """
    failure = Failure(
        exception=type(error).__name__,
        message=code_by_module(str(error)),  # a data worker's error quotes its own traceback
        traceback=code_by_module("".join(traceback.format_exception(error))),
        attempt=len(store.failures(cell.key)) + 1,
        step=step,
    )
    source = store.done(cell.encoder.key)  # None where the failure was in pretraining itself
    record = unscored_record(cell, plan, status="failed", source=source, failure=failure)
    store.write(record)
    reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    where = "" if step is None else f" at step {step}"
    progress.say(f"FAILED {cell.label}: {reason}{where} · log {store.write_log(record)}")
    return record


def code_by_module(text: str) -> str:
    """A traceback whose files stand below Python's path: `torch/nn/modules/conv.py`.

    Records are shared; where a machine keeps its code says nothing to others.
    """
    for root in sorted({str(CHECKOUT), *filter(None, sys.path)}, key=len, reverse=True):
        text = text.replace(f'File "{root}{os.sep}', 'File "')
    return text
