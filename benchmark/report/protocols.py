"""Measured tables by what was asked: protocols side by side, retrieval, localisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmark.report.best import Compare, over_seeds, with_best
from benchmark.report.grid import Grid, arrange, column_keys, needed_folds
from benchmark.report.keys import ColumnKey, row_labels
from benchmark.report.layout import METRICS, metric_title, rank
from benchmark.report.measured import Measure
from benchmark.report.model import Cell, Column, Mark, Row, Table
from benchmark.report.objectives import measured_notes, uneven_columns
from benchmark.results.schema import Record

SEARCHES = ("retrieval", "crossmodal", "fingerprint")
FALLING = frozenset({"median_rank", "wer", "cer"})  # metrics that get better downwards


def side_by_side(grid: Grid, *, measure: Measure, compare: Compare = over_seeds) -> Table | None:
    """The tasks that were measured under several protocols, those of one task together."""
    keys = {key for cells in grid.values() for key in cells}
    protocols: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for key in keys:
        protocols[key.kind, key.task, key.modality].add(key.protocol)
    several = [k for k in keys if len(protocols[k.kind, k.task, k.modality]) > 1]
    several.sort(key=lambda key: (*_by_task(key), *key.order))
    if not several:
        return None

    def column(key: ColumnKey) -> Column:
        drawn = key.column()
        return replace(drawn, group=("measured", key.kind, key.label), label=key.protocol)

    columns = [(key, "", column(key)) for key in several]
    return _table("protocols", "Protocols side by side", grid, columns, measure, compare)


def retrieval(
    records: Iterable[Record], *, measure: Measure, compare: Compare = over_seeds
) -> Table | None:
    """Recall at k and median rank wherever something was searched for."""
    found = [r for r in records if r.task and r.task.protocol.partition(":")[0] in SEARCHES]
    return _every_score("retrieval", "Retrieval", found, measure, compare)


def localisation(
    records: Iterable[Record], *, measure: Measure, compare: Compare = over_seeds
) -> Table | None:
    """Every score of the maps that say where a sound is seen."""
    found = [record for record in records if record.task and record.task.protocol == "localise"]
    return _every_score("localisation", "Sound source localisation", found, measure, compare)


def _every_score(
    name: str, title: str, records: list[Record], measure: Measure, compare: Compare
) -> Table | None:
    """A column for each score of each task. Only primary scores know their chance level."""
    if not records:
        return None
    keys = column_keys(records)
    units: dict[ColumnKey, dict[str, str]] = defaultdict(dict)
    for record in records:
        for metric, score in record.scores.items():
            units[keys[record.run_id]].setdefault(metric, score.unit)
    columns = [
        (key, metric, _score_column(key, metric, unit))
        for key in sorted(units, key=lambda key: key.order)
        for metric, unit in sorted(
            units[key].items(), key=lambda entry: rank(entry[0], tuple(METRICS))
        )
    ]
    return _table(name, title, arrange(records, keys), columns, measure, compare)


def _score_column(key: ColumnKey, metric: str, unit: str) -> Column:
    base, _, tag = metric.partition(":")
    up = key.higher_is_better if metric == key.metric else base not in FALLING
    return replace(
        key.column(),
        group=("measured", key.kind, key.protocol, key.label),
        label=f"{METRICS.get(base, base)}{f' {tag}' if tag else ''}",
        metric=metric_title("", unit),
        higher_is_better=up,
    )


def _table(
    name: str,
    title: str,
    grid: Grid,
    columns: Sequence[tuple[ColumnKey, str, Column]],
    measure: Measure,
    compare: Compare,
) -> Table:
    folds = needed_folds(grid)
    shown = {key for key, _, _ in columns}
    rows = sorted(
        (row for row, cells in grid.items() if shown & set(cells)), key=lambda row: row.order
    )
    labels = row_labels(grid)

    def cell(found: dict[ColumnKey, list[Record]], key: ColumnKey, metric: str) -> Cell:
        if not found.get(key):
            return Cell(origin="measured", mark=Mark.MISSING)
        other = "" if metric == key.metric else metric
        return measure(found[key], folds=folds[key], metric=other)

    table = Table(
        name=name,
        title=title,
        columns=tuple(column for _, _, column in columns),
        rows=tuple(
            Row(
                label=labels[row],
                cells=tuple(cell(grid[row], key, metric) for key, metric, _ in columns),
            )
            for row in rows
        ),
    )
    part = {row: grid[row] for row in rows}
    unranked = uneven_columns(part, [key for key, _, _ in columns])
    notes = measured_notes(table, part, any_uneven=bool(unranked))
    return with_best(replace(table, notes=tuple(notes)), unranked=unranked, compare=compare)


def _by_task(key: ColumnKey) -> tuple[object, ...]:
    order = key.order
    return (order[0], *order[2:4])
