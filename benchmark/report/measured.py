"""Records to cells: which belong together, which are shown, what must be said about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from benchmark.report.layout import (
    KINDS,
    PROTOCOLS,
    TABLE_4_ROWS,
    TASKS,
    metric_title,
    rank,
    task_title,
)
from benchmark.report.model import Cell, Column, Flag, Mark
from benchmark.results.keys import digest
from benchmark.results.schema import Record
from benchmark.results.versions import Versions, stale_reason
from benchmark.statistics import interval

NOTE_LENGTH = 120  # chosen: characters of an error message in a table; the record has the whole


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What makes numbers comparable: equal for all rows of a column, or it has no best."""

    backbone: str
    dataset: str = ""
    clips: int | None = None
    steps: int | None = None
    manifest: str = ""

    def text(self) -> str:
        """For a note below the table."""
        if not self.dataset:
            return f"{self.backbone}, not pretrained here"
        clips = "" if self.clips is None else f", {self.clips:,} clips"
        steps = "" if self.steps is None else f", {self.steps:,} steps"
        return f"{self.backbone}, pretrained on {self.dataset}{clips}{steps}"


@dataclass(frozen=True, kw_only=True)
class RowKey:
    """A measured row: its records differ in task, fold and seed only. params, recipe: digests."""

    objective: str
    conditions: Conditions
    params: str = ""
    recipe: str = ""


@dataclass(frozen=True, kw_only=True)
class ColumnKey:
    """A measured column. Data kinds, protocols and, where they differ, manifests never share."""

    kind: str
    protocol: str
    task: str
    modality: str
    metric: str
    unit: str
    higher_is_better: bool
    manifest: str = ""

    @property
    def order(self) -> tuple[object, ...]:
        """Groups by data kind, then protocol; tasks in the paper's order."""
        return (
            rank(self.kind, KINDS),
            rank(self.protocol, PROTOCOLS),
            rank(self.task, tuple(TASKS)),
            self.modality,
            self.manifest,
        )

    def column(self) -> Column:
        """The column as a table has it."""
        sound = {"a": " audio", "av": " audio+video"}.get(self.modality, "")
        data = f" [{self.manifest[:6]}]" if self.manifest else ""
        return Column(
            group=("measured", self.kind, self.protocol),
            label=f"{task_title(self.task)}{sound}{data}",
            metric=metric_title(self.metric, self.unit),
            higher_is_better=self.higher_is_better,
            origin="measured",
            kind=self.kind,
        )


Grid = dict[RowKey, dict[ColumnKey, list[Record]]]


def arrange(records: Iterable[Record]) -> Grid:
    """Evaluation records by row and column.

    A row is split by recipe only where one of its cells would otherwise mix recipes; a column is
    split by manifest only where one fold was measured on different data.
    """
    records = [record for record in records if record.kind == "eval" and record.task]
    columns = _column_keys(records)
    known = {_maker(record): row_key(record) for record in records if record.pretrain}
    grid: Grid = defaultdict(lambda: defaultdict(list))
    for record in records:
        row = row_key(record)
        if record.status != "done" and not record.pretrain:
            # stopped before its encoder was known: it belongs to the row of the same recipe
            row = known.get(_maker(record), row)
        grid[row][columns[record.run_id]].append(record)
    split: Grid = {}
    for row, cells in grid.items():
        mixed = any(len({_recipe(r) for r in found}) > 1 for found in cells.values())
        for column, found in cells.items():
            for record in found:
                key = replace(row, recipe=_recipe(record)) if mixed else row
                split.setdefault(key, {}).setdefault(column, []).append(record)
    return split


def row_key(record: Record) -> RowKey:
    """The row a record belongs to."""
    run = record.pretrain
    conditions = Conditions(backbone=record.backbone.name)
    if run:
        conditions = Conditions(
            backbone=record.backbone.name,
            dataset=run.dataset,
            clips=run.clips,
            steps=run.steps,
            manifest=run.manifest_sha256 or "",
        )
    params = digest(record.objective.params) if record.objective.params else ""
    return RowKey(objective=record.objective.name, conditions=conditions, params=params)


def row_order(key: RowKey) -> tuple[object, ...]:
    """Rows in the order of GLCM Table 4, then by name, then by variant."""
    return (rank(key.objective, TABLE_4_ROWS), key.conditions.text(), key.params, key.recipe)


