"""Variants of an objective against the objective itself, and whether local tasks feel it more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from benchmark.report.accounts import NOTHING
from benchmark.report.against import difference, mean_of_seeds
from benchmark.report.balance import Scopes
from benchmark.report.blocks import of_seed
from benchmark.report.grid import Grid, needed_folds, settings_apart
from benchmark.report.keys import ColumnKey, RowKey, row_labels
from benchmark.report.measured import Measure
from benchmark.report.model import Cell, Column, Row, Table
from benchmark.results.schema import Record

Cells = Mapping[ColumnKey, Sequence[Record]]
Part = tuple[str, str]  # data kind and protocol: what is not averaged with anything else


def variants_table(grid: Grid, *, measure: Measure, scopes: Scopes) -> Table | None:
    """Score of a variant minus that of its objective, the row with most columns; None without any.

    What a variant changes in how it is evaluated belongs to it, unlike in `against_table`. Where a
    data kind and protocol has tasks of both scopes, a column tells the differences of the local
    ones minus those of the global ones.
    """
    folds, labels = needed_folds(grid), row_labels(grid)
    pairs = _pairs(grid)
    if not pairs:
        return None
    columns = sorted(
        {c for row, base in pairs for c in grid[row] if c in grid[base]}, key=lambda c: c.order
    )
    parts = _parts_of_both_scopes(columns, scopes)
    lines = []
    for row, base in pairs:
        cells = {
            column: difference(
                grid[row], grid[base], column, measure=measure, folds=folds, alike=False
            )
            for column in columns
        }
        leans = [_lean([(c, cells[c]) for c in part], scopes) for part in parts.values()]
        label = _label(labels[row], grid[row], grid[base])
        lines.append(Row(label=label, cells=(*cells.values(), *leans)))
    named = ", ".join(dict.fromkeys(labels[base] for _, base in pairs))
    return Table(
        name="variants",
        title="Variants, against the objective itself",
        columns=(
            *(replace(column.column(), digits=1) for column in columns),
            *(_lean_column(part) for part in parts),
        ),
        rows=tuple(lines),
        notes=(
            f"score - that of {named} within each seed; mean ± half width of the 95 % interval "
            "over seeds (Student t), (seeds). One seed has no interval.",
            *[
                "local - global: within each seed, the mean of these differences over the tasks "
                "that need fine timing minus that over the others, as many as were measured, each "
                "in its own points. Below zero, the variant costs local tasks more."
            ]
            * bool(parts),
        ),
    )


def _pairs(grid: Grid) -> list[tuple[RowKey, RowKey]]:
    """(variant, its objective) in table order, where they share a column."""
    families: dict[tuple[str, str], list[RowKey]] = defaultdict(list)
    for row in sorted(grid, key=lambda row: row.order):
        families[row.objective, row.conditions.backbone].append(row)
    bases = {key: max(rows, key=lambda row: len(grid[row])) for key, rows in families.items()}
    pairs = [(row, bases[key]) for key, rows in families.items() for row in rows]
    return [(row, base) for row, base in pairs if row != base and set(grid[row]) & set(grid[base])]


def _label(label: str, ours: Cells, theirs: Cells) -> str:
    """The row's name and what else sets it apart from its objective, which a label need not say."""
    told: list[str] = []
    for column in ours:
        if column in theirs:
            told += settings_apart(ours[column][0], theirs[column][0])
    return ", ".join([label, *(part for part in dict.fromkeys(told) if part not in label)])


def _parts_of_both_scopes(
    columns: Sequence[ColumnKey], scopes: Scopes
) -> dict[Part, list[ColumnKey]]:
    """The columns of known scope by data kind and protocol, a task's first one only."""
    parts: dict[Part, dict[str, ColumnKey]] = defaultdict(dict)
    for column in columns:
        if column.task in scopes:
            parts[column.kind, column.protocol].setdefault(column.task, column)
    return {
        part: list(tasks.values())
        for part, tasks in parts.items()
        if len({scopes[task] for task in tasks}) > 1
    }


def _lean(cells: Sequence[tuple[ColumnKey, Cell]], scopes: Scopes) -> Cell:
    """Mean difference of local tasks minus that of global ones, over the seeds that all have."""
    found: dict[str, list[dict[int, float]]] = defaultdict(list)
    for column, cell in cells:
        if cell.value is not None:
            sign = 1.0 if column.higher_is_better else -1.0
            within = {seed: sign * value for seed, value in of_seed(cell).items()}
            found[scopes[column.task]].append(within)
    if len(found) < 2:
        return NOTHING
    shared = set.intersection(*(set(one) for ones in found.values() for one in ones))
    if not shared:
        return replace(NOTHING, note="no seed in common")
    leans = {
        seed: fmean(one[seed] for one in found["local"])
        - fmean(one[seed] for one in found["global"])
        for seed in sorted(shared)
    }
    return mean_of_seeds(leans, run_ids=tuple(run for _, cell in cells for run in cell.run_ids))


def _lean_column(part: Part) -> Column:
    kind, protocol = part
    return Column(
        group=("measured", kind, protocol),
        label="local - global",
        metric="points",
        higher_is_better=None,
        origin="measured",
        kind=kind,
        protocol=protocol,
    )
