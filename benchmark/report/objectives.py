"""Objectives x tasks: everything measured, and beside it what the papers say of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

from benchmark.report.best import Compare, over_seeds, with_best
from benchmark.report.grid import Grid, needed_folds, uneven
from benchmark.report.keys import ROW_ORDER, ColumnKey, RowKey, row_labels
from benchmark.report.layout import (
    TABLE_4_ROWS,
    TABLE_4_TASKS,
    TASKS,
    metric_title,
    objective_title,
    rank,
)
from benchmark.report.measured import Measure
from benchmark.report.model import Cell, Column, Flag, Mark, Row, Table
from benchmark.report.published import PublishedRow, published_cell

# (objective, task, protocol, data kind) -> why there is no record, e.g. (Mark.BLOCKED, "no data")
Reasons = Mapping[tuple[str, str, str, str], tuple[Mark, str]]

ABSENT = Cell(origin="published", mark=Mark.NOT_APPLICABLE)
INTERVALS = "measured: mean ± half width of the 95 % interval over seeds (Student t), (seeds)."
UNEVEN = "A column whose rows were pretrained or evaluated under different conditions has no best."


def objectives_table(
    grid: Grid,
    rows: list[PublishedRow],
    *,
    measure: Measure,
    reasons: Reasons,
    compare: Compare = over_seeds,
) -> Table:
    """Objectives x tasks: published columns, then a column group per data kind and protocol."""
    measured = sorted({key for cells in grid.values() for key in cells}, key=lambda key: key.order)
    folds = needed_folds(grid)
    labels = row_labels(grid)
    sources = _published_columns(rows, measured)
    columns = [column for column, _ in sources] + [key.column() for key in measured]
    lines: list[Row] = []
    for name, key in _row_keys(labels, rows):
        said = [found.get(name, ABSENT) for _, found in sources]
        if key is not None and not _stands_for(key, labels):
            said = [ABSENT] * len(sources)  # published: above
        cells = grid.get(key, {}) if key else {}
        done = [
            measure(cells[column], folds=folds[column])
            if cells.get(column)
            else _no_record(name, column, reasons)
            for column in measured
        ]
        label = labels[key] if key else objective_title(name)
        lines.append(Row(label=label, cells=(*said, *done)))
    unranked = uneven_columns(grid, measured, offset=len(sources))
    table = Table(
        name="objectives",
        title="Objectives x tasks",
        columns=tuple(columns),
        rows=tuple(lines),
    )
    notes = published_notes(table) + measured_notes(table, grid, any_uneven=bool(unranked))
    return with_best(replace(table, notes=tuple(notes)), unranked=unranked, compare=compare)


def uneven_columns(grid: Grid, columns: list[ColumnKey], *, offset: int = 0) -> frozenset[int]:
    """Places of the columns whose rows were made under different conditions."""
    return frozenset(offset + index for index, column in enumerate(columns) if uneven(grid, column))


def measured_notes(table: Table, grid: Grid, *, any_uneven: bool) -> list[str]:
    """How to read the measured numbers, what they were made with, and what went wrong."""
    if not grid:
        return []
    texts = sorted({key.conditions.text() for key in grid})
    notes = [INTERVALS, f"measured with: {'; '.join(texts)}."]
    notes += [UNEVEN] if any_uneven else []
    return notes + _cell_notes(table)


def _cell_notes(table: Table) -> list[str]:
    """What is to be known of measured cells, once for the rows and columns that share it."""
    rows: dict[tuple[str, Column], list[str]] = defaultdict(list)
    for row, column, cell in table.cells:
        if cell.origin == "measured" and cell.note:
            rows[cell.note, column].append(row.label)
    shared: dict[tuple[tuple[str, ...], str, str], list[str]] = defaultdict(list)
    for (note, column), labels in rows.items():
        shared[column.group, note, ", ".join(labels)].append(column.label)
    sizes = Counter(column.group for column in table.columns)
    return [
        f"{labels}, {', '.join(group[1:])}"
        f"{'' if len(columns) == sizes[group] > 1 else ', ' + ', '.join(columns)}: {note}"
        for (group, note, labels), columns in shared.items()
    ]


def published_notes(table: Table) -> list[str]:
    """The note of every doubtful or reconstructed number, from its flag on."""
    found = []
    for row, column, cell in table.cells:
        doubtful = {Flag.SUSPECT, Flag.RECONSTRUCTED} & set(cell.flags)
        if cell.origin == "published" and doubtful:
            start = min(cell.note.find(flag.name) for flag in doubtful)
            found.append(f"{row.label}, {column.label}: {cell.note[start:]}")
    return found


def _published_columns(
    rows: list[PublishedRow], measured: list[ColumnKey]
) -> list[tuple[Column, dict[str, Cell]]]:
    """Columns of published numbers and objective -> cell: Table 4, and Table 6 for further tasks.

    Table 6 is the only other one with GLCM on K-AV-15K; numbers with other pretraining would
    mislead here.
    """
    if not rows:
        return []
    further = [key.task for key in measured if key.task not in TABLE_4_TASKS]
    places = [("Table 4", task) for task in TABLE_4_TASKS]
    places += [("Table 6", task) for task in dict.fromkeys(further)]
    names = {objective_title(name): name for name in TABLE_4_ROWS}
    found = []
    for table, task in places:
        said, metric = TASKS.get(task, ("", ""))
        hits = [
            row
            for row in rows
            if (row.paper, row.table, row.task, row.metric) == ("GLCM", table, said, metric)
            and row.name in names
        ]
        if hits:
            column = Column(
                group=("published", f"GLCM {table}", hits[0].pretraining),
                label=said,
                metric=metric_title(metric),
                higher_is_better=hits[0].higher_is_better,
                origin="published",
                kind="full",
            )
            found.append((column, {names[row.name]: published_cell(row) for row in hits}))
    return found


def _no_record(objective: str, column: ColumnKey, reasons: Reasons) -> Cell:
    place = (objective, column.task, column.protocol, column.kind)
    mark, note = reasons.get(place, (Mark.MISSING, ""))
    return Cell(origin="measured", mark=mark, note=note)


def _row_keys(
    labels: dict[RowKey, str], rows: list[PublishedRow]
) -> list[tuple[str, RowKey | None]]:
    """(objective, measured row or None) in table order; variants follow the published numbers."""
    said = [name for name in TABLE_4_ROWS if rows]
    found: list[tuple[str, RowKey | None]] = []
    for key in sorted(labels, key=lambda key: (not _stands_for(key, labels), key.order)):
        first = key.objective not in {name for name, _ in found}
        if first and key.objective in said and not _stands_for(key, labels):
            found.append((key.objective, None))
        found.append((key.objective, key))
    measured = {name for name, _ in found}
    found += [(name, None) for name in said if name not in measured]
    # the sort is stable: variants stay in order
    return sorted(found, key=lambda entry: rank(entry[0], ROW_ORDER))


def _stands_for(key: RowKey, labels: dict[RowKey, str]) -> bool:
    """Whether a row is the objective itself, beside which its published numbers stand."""
    return labels[key] == objective_title(key.objective)
