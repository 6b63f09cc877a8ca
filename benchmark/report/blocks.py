"""Complete blocks: methods and tasks without a hole, which alone may be ranked.

A block holds one data kind and one pretraining condition (anchors without pretraining take part).
Methods and tasks are chosen so that the block is as large as can be; where that leaves methods out,
there is a second one with as many methods as can be. What was left out is named. A task counts
once, by the protocol that most methods have it under. A variant of an objective that was measured
on fewer tasks than the objective itself takes no part.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.report.grid import Grid, needed_folds, uneven
from benchmark.report.keys import ColumnKey, Conditions, RowKey, row_labels
from benchmark.report.measured import Measure
from benchmark.report.model import Cell, Flag

LEAST_TASKS = 2
LEAST_METHODS = 3  # chosen: of two, an average rank says no more than the wins


@dataclass(frozen=True, kw_only=True)
class Block:
    """scores (tasks, methods, seeds), without a hole. cells[task][method]; dropped: left out.

    methods: their labels; objectives: what each of them is a row of. again: tasks of the block
    under further protocols. extent: what tells it from another block of these conditions.
    """

    kind: str
    conditions: Conditions
    methods: tuple[str, ...]
    objectives: tuple[str, ...]
    tasks: tuple[ColumnKey, ...]
    scores: NDArray[np.float64]
    cells: tuple[tuple[Cell, ...], ...]
    dropped: tuple[str, ...]
    again: tuple[str, ...] = ()
    extent: str = ""

    @property
    def name(self) -> str:
        """What was compared, for titles."""
        conditions = self.conditions.text().replace("pretrained on ", "")
        return f"{self.kind}, {conditions}{self.extent}"

    @property
    def rising(self) -> list[bool]:
        """Whether higher is better, by task."""
        return [task.higher_is_better for task in self.tasks]

    @property
    def runs(self) -> list[tuple[str, ...]]:
        """run_ids behind each method."""
        by_method = zip(*self.cells, strict=True)
        return [tuple(run for cell in column for run in cell.run_ids) for column in by_method]

    @property
    def reservations(self) -> list[str]:
        """For notes: what was left out, and which scores are no better than a guess."""
        notes = [f"Left out, for a score is missing: {', '.join(self.dropped)}."]
        chance = sum(Flag.CHANCE in cell.flags for cells in self.cells for cell in cells)
        said = [f"{chance} of the scores are at or below chance; they take part."]
        once = [f"Left out, as a task counts once: {', '.join(self.again)}."]
        return notes * bool(self.dropped) + once * bool(self.again) + said * bool(chance)


def blocks(
    grid: Grid,
    *,
    measure: Measure,
    part: Grid | None = None,
    least_tasks: int = LEAST_TASKS,
    needed: Collection[str] = (),
) -> list[Block]:
    """The complete blocks of each data kind and pretraining condition, none to two of them.

    part: of the grid, to look in; default all of it. needed: objectives that a block must hold.
    """
    folds = needed_folds(grid)
    labels = row_labels(grid)
    part = grid if part is None else part
    found = []
    for kind, conditions, rows in _comparable(part):
        variants = _narrower(rows, part, kind)
        rows = [row for row in rows if row not in variants]
        cells = _whole_cells({row: part[row] for row in rows}, kind, measure=measure, folds=folds)
        again = _again(cells)
        every = {column for row in rows for column in part[row] if column.kind == kind}
        done = {
            row: {
                column: frozenset(of_seed(cell))
                for column, cell in made.items()
                if column not in again
            }
            for row, made in cells.items()
        }
        chosen = _complete(done, least_tasks=least_tasks, needed=needed)
        for methods, tasks in chosen:
            dropped = [labels[row] for row in (*cells, *variants) if row not in methods]
            extent = f", {len(methods)} methods on {len(tasks)} tasks" if len(chosen) > 1 else ""
            found.append(
                Block(
                    kind=kind,
                    conditions=conditions,
                    methods=tuple(labels[row] for row in methods),
                    objectives=tuple(row.objective for row in methods),
                    tasks=tuple(tasks),
                    scores=_scores(cells, methods, tasks),
                    cells=tuple(tuple(cells[row][task] for row in methods) for task in tasks),
                    dropped=(*dropped, *_named(every - set(tasks) - again)),
                    again=tuple(_named(again)),
                    extent=extent,
                )
            )
    return found


def _named(columns: Collection[ColumnKey]) -> list[str]:
    return [told(column) for column in sorted(columns, key=lambda column: column.order)]


def told(column: ColumnKey) -> str:
    """A task and its protocol, for notes."""
    return f"{column.label} ({column.protocol})"


def _comparable(grid: Grid) -> Iterator[tuple[str, Conditions, list[RowKey]]]:
    """Rows that may be compared: of one data kind, pretrained alike or not at all.

    Rows of an unusual recipe take no part.
    """
    kinds = dict.fromkeys(column.kind for cells in grid.values() for column in cells)
    usual = [row for row in grid if not row.recipe]
    for kind in kinds:
        held = [row for row in usual if any(column.kind == kind for column in grid[row])]
        for made in dict.fromkeys(row.conditions for row in held if row.conditions.dataset):
            plain = [row for row in held if not row.conditions.dataset]
            anchors = [row for row in plain if row.conditions.backbone == made.backbone]
            yield kind, made, [row for row in held if row.conditions == made] + anchors


def _narrower(rows: list[RowKey], grid: Grid, kind: str) -> list[RowKey]:
    """Rows with fewer columns than another of their objective and conditions."""
    width = {row: sum(column.kind == kind for column in grid[row]) for row in rows}
    widest: dict[tuple[str, Conditions], int] = defaultdict(int)
    for row in rows:
        place = row.objective, row.conditions
        widest[place] = max(widest[place], width[row])
    return [row for row in rows if width[row] < widest[row.objective, row.conditions]]


def _whole_cells(
    alike: Grid, kind: str, *, measure: Measure, folds: Mapping[ColumnKey, frozenset[int]]
) -> dict[RowKey, dict[ColumnKey, Cell]]:
    """The cells of comparable rows that have a number which every seed stands behind."""
    found = {}
    for row, columns in alike.items():
        made = {
            column: measure(records, folds=folds[column])
            for column, records in columns.items()
            if column.kind == kind and not uneven(alike, column)
        }
        found[row] = {column: cell for column, cell in made.items() if _whole(cell)}
    return found


def _again(cells: dict[RowKey, dict[ColumnKey, Cell]]) -> set[ColumnKey]:
    """Columns of a task that has a better filled one under another protocol."""
    rows = Counter(column for made in cells.values() for column in made)
    alike: dict[tuple[str, str, str], list[ColumnKey]] = defaultdict(list)
    for column in sorted(rows, key=lambda column: (-rows[column], column.order)):
        alike[column.task, column.modality, column.manifest].append(column)
    return {column for found in alike.values() for column in found[1:]}


Chosen = tuple[list[RowKey], list[ColumnKey]]
Seeds = dict[RowKey, dict[ColumnKey, frozenset[int]]]


def _complete(seeds: Seeds, *, least_tasks: int, needed: Collection[str]) -> list[Chosen]:
    """The largest block without a hole and, if it is another, the one with most methods, in order.

    seeds: of each cell. Of the tasks that a block's methods have, those count which give it most
    scores: one of a single seed would leave all others a single seed, too.
    """
    found = [
        (methods, tasks, len(shared))
        for methods, tasks in _candidates(seeds)
        if len(tasks) >= least_tasks
        and len(methods) >= LEAST_METHODS
        and set(needed) <= {row.objective for row in methods}
        and (shared := frozenset.intersection(*(seeds[r][task] for r in methods for task in tasks)))
    ]
    if not found:
        return []
    largest = max(found, key=lambda one: (len(one[0]) * len(one[1]), len(one[0])))[0]
    widest = max(found, key=lambda one: len(one[0]))[0]
    chosen = []
    for methods in [largest] if len(widest) == len(largest) else [largest, widest]:
        alike = [one for one in found if one[0] == methods]
        chosen.append(max(alike, key=lambda one: len(one[1]) * one[2])[:2])
    return chosen


def _candidates(seeds: Seeds) -> Iterator[Chosen]:
    """Methods and the tasks that all of them have, with one seed, with two, and so on.

    Looks at the sets of tasks that one or two methods have in common: the best block's tasks are
    nearly always among them, and the search stays quadratic.
    """
    for least in sorted({len(found) for made in seeds.values() for found in made.values()}):
        done = {
            row: frozenset(column for column, found in made.items() if len(found) >= least)
            for row, made in seeds.items()
        }
        common = {one & other for one in done.values() for other in done.values()} - {frozenset()}
        for tasks in sorted(common, key=lambda tasks: sorted(str(task.order) for task in tasks)):
            methods = [row for row, columns in done.items() if tasks <= columns]
            yield (
                sorted(methods, key=lambda row: row.order),
                sorted(tasks, key=lambda column: column.order),
            )


def _scores(
    cells: dict[RowKey, dict[ColumnKey, Cell]], methods: list[RowKey], tasks: list[ColumnKey]
) -> NDArray[np.float64]:
    """(tasks, methods, seeds) over the seeds that all cells share."""
    by_seed = [[of_seed(cells[row][task]) for row in methods] for task in tasks]
    seeds = sorted(set.intersection(*(set(found) for line in by_seed for found in line)))
    return np.array([[[found[seed] for seed in seeds] for found in line] for line in by_seed])


def of_seed(cell: Cell) -> dict[int, float]:
    """Score by the first of the seeds: anchors have no pretraining seed to share."""
    found: dict[int, list[float]] = defaultdict(list)
    for seeds, value in cell.by_seed:
        found[seeds[0] or 0].append(value)
    return {seed: sum(values) / len(values) for seed, values in found.items()}


def _whole(cell: Cell) -> bool:
    return cell.value is not None and Flag.PARTIAL not in cell.flags
