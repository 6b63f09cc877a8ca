"""Records for the tests of results and reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from benchmark.results.keys import cell_key
from benchmark.results.schema import (
    BackboneInfo,
    Checks,
    DataInfo,
    Failure,
    ObjectiveInfo,
    PretrainInfo,
    Record,
    Score,
    SeedInfo,
    TaskInfo,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
METRICS = {"lrs2": ("wer", False), "dfdc": ("auc", True)}


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """make_record(objective="glcm", task="lrw", value=50.0, seed=0, ...) -> Record of kind "eval".

    Each is a minute younger than the one before; value None makes a failed one; a keyword that is a
    field of Record replaces that field.
    """
    ticks = count()

    def make(
        objective: str = "glcm",
        task: str = "lrw",
        value: float | None = 50.0,
        *,
        seed: int = 0,
        fold: int = 0,
        kind: str = "miniature",
        protocol: str = "finetune",
        version: int = 1,
        steps: int = 100,
        **fields: object,
    ) -> Record:
        metric, up = METRICS.get(task, ("top1", True))
        key_fields = {
            "objective": [objective, version],
            "task": [task, fold, protocol, kind],
            "seed": seed,
            "steps": steps,
        }
        tick = next(ticks)
        base = {
            "run_id": f"run-{tick}",
            "cell_key": cell_key(key_fields),
            "key_fields": key_fields,
            "kind": "eval",
            "status": "failed" if value is None else "done",
            "created": START + timedelta(minutes=tick),
            "objective": ObjectiveInfo(name=objective, version=version),
            "backbone": BackboneInfo(name="r3d18"),
            "pretrain": PretrainInfo(dataset="mini-kav", clips=240, steps=steps, seed=seed),
            "task": TaskInfo(
                name=task,
                protocol=protocol,
                fold=fold,
                primary_metric=metric,
                higher_is_better=up,
                chance=None,
            ),
            "data": DataInfo(dataset=f"{kind}-{task}", kind=kind),
            "seed": SeedInfo(init=seed, data=seed, loader=seed),
            "scores": {} if value is None else {metric: Score(value=value, n=40)},
            "checks": Checks(above_chance=None if value is None else True),
            "failure": Failure(exception="RuntimeError", message="out of memory")
            if value is None
            else None,
        }
        return Record(**{**base, **fields})

    return make
