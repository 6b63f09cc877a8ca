"""What paired records say: the difference, whether it is more than noise, what would have shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmark.compare.pairs import Block, Column
from benchmark.compare.setup import told
from benchmark.results.keys import file_sha256
from benchmark.results.predictions import PredictionTable, read_predictions
from benchmark.results.schema import Record
from benchmark.results.scores import recomputable
from benchmark.results.store import RecordStore
from benchmark.statistics import (
    LEVEL,
    Difference,
    McNemar,
    holm,
    mcnemar,
    minimum_detectable_effect,
    paired_difference,
    seed_difference,
)
from registries.errors import VerificationError

Verdict = Literal["A better", "B better", "not distinguishable"]
Tables = list[list[PredictionTable]]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One block, tested. a, b: mean scores; difference: a - b; samples: test samples of all folds.

    p_holm: corrected for the comparisons of its task; detectable: the smallest true difference this
    test finds with a chance of .8, before Holm. mcnemar: of each seed, for accuracy.
    """

    column: Column
    a: float
    b: float
    unit: str
    difference: Difference
    folds: int
    samples: int
    detail: str
    mcnemar: tuple[McNemar, ...] = ()
    p_holm: float | None = None
    detectable: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """A claim only where the corrected p is below 1 - level."""
        if self.p_holm is None or self.p_holm >= 1 - LEVEL:
            return "not distinguishable"
        return (
            "A better"
            if (self.difference.mean > 0) == self.column.higher_is_better
            else ("B better")
        )


def compare(blocks: Sequence[Block], store: RecordStore) -> list[Comparison]:
    """Test every block; p values are corrected within each task (Holm).

    Raises VerificationError for predictions that are not those the record was made from.
    """
    found = [_comparison(block, store) for block in blocks]
    families: dict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(found):
        if entry.difference.p is not None:
            families[entry.column.task].append(index)
    for members in families.values():
        adjusted = holm([found[index].difference.p or 0.0 for index in members])
        for index, p in zip(members, adjusted, strict=True):
            found[index] = replace(found[index], p_holm=float(p))
    return found


def _comparison(block: Block, store: RecordStore) -> Comparison:
    column = block.column
    a, b = (_seed_means(side) for side in (block.a, block.b))
    tables = [_tables(side, store) for side in (block.a, block.b)]
    notes = [f"differ in {told(block.differing)}"] if block.differing else []
    tests: tuple[McNemar, ...] = ()
    if tables[0] is None or tables[1] is None or not recomputable(column.metric):
        difference = seed_difference(a, b)
        notes.append("predictions are gone: tested over seeds alone")
    else:
        difference = paired_difference(tables[0], tables[1], column.metric)
        if column.metric == "top1":
            tests = tuple(mcnemar(x, y) for x, y in zip(*tables, strict=True))
    if difference.p is None:
        notes.append("nothing to test with: one seed and no groups of test samples")
    elif difference.seeds == 1:
        notes.append("one seed: says nothing of other trainings")
    for name, side in (("A", block.a), ("B", block.b)):
        if any(record.checks.above_chance is False for row in side for record in row):
            notes.append(f"{name} at or below chance")
    error, degrees = difference.standard_error, difference.degrees
    return Comparison(
        column=column,
        a=float(np.mean(a)),
        b=float(np.mean(b)),
        unit=block.a[0][0].scores[column.metric].unit,
        difference=difference,
        folds=len(block.a[0]),
        samples=sum(record.scores[column.metric].n for record in block.a[0]),
        detail=block.detail,
        mcnemar=tests,
        detectable=minimum_detectable_effect(error, degrees) if error and degrees else None,
        notes=tuple(notes),
    )


def _seed_means(side: tuple[tuple[Record, ...], ...]) -> list[float]:
    """Score of each seed: the mean over its folds."""
    return [
        float(np.mean([record.primary.value for record in folds if record.primary]))
        for folds in side
    ]


def _tables(side: tuple[tuple[Record, ...], ...], store: RecordStore) -> Tables | None:
    """Predictions by seed and fold, or None where one is gone."""
    found: Tables = []
    for folds in side:
        row = []
        for record in folds:
            path = store.find_predictions(record)
            if path is None or record.predictions is None:
                return None
            if file_sha256(path) != record.predictions.sha256:
                raise VerificationError(
                    f"{path} is not the file that record {record.run_id} was made from; "
                    "`bench results verify` says more. Withdraw the record and run its cell again."
                )
            row.append(read_predictions(path))
        found.append(row)
    return found
