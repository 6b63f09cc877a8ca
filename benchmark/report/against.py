"""Differences within seeds, task by task: to scratch, and of variants to the objective itself."""

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
        cells = [_cell(grid[row], anchor, column, measure, folds) for column in beside]
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


def variants_table(grid: Grid, *, measure: Measure) -> Table | None:
    """Score of a variant minus that of its objective, the row with most columns; None without any.

    What a variant changes in how it is evaluated belongs to it, unlike in `against_table`.
    """
    folds, labels = needed_folds(grid), row_labels(grid)
    families: dict[tuple[str, str], list[RowKey]] = defaultdict(list)
    for row in sorted(grid, key=lambda row: row.order):
        families[row.objective, row.conditions.backbone].append(row)
    pairs = [
        (row, max(rows, key=lambda row: len(grid[row])))
        for rows in families.values()
        for row in rows
    ]
    pairs = [(row, base) for row, base in pairs if row != base and set(grid[row]) & set(grid[base])]
    columns = sorted({c for row, base in pairs for c in grid[row] if c in grid[base]}, key=_order)
    if not pairs:
        return None
    lines = [
        Row(
            label=labels[row],
            cells=tuple(
                _cell(grid[row], grid[base], column, measure, folds, alike=False)
                if column in grid[base]
                else NOTHING
                for column in columns
            ),
        )
        for row, base in pairs
    ]
    named = ", ".join(dict.fromkeys(labels[base] for _, base in pairs))
    return Table(
        name="variants",
        title="Variants, against the objective itself",
        columns=tuple(replace(column.column(), digits=1) for column in columns),
        rows=tuple(lines),
        notes=(
            f"score - that of {named} within each seed; mean ± half width of the 95 % interval "
            "over seeds (Student t), (seeds). One seed has no interval.",
        ),
    )


def _order(column: ColumnKey) -> tuple[object, ...]:
    return column.order


def _is_anchor(row: RowKey) -> bool:
    return row.objective == ANCHOR and not row.recipe and not row.params


def _cell(
    row: Mapping[ColumnKey, list[Record]],
    anchor: Mapping[ColumnKey, list[Record]],
    column: ColumnKey,
    measure: Measure,
    folds: Mapping[ColumnKey, frozenset[int]],
    *,
    alike: bool = True,
) -> Cell:
    """The mean difference over the seeds that both have. alike: evaluated by one recipe alone."""
    ours, theirs = row.get(column, []), anchor[column]
    if not ours:
        return NOTHING
    found, base = (measure(records, folds=folds[column]) for records in (ours, theirs))
    if found.value is None:
        return found
    same = {setting_of(record) for record in ours} == {setting_of(record) for record in theirs}
    one, other = of_seed(found), of_seed(base)
    shared = sorted(set(one) & set(other))
    if not shared or (alike and not same):
        why = "evaluated by another recipe than scratch" if shared else "no seed in common"
        return replace(NOTHING, note=why)
    mean, half = interval([one[seed] - other[seed] for seed in shared])
    runs = (*found.run_ids, *base.run_ids)
    return replace(NOTHING, mark=None, value=mean, half_width=half, n=len(shared), run_ids=runs)


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
