"""Records to rows and columns: which belong together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from benchmark.report.keys import ColumnKey, RowKey, row_key
from benchmark.results.keys import digest, flat
from benchmark.results.schema import Record

ASKED = ("recipe", "augment", "options", "size")  # of a cell's key: how it was evaluated
FEW = 3  # chosen: settings that are told in a label
Grid = dict[RowKey, dict[ColumnKey, list[Record]]]


def evaluations(records: Iterable[Record]) -> list[Record]:
    """Records of kind "eval", each with its pretraining where another record knows it.

    One that stopped before its encoder was known belongs to the row of the same recipe.
    """
    found = [record for record in records if record.kind == "eval" and record.task]
    known = {_maker(record): record.pretrain for record in found if record.pretrain}
    return [
        record.model_copy(update={"pretrain": known[_maker(record)]})
        if record.status != "done" and not record.pretrain and _maker(record) in known
        else record
        for record in found
    ]


def column_keys(records: Iterable[Record]) -> dict[str, ColumnKey]:
    """run_id -> the column of its primary metric.

    A column is split by manifest only where one fold was measured on different data.
    """
    records = list(records)
    # a record without a score knows neither the unit nor a metric that depends on the data
    scored = {_asked(record): record for record in records if record.primary}
    plain = {
        record.run_id: _column_key(record if record.primary else scored.get(_asked(record), record))
        for record in records
    }
    manifests: dict[tuple[ColumnKey, int], set[str]] = defaultdict(set)
    for record in records:
        manifests[plain[record.run_id], fold_of(record)].add(record.data.manifest_sha256 or "")
    mixed = {key for (key, _), found in manifests.items() if len(found) > 1}
    return {
        record.run_id: replace(key, manifest=record.data.manifest_sha256 or "unknown")
        if (key := plain[record.run_id]) in mixed
        else key
        for record in records
    }


def arrange(
    records: Iterable[Record],
    columns: Mapping[str, ColumnKey] | None = None,
    *,
    among: Iterable[Record] | None = None,
) -> Grid:
    """Evaluation records by row and column.

    What was measured under another recipe than the usual one of its column, the one that most rows
    have, stands in a row of its own where its cell would otherwise mix recipes. among: a larger set
    of records that these belong to, which says what is usual; columns: its columns.
    """
    records = list(records)
    columns = column_keys(records) if columns is None else columns
    grid = _gathered(records, columns)
    usual = _usual_recipes(grid if among is None else _gathered(among, columns))
    split: Grid = {}
    for row, cells in grid.items():
        for column, found in cells.items():
            recipes = {_recipe(record): record for record in found}
            main = usual[column] if usual[column] in recipes else max(recipes)
            for record in found:
                recipe = _recipe(record)
                name = "" if recipe == main else _apart(recipes[recipe], recipes[main])
                key = replace(row, recipe=name)
                split.setdefault(key, {}).setdefault(column, []).append(record)
    return split


def _gathered(records: Iterable[Record], columns: Mapping[str, ColumnKey]) -> Grid:
    grid: Grid = defaultdict(lambda: defaultdict(list))
    for record in records:
        grid[row_key(record)][columns[record.run_id]].append(record)
    return grid


def _usual_recipes(grid: Grid) -> dict[ColumnKey, str]:
    """The recipe that most rows of a column have; of several, the newest."""
    votes: dict[ColumnKey, Counter[str]] = defaultdict(Counter)
    newest: dict[tuple[ColumnKey, str], datetime] = {}
    for cells in grid.values():
        for column, found in cells.items():
            votes[column].update({_recipe(record) for record in found})
            for record in found:
                place = column, _recipe(record)
                newest[place] = max(record.finished, newest.get(place, record.finished))
    return {
        column: max(found, key=lambda name: (found[name], newest[column, name], name))
        for column, found in votes.items()
    }


def needed_folds(grid: Grid) -> dict[ColumnKey, frozenset[int]]:
    """The folds that each column has anywhere: what a complete cell must have."""
    found: dict[ColumnKey, set[int]] = defaultdict(set)
    for cells in grid.values():
        for column, records in cells.items():
            found[column] |= {fold_of(record) for record in records}
    return {column: frozenset(folds) for column, folds in found.items()}


def uneven(grid: Grid, column: ColumnKey) -> bool:
    """Whether a column's rows were pretrained or evaluated under different conditions.

    Rows without pretraining compare with any.
    """
    made = {row.conditions for row in grid if column in grid[row] and row.conditions.dataset}
    asked = {setting_of(record) for cells in grid.values() for record in cells.get(column, [])}
    return len(made) > 1 or len(asked) > 1


def fold_of(record: Record) -> int:
    """The fold of the task, 0 where there are none."""
    return record.task.fold if record.task else 0


def seed_of(record: Record) -> tuple[int | None, ...]:
    """All seeds that a score depends on."""
    pretraining = record.pretrain.seed if record.pretrain else None
    return (record.seed.init, record.seed.data, record.seed.loader, pretraining)


def _asked(record: Record) -> tuple[str, ...]:
    """What was asked of an encoder, however it was answered."""
    task = record.task
    assert task is not None  # `evaluations` keeps no other
    return record.data.kind, task.protocol, task.name, task.modality


def _column_key(record: Record) -> ColumnKey:
    task = record.task
    assert task is not None
    return ColumnKey(
        kind=record.data.kind,
        protocol=task.protocol,
        task=task.name,
        modality=task.modality,
        metric=task.primary_metric,
        unit=record.primary.unit if record.primary else "%",
        higher_is_better=task.higher_is_better,
    )


def _maker(record: Record) -> tuple[str, str, str, str]:
    params = digest(record.objective.params)
    return record.objective.name, record.backbone.name, params, _recipe_name(record)


def setting_of(record: Record) -> str:
    """Digest of how a cell was evaluated, however its encoder was made."""
    asked = {name: record.key_fields.get(name) for name in ASKED}
    known = any(value is not None for value in asked.values())
    return f"{digest(asked)[:6] if known else record.recipe.sha256 or ''} {record.precision}"


def _recipe(record: Record) -> str:
    """Digest of what a row may not mix: how the encoder was made, and how it was evaluated."""
    made = record.pretrain and record.pretrain.steps
    pretraining = record.recipe.config.get("pretrain") if made else None
    return f"{digest(pretraining)[:6]} {setting_of(record)}"


def _recipe_name(record: Record) -> str:
    """The recipe as the table of recipes names it."""
    config = record.recipe.sha256 or (digest(record.recipe.config) if record.recipe.config else "")
    return f"{config[:6]} {record.precision}".strip()


def _apart(record: Record, usual: Record) -> str:
    """For labels: the few settings that differ from the usual record's, else the recipe's name."""
    parts = settings_apart(record, usual)
    if 1 <= len(parts) <= FEW and set(_settings(usual)) <= set(_settings(record)):
        return ", ".join(parts)
    return f"recipe {_recipe_name(record)}"


def settings_apart(record: Record, usual: Record) -> list[str]:
    """`name=value` of each setting of pretraining and evaluation that the usual record has not."""
    theirs = _settings(usual)
    return [
        f"{name}={value}" for name, value in _settings(record).items() if theirs.get(name) != value
    ]


def _settings(record: Record) -> dict[str, str]:
    """What `_recipe` is a digest of, setting by setting."""
    made = record.pretrain and record.pretrain.steps
    pretraining = record.recipe.config.get("pretrain") if made else None
    found = dict(flat(pretraining or {}, "pretrain."))
    for part in ASKED:
        asked = record.key_fields.get(part)
        found |= flat(asked if isinstance(asked, Mapping) else {part: asked})
    return found | {"precision": record.precision}
