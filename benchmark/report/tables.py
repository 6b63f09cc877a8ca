"""The tables of a report: objectives x tasks, measured beside published, and the papers' own.

Every column holds one origin, one data kind and one protocol. Without any record the published
tables stand alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from benchmark.report.layout import (
    CITATIONS,
    TABLE_4_ROWS,
    TABLE_4_TASKS,
    TASKS,
    TITLES,
    metric_title,
    objective_title,
)
from benchmark.report.measured import (
    ColumnKey,
    Conditions,
    Grid,
    RowKey,
    arrange,
    measured_cell,
    row_order,
)
from benchmark.report.model import Cell, Column, Flag, Mark, Row, Table, with_best
from benchmark.report.published import PublishedRow, load_published
from benchmark.results.store import RecordStore
from benchmark.results.versions import Versions, newest

# (objective, task, protocol, data kind) -> why there is no record, e.g. (Mark.BLOCKED, "no data")
Reasons = Mapping[tuple[str, str, str, str], tuple[Mark, str]]

ABSENT = Cell(origin="published", mark=Mark.NOT_APPLICABLE)


def build(
    store: RecordStore | None,
    *,
    published: bool = True,
    current: Versions | None = None,
    reasons: Reasons | None = None,
) -> list[Table]:
    """All tables. The first is objectives x tasks; the others are the papers' own, if `published`.

    current: versions in use now ("objective:glcm" -> 2), for the stale mark; without it, the newest
    among the records. reasons: marks for cells without a record.
    """
    records = store.current() if store else []
    rows = load_published() if published else []
    current = current if current is not None else newest(records)
    tables = []
    grid = arrange(records)
    if grid or rows:
        tables.append(objectives_table(grid, rows, current=current, reasons=reasons or {}))
    groups: dict[tuple[str, str], list[PublishedRow]] = defaultdict(list)
    for row in rows:
        groups[row.paper, row.table if row.paper != "READMEs" else ""].append(row)
    groups.pop(("GLCM", "Table 4"), None)  # it is part of the first table
    return tables + [published_table(found) for found in groups.values()]


def objectives_table(
    grid: Grid, rows: list[PublishedRow], *, current: Versions, reasons: Reasons
) -> Table:
    """Objectives x tasks: published columns, then a column group per data kind and protocol."""
    measured = sorted({key for cells in grid.values() for key in cells}, key=lambda key: key.order)
    folds = _folds(grid)
    sources = _published_columns(rows, measured)
    columns = [column for column, _ in sources] + [key.column() for key in measured]
    lines: list[Row] = []
    for name, key in _row_keys(grid, rows):
        said = [found.get(name, ABSENT) for _, found in sources]
        if key is not None and _variants(grid, name) > 1:
            said = [ABSENT] * len(sources)  # published: in its own row, above
        cells = grid.get(key, {}) if key else {}
        done = [
            measured_cell(cells[column], current=current, folds=folds[column])
            if cells.get(column)
            else _no_record(name, column, reasons)
            for column in measured
        ]
        lines.append(Row(label=_label(grid, name, key), cells=(*said, *done)))
    uneven = {
        len(sources) + index
        for index, column in enumerate(measured)
        if len(_conditions(grid, column)) > 1
    }
    title = "Objectives x tasks (layout of GLCM Table 4)"
    table = Table(name="objectives", title=title, columns=tuple(columns), rows=tuple(lines))
    notes = _published_notes(table) + _measured_notes(table, grid, uneven=bool(uneven))
    return with_best(replace(table, notes=tuple(notes)), unranked=frozenset(uneven))


def published_table(rows: list[PublishedRow]) -> Table:
    """One table of a paper: a row per method and pretraining, a column per task."""
    paper, name = rows[0].paper, rows[0].table
    heads = list(dict.fromkeys((row.task, row.metric, row.modality) for row in rows))
    direction = {(row.task, row.metric, row.modality): row.higher_is_better for row in rows}
    lines: dict[tuple[str, str], dict[tuple[str, str, str], Cell]] = defaultdict(dict)
    for row in rows:
        backbone = row.backbone if paper == "READMEs" else ""
        detail = ", ".join(part for part in (row.pretraining, row.frames, backbone) if part)
        lines[row.method, detail][row.task, row.metric, row.modality] = _published_cell(row)
    several = {task for task, _, modality in heads if (task, modality) != (task, "V")}
    columns = tuple(
        Column(
            group=("published", paper, name) if paper != "READMEs" else ("published", paper),
            label=f"{task} {modality}" if task in several else task,
            metric=metric_title(metric),
            higher_is_better=direction[task, metric, modality],
            origin="published",
            kind="full",
        )
        for task, metric, modality in heads
    )
    table = Table(
        name=f"{paper} {name}".lower()
        .replace("tab. ", "t")
        .replace("table ", "t")
        .replace(" ", "-")
        if paper != "READMEs"
        else "readmes",
        title=f"{paper} {name}: {TITLES[paper, name]}"
        if paper != "READMEs"
        else "Authors' READMEs",
        columns=columns,
        rows=tuple(
            Row(label=method, detail=detail, cells=tuple(found.get(head, ABSENT) for head in heads))
            for (method, detail), found in lines.items()
        ),
    )
    notes = [f"Source: {CITATIONS[paper]}.", *_published_notes(table)]
    return with_best(replace(table, notes=tuple(notes)))


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
            found.append((column, {names[row.name]: _published_cell(row) for row in hits}))
    return found


def _published_cell(row: PublishedRow) -> Cell:
    return Cell(
        origin="published",
        value=row.value,
        mark=Mark.NOT_APPLICABLE if row.value is None else None,
        flags=row.flags if row.value is not None else (),
        note=row.note,
        source=row.source,
    )


def _no_record(objective: str, column: ColumnKey, reasons: Reasons) -> Cell:
    place = (objective, column.task, column.protocol, column.kind)
    mark, note = reasons.get(place, (Mark.MISSING, ""))
    return Cell(origin="measured", mark=mark, note=note)


def _row_keys(grid: Grid, rows: list[PublishedRow]) -> list[tuple[str, RowKey | None]]:
    """(objective, measured row or None) in table order; variants follow their published row."""
    said = [name for name in TABLE_4_ROWS if rows]
    found: list[tuple[str, RowKey | None]] = []
    for key in sorted(grid, key=row_order):
        first = key.objective not in {name for name, _ in found}
        if first and key.objective in said and _variants(grid, key.objective) > 1:
            found.append((key.objective, None))
        found.append((key.objective, key))
    measured = {name for name, _ in found}
    found += [(name, None) for name in said if name not in measured]
    order = [*TABLE_4_ROWS, *sorted(measured - set(TABLE_4_ROWS))]
    return sorted(found, key=lambda entry: order.index(entry[0]))  # stable: keeps variants in order


def _variants(grid: Grid, objective: str) -> int:
    return sum(key.objective == objective for key in grid)


def _label(grid: Grid, objective: str, key: RowKey | None) -> str:
    """The objective's title; for variants, what sets this one apart from the others."""
    title = objective_title(objective)
    siblings = [other for other in grid if other.objective == objective]
    if key is None or len(siblings) == 1:
        return title
    parts = []
    if len({other.conditions for other in siblings}) > 1:
        parts.append(key.conditions.text())
        texts = {other.conditions: other.conditions.text() for other in siblings}
        if len(set(texts.values())) < len(texts):
            parts.append(f"data {key.conditions.manifest[:6]}")
    if len({other.params for other in siblings}) > 1:
        parts.append(f"options {key.params[:6]}" if key.params else "default options")
    if len({other.recipe for other in siblings}) > 1:
        parts.append(f"recipe {key.recipe}")
    return f"{title}: {', '.join(parts)}"


