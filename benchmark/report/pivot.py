"""Fills a paper's layout: published numbers first, measured ones in columns of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmark.report.best import Compare, over_seeds, with_best
from benchmark.report.grid import Grid, arrange, column_keys, needed_folds
from benchmark.report.keys import ColumnKey, row_labels
from benchmark.report.layout import CITATIONS, metric_title
from benchmark.report.measured import Measure
from benchmark.report.model import Cell, Column, Mark, Row, Table
from benchmark.report.objectives import ABSENT, measured_notes, published_notes, uneven_columns
from benchmark.report.paper_lines import Line
from benchmark.report.papers import PaperTable
from benchmark.report.published import PublishedRow, published_cell
from benchmark.results.schema import Record

EMPTY = Cell(origin="measured", mark=Mark.MISSING)


@dataclass(frozen=True)
class MeasuredRows:
    """Records of one table: line -> rows of its own, for it may hold several variants."""

    grids: dict[Line, Grid]
    columns: list[ColumnKey]

    @property
    def grid(self) -> Grid:
        """All rows together: one may stand in several lines, as with sight and with sound too."""
        found: Grid = {}
        for grid in self.grids.values():
            for key, cells in grid.items():
                row = found.setdefault(key, {})
                for column, records in cells.items():
                    row[column] = [*row.get(column, ()), *records]
        return found


def paper_table(
    layout: PaperTable,
    rows: list[PublishedRow],
    records: Iterable[Record],
    *,
    measure: Measure,
    compare: Compare = over_seeds,
) -> Table | None:
    """The table of a layout; None where neither side has a number for it."""
    measured = _measured_rows(layout, records)
    said, columns = _published(layout, rows)
    if not said and len(measured.grid) < layout.least:
        return None
    lines = _joined(list(said), list(measured.grids))
    folds = needed_folds(measured.grid)
    drawn: list[Row] = []
    for line, own in lines:
        beside = [said.get(line, {}).get(column, ABSENT) for column in columns]
        variants = measured.grids.get(own, {}) if own else {}
        for index, (label, cells) in enumerate(_variants(line, variants)):
            done = [
                measure(cells[key], folds=folds[key]) if cells.get(key) else EMPTY
                for key in measured.columns
            ]
            left = beside if index == 0 else [ABSENT] * len(columns)
            drawn.append(
                Row(
                    label=label,
                    details=line.details,
                    section=line.section,
                    cells=(*left, *done),
                )
            )
    table = Table(
        name=layout.name if layout.table else layout.paper.lower(),
        title=f"{layout.paper} {layout.table}: {layout.title}" if layout.table else layout.title,
        columns=(*columns, *(key.column() for key in measured.columns)),
        rows=tuple(drawn),
        label_head=layout.heads[0],
        detail_heads=() if layout.sideways else layout.heads[1:],
    )
    unranked = uneven_columns(measured.grid, measured.columns, offset=len(columns))
    notes = [f"Source: {CITATIONS[layout.paper]}."] if said else []
    notes += published_notes(table) + measured_notes(
        table, measured.grid, any_uneven=bool(unranked)
    )
    table = replace(table, notes=tuple(notes))
    if layout.sideways:
        return with_best(turned(table, head=layout.heads[0]), compare=compare)
    return with_best(without_empty_details(table), unranked=unranked, compare=compare)


def without_empty_details(table: Table) -> Table:
    """The table without the details that no row has: facts of records where there are none."""
    kept = [i for i in range(len(table.detail_heads)) if any(row.details[i] for row in table.rows)]
    return replace(
        table,
        detail_heads=tuple(table.detail_heads[i] for i in kept),
        rows=tuple(replace(row, details=tuple(row.details[i] for i in kept)) for row in table.rows),
    )


def turned(table: Table, *, head: str) -> Table:
    """Tasks become rows and rows columns, within each group of columns."""
    tasks: dict[str, Column] = {}
    for column in table.columns:
        tasks.setdefault(column.label, column)
    columns: list[Column] = []
    cells: dict[str, list[Cell]] = defaultdict(list)
    for group in dict.fromkeys(column.group for column in table.columns):
        places = {c.label: i for i, c in enumerate(table.columns) if c.group == group}
        origin = table.columns[next(iter(places.values()))]
        for row in table.rows:
            if all(row.cells[i] in (ABSENT, EMPTY) for i in places.values()):
                continue
            columns.append(replace(origin, label=row.label, metric="", higher_is_better=None))
            blank = ABSENT if origin.origin == "published" else EMPTY
            for task in tasks:
                cells[task].append(row.cells[places[task]] if task in places else blank)
    rows = tuple(
        Row(
            label=task,
            details=(f"{column.metric} {column.arrow}",),
            cells=tuple(cells[task]),
            higher_is_better=column.higher_is_better,
        )
        for task, column in tasks.items()
    )
    return replace(
        table,
        columns=tuple(columns),
        rows=rows,
        label_head=head,
        detail_heads=("metric",),
        along_rows=True,
    )


def _published(
    layout: PaperTable, rows: list[PublishedRow]
) -> tuple[dict[Line, dict[Column, Cell]], list[Column]]:
    """Cells by line and column, and the columns, both in the order of the file."""
    found: dict[Line, dict[Column, Cell]] = defaultdict(dict)
    columns: dict[Column, None] = {}
    for row in rows:
        group, label = layout.column(row)
        place = [layout.paper, *([layout.table] if layout.table else []), *([group] * bool(group))]
        column = Column(
            group=("published", *place),
            label=label,
            metric=metric_title(row.metric),
            higher_is_better=row.higher_is_better,
            origin="published",
            kind="full",
        )
        columns.setdefault(column)
        line = layout.published(row)
        cell = published_cell(row)
        if line.label == "SOTA":
            cell = replace(cell, aside=row.name)
        found[line][column] = cell
    by_key = {line.key: cells for line, cells in found.items()}
    for key, reference in layout.against.items():
        if key in by_key and reference in by_key:
            _print_differences(by_key[key], by_key[reference])
    return dict(found), list(columns)


def _print_differences(cells: dict[Column, Cell], reference: dict[Column, Cell]) -> None:
    """Add the arrow and the difference that the paper prints behind its numbers."""
    for column, cell in cells.items():
        other = reference.get(column)
        if other is not None and cell.value is not None and other.value is not None:
            gap = cell.value - other.value
            arrow = "↑" if gap > 0 else "↓"
            cells[column] = replace(cell, aside=f"{arrow} {abs(gap):.{column.digits}f}")


def _measured_rows(layout: PaperTable, records: Iterable[Record]) -> MeasuredRows:
    buckets: dict[Line, list[Record]] = defaultdict(list)
    for record in records:
        if layout.belongs(record) and (line := layout.measured(record)) is not None:
            buckets[line].append(record)
    every = [record for found in buckets.values() for record in found]
    keys = column_keys(every)
    columns = sorted(set(keys.values()), key=lambda key: key.order)
    rows = {line: arrange(found, keys, among=every) for line, found in buckets.items()}
    return MeasuredRows(rows, columns)


def _joined(said: list[Line], measured: list[Line]) -> list[tuple[Line, Line | None]]:
    """(line to print, line of its records): measured lines of no published row come last."""
    by_key = {line.key: line for line in measured}
    keys = {line.key for line in said}
    found: list[tuple[Line, Line | None]] = [(line, by_key.get(line.key)) for line in said]
    own = [line for line in measured if line.key not in keys]
    return found + [(line, line) for line in own]


def _variants(line: Line, grid: Grid) -> list[tuple[str, dict[ColumnKey, list[Record]]]]:
    """Rows of one line: numbers made under other conditions are never averaged."""
    if not grid:
        return [(line.label, {})]
    keys = sorted(grid, key=lambda key: key.order)
    if len(keys) == 1:
        return [(line.label, grid[keys[0]])]
    labels = row_labels(keys)
    # what sets a variant apart: its label without the objective's title
    apart = [labels[key].partition(": ")[2] for key in keys]
    names = [f"{line.label}: {words}" if words else line.label for words in apart]
    found = [(name, grid[key]) for name, key in zip(names, keys, strict=True)]
    # beside the published number stands what nothing sets apart; the sort is stable
    return sorted(found, key=lambda entry: entry[0] != line.label)
