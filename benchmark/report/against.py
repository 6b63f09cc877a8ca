"""Differences to scratch within seeds, task by task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from benchmark.report.accounts import NOTHING
from benchmark.report.blocks import of_seed
from benchmark.report.grid import Grid, needed_folds, setting_of
from benchmark.report.keys import ColumnKey, RowKey, row_labels
from benchmark.report.layout import objective_title
from benchmark.report.measured import Measure
from benchmark.report.model import Cell, Row, Table
from benchmark.results.schema import Record
from benchmark.statistics import interval

ANCHOR = "scratch"


def against_table(grid: Grid, *, measure: Measure) -> Table | None:
    """Score minus that of the same seed from scratch; None where nothing stands beside scratch."""
    folds = needed_folds(grid)
    labels = row_labels(grid)
    anchors = {row.conditions.backbone: row for row in grid if _is_anchor(row)}
    rows = [row for row in grid if not _is_anchor(row) and row.conditions.backbone in anchors]
    columns = sorted({c for row in anchors.values() for c in grid[row]}, key=_order)
    beside = [column for column in columns if any(column in grid[row] for row in rows)]
    if not beside:
        return None
    lines, unproven = [], defaultdict(list)
    for row in sorted(rows, key=lambda row: row.order):
        anchor = grid[anchors[row.conditions.backbone]]
        cells = [
            difference(grid[row], anchor, column, measure=measure, folds=folds) for column in beside
        ]
        lines.append(Row(label=labels[row], cells=tuple(cells)))
        for column, cell in zip(beside, cells, strict=True):
            if cell.half_width is not None and not _better(cell, column):
                unproven[column].append(labels[row])
    return Table(
        name="against",
        title=f"Against {objective_title(ANCHOR)}",
        columns=tuple(replace(column.column(), digits=1) for column in beside),
        rows=tuple(lines),
        notes=tuple(_notes(beside, unproven)),
    )


def _order(column: ColumnKey) -> tuple[object, ...]:
    return column.order


def _is_anchor(row: RowKey) -> bool:
    return row.objective == ANCHOR and not row.recipe and not row.params


def difference(
    ours: Mapping[ColumnKey, list[Record]],
    theirs: Mapping[ColumnKey, list[Record]],
    column: ColumnKey,
    *,
    measure: Measure,
    folds: Mapping[ColumnKey, frozenset[int]],
    alike: bool = True,
) -> Cell:
    """Our score minus theirs, over the seeds that both have, each seed's own in `by_seed`.

    alike: only where both were evaluated by one recipe.
    """
    if column not in ours or column not in theirs:
        return NOTHING
    pair = ours[column], theirs[column]
    found, base = (measure(records, folds=folds[column]) for records in pair)
    if found.value is None:
        return found
    one, other = of_seed(found), of_seed(base)
    shared = sorted(set(one) & set(other))
    same = len({frozenset(setting_of(record) for record in records) for records in pair}) == 1
    if not shared or (alike and not same):
        why = "evaluated by another recipe" if shared else "no seed in common"
        return replace(NOTHING, note=why)
    within = {seed: one[seed] - other[seed] for seed in shared}
    return mean_of_seeds(within, run_ids=(*found.run_ids, *base.run_ids))


def mean_of_seeds(values: Mapping[int, float], *, run_ids: tuple[str, ...]) -> Cell:
    """Mean of one value a seed with the interval that they give."""
    mean, half = interval(list(values.values()))
    by_seed = tuple(((seed,), value) for seed, value in values.items())
    return Cell(
        origin="measured",
        value=mean,
        half_width=half,
        n=len(values),
        by_seed=by_seed,
        run_ids=run_ids,
    )


def _better(cell: Cell, column: ColumnKey) -> bool:
    """Whether the whole interval lies on the good side."""
    assert cell.value is not None
    assert cell.half_width is not None
    return (cell.value if column.higher_is_better else -cell.value) > cell.half_width


def _notes(columns: list[ColumnKey], unproven: Mapping[ColumnKey, list[str]]) -> list[str]:
    title = objective_title(ANCHOR)
    notes = [
        f"score - {title} within each seed; mean ± half width of the 95 % interval over seeds "
        "(Student t), (seeds). One seed has no interval."
    ]
    for column in columns:
        if column in unproven:
            notes.append(
                f"{column.label} ({column.protocol}), not better than {title}, as the interval "
                f"holds zero or lies on the bad side: {', '.join(unproven[column])}."
            )
    return notes
