"""Checks that stored records still say what their files say: `bench results verify`."""

from __future__ import annotations

import math
from pathlib import Path

from benchmark.results.keys import cell_key, file_sha256
from benchmark.results.predictions import read_predictions
from benchmark.results.schema import Record
from benchmark.results.scores import recomputable, recompute
from benchmark.results.store import Problem, RecordStore
from benchmark.results.versions import Versions, newest, stale_reason
from registries.errors import VerificationError

TOLERANCE = 1e-6  # chosen, percentage points: what summation order may change across platforms


def verify(store: RecordStore, *, current: Versions | None = None) -> list[Problem]:
    """Every problem of a store; level "error" means that a number cannot be trusted.

    Finds unreadable files, names or keys that do not fit their content, missing or changed
    prediction files, scores that their predictions do not give, and (as warnings) stale versions
    and metrics that cannot be recomputed. current: versions in use now; without it, the newest in
    the store.
    """
    records = store.read_all(indexed=False)
    problems = list(store.problems)
    current = current if current is not None else newest(records)
    stored = {path.name for kind in ("eval", "pretrain") for path in (store.root / kind).glob("*")}
    for record in records:
        problems += _check_key(store, record, stored)
        problems += _check_scores(store, record)
        if reason := stale_reason(record, current):
            problems.append(_problem(store, record, code="stale", message=reason, warning=True))
    return problems


def _check_key(store: RecordStore, record: Record, stored: set[str]) -> list[Problem]:
    found = []
    if store.path(record).name not in stored:
        message = (
            f"no file is named after this record's cell key {record.cell_key} and run id "
            f"{record.run_id}: its key or its name was changed"
        )
        found.append(_problem(store, record, code="key", message=message))
    if record.key_fields and (expected := cell_key(record.key_fields)) != record.cell_key:
        message = f"cell key is {record.cell_key}, but its key fields give {expected}"
        found.append(_problem(store, record, code="key", message=message))
    return found


def _check_scores(store: RecordStore, record: Record) -> list[Problem]:
    if record.predictions is None:
        if record.status == "done" and record.kind == "eval":
            message = "no predictions are stored, so no score can be recomputed"
            return [_problem(store, record, code="predictions", message=message, warning=True)]
        return []
    path = store.find_predictions(record)
    if path is None:
        message = f"predictions {record.predictions.path} are missing"
        return [_problem(store, record, code="predictions", message=message)]
    if (found := file_sha256(path)) != record.predictions.sha256:
        message = f"{record.predictions.path} was changed: {found[:12]}..., recorded "
        message += f"{record.predictions.sha256[:12]}..."
        return [_problem(store, record, code="predictions", message=message)]
    return _compare(store, record, path)


def _compare(store: RecordStore, record: Record, path: Path) -> list[Problem]:
    problems = []
    try:
        table = read_predictions(path)
    except VerificationError as error:
        return [_problem(store, record, code="predictions", message=str(error))]
    for name, score in record.scores.items():
        if not recomputable(name):
            message = f"{name} cannot be recomputed from the predictions"
            problems.append(_problem(store, record, code="metric", message=message, warning=True))
            continue
        try:
            again = recompute(name, table)
        except ValueError as error:
            problems.append(_problem(store, record, code="score", message=f"{name}: {error}"))
            continue
        if again.n != score.n or not math.isclose(
            again.value, score.value, rel_tol=0.0, abs_tol=TOLERANCE
        ):
            message = f"{name} is recorded as {score.value!r} over {score.n}, but the predictions "
            message += f"give {again.value!r} over {again.n}"
            problems.append(_problem(store, record, code="score", message=message))
    return problems


def _problem(
    store: RecordStore, record: Record, *, code: str, message: str, warning: bool = False
) -> Problem:
    place = store.path(record).relative_to(store.root).as_posix()
    return Problem(
        code=code,
        path=place,
        message=message,
        level="warning" if warning else "error",
        run_id=record.run_id,
    )
