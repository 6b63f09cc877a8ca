"""Which number of a column is the best, and which cannot be told from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from benchmark.report.model import Cell, Table
from benchmark.statistics import Difference, indistinguishable, seed_difference

Place = tuple[int, int]  # row, column
Compare = Callable[[Cell, Cell], Difference]

TESTED = (
    "underlined (=): not distinguishable from the best at 5 %, Holm-corrected within the column: "
    "paired t test over the seeds that both have; of one such seed, over the test groups of the "
    "stored predictions (top-1 only), else not at all. `bench compare` tests with care."
)


def over_seeds(cell: Cell, best: Cell) -> Difference:
    """The paired difference over the seeds that both cells have; no test below two.

    An encoder that was not pretrained here knows no seed of it: its evaluation's seeds are paired.
    """
    ours, theirs = dict(cell.by_seed), dict(best.by_seed)
    if ours and theirs and not set(ours) & set(theirs):
        ours, theirs = (
            {seed[:3]: score for seed, score in side.items()} for side in (ours, theirs)
        )
    shared = [seed for seed in ours if seed in theirs]
    if not shared:
        return seed_difference([cell.value or 0.0], [best.value or 0.0])
    return seed_difference([ours[seed] for seed in shared], [theirs[seed] for seed in shared])


def with_best(
    table: Table, *, unranked: Iterable[int] = (), compare: Compare = over_seeds
) -> Table:
    """Mark the best number of each column, ties included, where at least two can be compared.

    A measured number is marked `tied` where `compare` does not tell it from the best. unranked:
    columns whose rows were not made under equal conditions.
    """
    best: set[Place] = set()
    tied: set[Place] = set()
    skipped = frozenset(unranked)
    for column, higher in _contests(table):
        places = [place for place in column if place[1] not in skipped]
        winners = _winners(places, table, higher=higher)
        best.update(winners)
        others = [p for p in places if p not in winners and _cell(table, p).ranked]
        if winners and others and _cell(table, winners[0]).origin == "measured":
            top = _cell(table, winners[0])
            same = indistinguishable([compare(_cell(table, place), top) for place in others])
            tied.update(place for place, alike in zip(others, same, strict=True) if alike)

    def marked(place: Place) -> Cell:
        return replace(_cell(table, place), best=place in best, tied=place in tied)

    rows = [
        replace(row, cells=tuple(marked((line, index)) for index in range(len(row.cells))))
        for line, row in enumerate(table.rows)
    ]
    notes = (*table.notes, TESTED) if tied else table.notes
    return replace(table, rows=tuple(rows), notes=notes)


def _contests(table: Table) -> Iterable[tuple[list[Place], bool]]:
    """Places that compete, and the direction: a column, or the columns of one group in a row."""
    if not table.along_rows:
        for index, column in enumerate(table.columns):
            if column.higher_is_better is not None:
                places = [(line, index) for line in range(len(table.rows))]
                yield places, column.higher_is_better
        return
    for line, row in enumerate(table.rows):
        groups: dict[tuple[str, ...], list[Place]] = defaultdict(list)
        for index, column in enumerate(table.columns):
            groups[column.group].append((line, index))
        if row.higher_is_better is not None:
            for places in groups.values():
                yield places, row.higher_is_better


def _winners(places: list[Place], table: Table, *, higher: bool) -> list[Place]:
    values = {
        place: cell.value
        for place in places
        if (cell := _cell(table, place)).ranked and cell.value is not None
    }
    if len(values) < 2:
        return []
    top = max(values.values()) if higher else min(values.values())
    return [place for place, value in values.items() if value == top]


def _cell(table: Table, place: Place) -> Cell:
    return table.rows[place[0]].cells[place[1]]
