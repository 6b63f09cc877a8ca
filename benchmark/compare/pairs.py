"""Records of two objectives, paired by data, recipe, seed and fold; the rest with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from benchmark.compare.setup import disagreements, pretraining_text, told
from benchmark.compare.sides import Side, Sides, apart, side_of
from benchmark.results.keys import digest
from benchmark.results.schema import Record, TaskInfo
from benchmark.results.versions import Versions, stale_reason

Seed = tuple[int, int, int]  # of weights, data order, loader


@dataclass(frozen=True, kw_only=True)
class Column:
    """Numbers that may stand beside one another, recipe aside."""

    task: str
    protocol: str
    modality: str
    kind: str
    metric: str
    higher_is_better: bool

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.task} {self.protocol} {self.modality} {self.metric}"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Paired records of one column: a[s][f] and b[s][f] are of one seed, fold and manifest."""

    column: Column
    a: tuple[tuple[Record, ...], ...]
    b: tuple[tuple[Record, ...], ...]

    @property
    def differing(self) -> list[str]:
        """Facts of the setup that were let differ, each as "fact: a's / b's"."""
        return disagreements(self.a[0][0], self.b[0][0])

    @property
    def detail(self) -> str:
        """What tells this block from another of its column."""
        sides = []
        for name, side in (("A", self.a), ("B", self.b)):
            first = side[0][0]
            options = f", options {digest(first.objective.params)[:6]}"
            sides.append(
                f"{name}: {pretraining_text(first)}{options if first.objective.params else ''}"
            )
        return "; ".join(sides)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Records that no comparison uses, and why."""

    objective: str
    where: str
    reason: str
    records: int


def pair_records(
    records: Iterable[Record],
    a: Side,
    b: Side,
    *,
    current: Versions,
    may_differ: Collection[str] = (),
) -> tuple[list[Block], list[LeftOut]]:
    """Blocks of a against b, by data kind and task; and what of theirs is in none.

    records: the newest of each cell. Only done, current ones are paired. Where one seed and fold
    was measured on two versions of the data, or twice, the newest pair counts. may_differ: settings
    that each objective may have its own value of, as where a sweep chose it.
    """
    sides = (a, b)
    wanted = [record for record in records if record.task and side_of(record, sides) is not None]
    good = [record for record in wanted if not _unusable(record, current)]
    out = _tally((record, _unusable(record, current)) for record in wanted)
    columns: dict[Column, list[Record]] = defaultdict(list)
    for record in good:
        columns[_column(record)].append(record)
    blocks: list[Block] = []
    for column in sorted(columns, key=lambda column: (column.kind, column.text)):
        found, lonely = _paired(column, columns[column], sides, may_differ)
        blocks += found
        out += lonely
    return blocks, out


def _paired(
    column: Column, records: list[Record], sides: Sides, may_differ: Collection[str]
) -> tuple[list[Block], list[LeftOut]]:
    """The blocks of one column, and its records that are in none."""
    place = {record.run_id: side_of(record, sides) for record in records}
    ours, theirs = (
        _setups([record for record in records if place[record.run_id] == side]) for side in (0, 1)
    )
    pairs = [(x, y) for x in ours for y in theirs if not apart(x[0], y[0], sides, may_differ)]
    found = [block for x, y in pairs if (block := _block(column, x, y))]
    used = {
        record.run_id
        for block in found
        for side in (block.a, block.b)
        for row in side
        for record in row
    }
    left_out = _tally(
        (record, _lonely(record, ours if place[record.run_id] else theirs, sides, may_differ))
        for record in records
        if record.run_id not in used
    )
    return found, left_out


def _unusable(record: Record, current: Versions) -> str:
    """Why a record has no number to compare, or ""."""
    if record.status != "done":
        what = f": {record.failure.exception}" if record.failure else ""
        return f"{record.status.replace('_', ' ')}{what}"
    reason = stale_reason(record, current)
    return f"stale: {reason}" if reason else ""


def _setups(records: list[Record]) -> list[list[Record]]:
    """Records of one side, apart by setup and by the objective's options."""
    groups: list[list[Record]] = []
    for record in sorted(records, key=lambda record: record.finished):
        for group in groups:
            same = group[0].objective.params == record.objective.params
            pretrained = pretraining_text(group[0]) == pretraining_text(record)
            if same and pretrained and not disagreements(group[0], record):
                group.append(record)
                break
        else:
            groups.append([record])
    return groups


def _block(column: Column, a: list[Record], b: list[Record]) -> Block | None:
    """The seeds that have every fold on both sides, folds in order; None where there are none."""
    ours, theirs = ({_place(record): record for record in side} for side in (a, b))
    shared = {place for place in ours if place in theirs}
    newest: dict[tuple[Seed, int], tuple[Record, Record]] = {}
    for place in sorted(shared, key=lambda place: ours[place].finished):
        newest[place[0], place[1]] = (ours[place], theirs[place])
    folds = sorted({fold for _, fold in newest})
    seeds = sorted({seed for seed, _ in newest})
    whole = [seed for seed in seeds if all((seed, fold) in newest for fold in folds)]
    if not whole:
        return None
    sides = [
        tuple(tuple(newest[seed, fold][side] for fold in folds) for seed in whole)
        for side in (0, 1)
    ]
    return Block(column=column, a=sides[0], b=sides[1])


def _lonely(
    record: Record, others: list[list[Record]], sides: Sides, may_differ: Collection[str]
) -> str:
    """Why a usable record has no partner."""
    if not others:
        return "the other objective has no record of this"
    nearest = min((apart(record, other[0], sides, may_differ) for other in others), key=len)
    if nearest:
        return f"setup differs ({told(nearest)})"
    alike = [group for group in others if not apart(record, group[0], sides, may_differ)]
    partners = [other for group in alike for other in group]
    seed, fold, _ = _place(record)
    if not any(_place(other)[:2] == (seed, fold) for other in partners):
        return f"the other objective lacks seed {seed[0]}, fold {fold}"
    if not any(_place(other) == _place(record) for other in partners):
        return "the other objective was measured on other data (manifest)"
    return f"seed {seed[0]} lacks a fold that others have, or a newer pair counts"


def _tally(reasons: Iterable[tuple[Record, str]]) -> list[LeftOut]:
    """One entry per objective, column and reason; records without a reason are not left out."""
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for record, reason in reasons:
        if reason:
            where = f"{_column(record).text} ({record.data.kind})"
            counts[record.objective.name, where, reason] += 1
    return [
        LeftOut(objective=name, where=where, reason=reason, records=count)
        for (name, where, reason), count in counts.items()
    ]


def _column(record: Record) -> Column:
    task = _task(record)
    return Column(
        task=task.name,
        protocol=task.protocol,
        modality=task.modality,
        kind=record.data.kind,
        metric=task.primary_metric,
        higher_is_better=task.higher_is_better,
    )


def _place(record: Record) -> tuple[Seed, int, str]:
    seed = (record.seed.init, record.seed.data, record.seed.loader)
    return seed, _task(record).fold, record.data.manifest_sha256 or ""


def _task(record: Record) -> TaskInfo:
    assert record.task is not None  # `pair_records` keeps evaluations only
    return record.task