def measured_cell(records: list[Record], *, current: Versions, folds: frozenset[int]) -> Cell:
    """One cell from all records of its row and column, or the mark that says why there is none.

    folds: those that every seed needs; a seed is the mean over them, the cell the mean over seeds.
    """
    reasons = {record.run_id: stale_reason(record, current) for record in records}
    fresh = [record for record in records if not reasons[record.run_id]]
    done = [record for record in fresh if record.status == "done"]
    seeds: dict[tuple[int | None, ...], dict[int, Record]] = defaultdict(dict)
    for record in sorted(done, key=lambda record: record.finished):
        seeds[_seed(record)][_fold(record)] = record
    whole = {seed: found for seed, found in seeds.items() if folds <= set(found)}
    notes = _notes(fresh, reasons)
    if not whole:
        lacking = [f"folds {sorted(folds)} are not complete"] if seeds else []
        return Cell(
            origin="measured",
            mark=_mark(fresh, stale=len(fresh) < len(records)),
            note="; ".join([*lacking, *notes]),
            run_ids=tuple(record.run_id for record in records),
        )
    used = [record for found in whole.values() for record in found.values()]
    means = [_mean(list(found.values())) for found in whole.values()]
    mean, half = interval(means)
    attempted = {_seed(record) for record in records}
    flags = [Flag.PARTIAL] if len(attempted) > len(whole) else []
    flags += [Flag.CHANCE] if any(not above_chance(record) for record in used) else []
    return Cell(
        origin="measured",
        value=mean,
        half_width=half,
        n=len(means),
        flags=tuple(flags),
        run_ids=tuple(record.run_id for record in used),
        note="; ".join(notes),
        source="records",
    )


def above_chance(record: Record) -> bool:
    """Whether the primary score beats a guess; true where the chance level is unknown."""
    if record.checks.above_chance is not None:
        return record.checks.above_chance
    if record.task is None or record.task.chance is None or record.primary is None:
        return True
    gain = record.primary.value - record.task.chance
    return gain > 0 if record.task.higher_is_better else gain < 0


def _column_keys(records: list[Record]) -> dict[str, ColumnKey]:
    # a failed record has no score, hence no unit: another record of the task knows it
    units = {_metric(record): record.primary.unit for record in records if record.primary}
    plain = {record.run_id: _column_key(record, units=units) for record in records}
    manifests: dict[tuple[ColumnKey, int], set[str]] = defaultdict(set)
    for record in records:
        manifests[plain[record.run_id], _fold(record)].add(record.data.manifest_sha256 or "")
    mixed = {key for (key, _), found in manifests.items() if len(found) > 1}
    return {
        record.run_id: replace(key, manifest=record.data.manifest_sha256 or "unknown")
        if (key := plain[record.run_id]) in mixed
        else key
        for record in records
    }


def _metric(record: Record) -> tuple[str, str]:
    return (record.task.name, record.task.primary_metric) if record.task else ("", "")


def _column_key(record: Record, *, units: Mapping[tuple[str, str], str]) -> ColumnKey:
    task = record.task
    assert task is not None  # `arrange` keeps evaluations only
    return ColumnKey(
        kind=record.data.kind,
        protocol=task.protocol,
        task=task.name,
        modality=task.modality,
        metric=task.primary_metric,
        unit=units.get(_metric(record), "%"),
        higher_is_better=task.higher_is_better,
    )


def _mark(fresh: list[Record], *, stale: bool) -> Mark:
    statuses = {record.status for record in fresh}
    for status, mark in (
        ("failed", Mark.FAILED),
        ("blocked", Mark.BLOCKED),
        ("not_applicable", Mark.NOT_APPLICABLE),
    ):
        if status in statuses:
            return mark
    return Mark.STALE if stale else Mark.MISSING


def _notes(fresh: list[Record], reasons: Mapping[str, str]) -> list[str]:
    notes = []
    for record in fresh:
        if record.failure:
            first = record.failure.message.partition("\n")[0][:NOTE_LENGTH]
            what = f"{record.failure.exception}: {first}".rstrip(": ")
            notes.append(f"seed {record.seed.init}: {what}")
        elif record.status in ("blocked", "not_applicable"):
            notes += record.warnings
        # one word error rate means nothing without its decoder (tasks.md 5.2), and a map that
        # nothing heard has made is none of where the sound is (5.10)
        told = ("decoder=", "loc=fallback")
        notes += [note for note in record.warnings if note.startswith(told)]
    notes += [f"stale: {reason}" for reason in reasons.values() if reason]
    return list(dict.fromkeys(note for note in notes if note))


def _mean(records: list[Record]) -> float:
    values = [record.primary.value for record in records if record.primary]
    return sum(values) / len(values)


def _fold(record: Record) -> int:
    return record.task.fold if record.task else 0


def _seed(record: Record) -> tuple[int | None, ...]:
    pretraining = record.pretrain.seed if record.pretrain else None
    return (record.seed.init, record.seed.data, record.seed.loader, pretraining)


def _maker(record: Record) -> tuple[str, str, str, str]:
    params = digest(record.objective.params)
    return record.objective.name, record.backbone.name, params, _recipe(record)


def _recipe(record: Record) -> str:
    config = record.recipe.sha256 or (digest(record.recipe.config) if record.recipe.config else "")
    return f"{config[:6]} {record.precision}".strip()