def _folds(grid: Grid) -> dict[ColumnKey, frozenset[int]]:
    found: dict[ColumnKey, set[int]] = defaultdict(set)
    for cells in grid.values():
        for column, records in cells.items():
            found[column] |= {record.task.fold for record in records if record.task}
    return {column: frozenset(folds) for column, folds in found.items()}


def _conditions(grid: Grid, column: ColumnKey) -> set[Conditions]:
    """Pretraining conditions of a column's rows. Rows without pretraining compare with any."""
    return {
        key.conditions for key, cells in grid.items() if column in cells and key.conditions.dataset
    }


def _measured_notes(table: Table, grid: Grid, *, uneven: bool) -> list[str]:
    if not grid:
        return []
    notes = ["measured: mean ± half width of the 95 % interval over seeds (Student t), (seeds)."]
    texts = sorted({key.conditions.text() for key in grid})
    notes.append(f"measured with: {'; '.join(texts)}.")
    if uneven:
        notes.append("A column whose rows were pretrained under different conditions has no best.")
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell.origin == "measured" and cell.note:
                place = ", ".join((*column.group[1:], column.label))
                notes.append(f"{row.label}, {place}: {cell.note}")
    return notes


def _published_notes(table: Table) -> list[str]:
    """The note of every doubtful or reconstructed number, from its flag on."""
    found = []
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            doubtful = {Flag.SUSPECT, Flag.RECONSTRUCTED} & set(cell.flags)
            if cell.origin == "published" and doubtful:
                start = min(cell.note.find(flag.name) for flag in doubtful)
                found.append(f"{row.label}, {column.label}: {cell.note[start:]}")
    return found
