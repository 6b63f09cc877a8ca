"""What a measured row and a measured column are: what their records have in common."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.report.layout import (
    KINDS,
    MODALITIES,
    PROTOCOLS,
    TABLE_4_ROWS,
    TASKS,
    metric_title,
    objective_title,
    pretraining_title,
    rank,
    task_title,
)
from benchmark.report.model import Column
from benchmark.results.schema import Record

DEFAULT = "default"  # stands for an option that a record does not name
ROW_ORDER = ("random", "scratch", *TABLE_4_ROWS, "crisscross", "temporal_order", "supervised")


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What makes numbers comparable: equal for all rows of a column, or it has no best."""

    backbone: str
    dataset: str = ""
    clips: int | None = None
    steps: int | None = None
    manifest: str = ""

    @property
    def pretraining(self) -> str:
        """Data and clips in the words of the papers' tables; "" without pretraining."""
        return pretraining_title(self.dataset, self.clips) if self.dataset else ""

    def text(self) -> str:
        """For a note below the table."""
        if not self.dataset:
            return f"{self.backbone}, not pretrained here"
        clips = "" if self.clips is None else f", {self.clips:,} clips"
        steps = "" if self.steps is None else f", {self.steps:,} steps"
        return f"{self.backbone}, pretrained on {self.dataset}{clips}{steps}"


@dataclass(frozen=True, kw_only=True)
class RowKey:
    """A measured row: its records differ in task, fold and seed only.

    params: the objective's options as JSON. recipe: what sets it apart from the usual recipe.
    """

    objective: str
    conditions: Conditions
    params: str = ""
    recipe: str = ""

    @property
    def order(self) -> tuple[object, ...]:
        """Rows in the order of GLCM Table 4 between the anchors, then by name, then by variant."""
        return (rank(self.objective, ROW_ORDER), self.conditions.text(), self.params, self.recipe)


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
            rank(self.modality, tuple(MODALITIES)),
            self.manifest,
        )

    @property
    def label(self) -> str:
        """Task, modality where it is not sight alone, and data where there are several."""
        sound = {"v": ""}.get(self.modality, f" {MODALITIES[self.modality]}")
        data = f" [{self.manifest[:6]}]" if self.manifest else ""
        return f"{task_title(self.task)}{sound}{data}"

    def column(self) -> Column:
        """The column as a table has it."""
        return Column(
            group=("measured", self.kind, self.protocol),
            label=self.label,
            metric=metric_title(self.metric, self.unit),
            higher_is_better=self.higher_is_better,
            origin="measured",
            kind=self.kind,
            protocol=self.protocol,
            modality=self.modality,
        )


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
    params = json.dumps(record.objective.params, sort_keys=True) if record.objective.params else ""
    return RowKey(objective=record.objective.name, conditions=conditions, params=params)


def row_labels(rows: Iterable[RowKey]) -> dict[RowKey, str]:
    """Each row's title; for several of one objective, with what sets each apart from the others."""
    rows = list(rows)
    return {row: _label(row, [other for other in rows if _same(row, other)]) for row in rows}


def _same(one: RowKey, other: RowKey) -> bool:
    return one.objective == other.objective


def _label(row: RowKey, siblings: list[RowKey]) -> str:
    title = objective_title(row.objective)
    facts = [_facts(other) for other in siblings]
    own = _facts(row)
    parts = [own[name] for name in own if own[name] and len({f[name] for f in facts}) > 1]
    parts += _options_apart(row, siblings)
    parts += [row.recipe] * bool(row.recipe)
    return f"{title}: {', '.join(parts)}" if parts else title


def _facts(row: RowKey) -> dict[str, str]:
    """What may set rows of one objective apart, in words."""
    made = row.conditions
    return {
        "backbone": made.backbone,
        "data": f"on {made.dataset}" if made.dataset else "not pretrained",
        "clips": "" if made.clips is None else f"{made.clips:,} clips",
        "steps": "" if made.steps is None else f"{made.steps:,} steps",
        "manifest": f"data {made.manifest[:6]}" if made.manifest else "",
    }


def _options_apart(row: RowKey, siblings: list[RowKey]) -> list[str]:
    """Options of the objective whose value is not the one that most rows have, or the default."""
    held = [json.loads(other.params or "{}") for other in siblings]
    own = json.loads(row.params or "{}")
    parts = []
    for name in sorted({name for options in held for name in options}):
        counts = Counter(json.dumps(options.get(name, DEFAULT)) for options in held)
        most = [value for value, votes in counts.items() if votes == max(counts.values())]
        plain = json.dumps(DEFAULT)
        usual = plain if plain in most else most[0] if len(most) == 1 else None
        value = own.get(name, DEFAULT)
        if len(counts) > 1 and json.dumps(value) != usual:
            parts.append(f"{name} {value}" if value == DEFAULT else f"{name}={value}")
    return parts
