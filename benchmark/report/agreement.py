"""Whether the objectives come in the order that GLCM Table 4 gives them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.report.blocks import Block, told
from benchmark.report.grid import Grid
from benchmark.report.keys import ColumnKey, Conditions, RowKey
from benchmark.report.layout import TABLE_4_ROWS, TABLE_4_TASKS, TASKS, objective_title
from benchmark.report.model import Cell, Flag, Row, Table
from benchmark.report.published import PublishedRow
from benchmark.report.standing import block_column
from benchmark.results.schema import Record
from benchmark.statistics import average_ranks, kendall

Published = dict[tuple[str, str, str], float]  # objective, task, protocol -> score
CERTAIN = 0.05  # chosen: the level of every test in the reports


def published_order(rows: Sequence[PublishedRow]) -> Published:
    """Scores of GLCM Table 4 on video; those that are doubtful in the source are left out."""
    names = {objective_title(name): name for name in TABLE_4_ROWS}
    tasks = {TASKS[name]: name for name in TABLE_4_TASKS}
    return {
        (names[row.name], tasks[row.task, row.metric], row.protocol): row.value
        for row in rows
        if (row.paper, row.table, row.modality) == ("GLCM", "Table 4", "V")
        and row.value is not None
        and Flag.SUSPECT not in row.flags
    }


def published_part(grid: Grid, said: Published) -> Grid:
    """What of the grid the paper has too.

    Of several variants of an objective that were pretrained alike, the one measured on most of
    these tasks, then most often, then the one with the fewest options.
    """
    found: dict[tuple[str, Conditions], Grid] = defaultdict(dict)
    for row in sorted(grid, key=lambda row: row.order):
        cells = {
            column: records
            for column, records in grid[row].items()
            if column.modality == "v" and (row.objective, column.task, column.protocol) in said
        }
        if cells and not row.recipe:
            found[row.objective, row.conditions][row] = cells
    return dict(max(variants.items(), key=_fitness) for variants in found.values())


def agreement_table(block: Block, said: Published, *, name: str) -> Table:
    """Kendall's tau per task, and over the average ranks where there are several tasks.

    block: of `published_part`.
    """
    paper = np.array([[said[place] for place in _places(block, task)] for task in block.tasks])
    runs = [_runs(cells) for cells in block.cells]
    rows = [
        _row(told(task), block.scores[place], paper[place], runs[place])
        for place, task in enumerate(block.tasks)
    ]
    if len(block.tasks) > 1:
        ours = np.stack([_ranks(scores, block) for scores in np.moveaxis(block.scores, 2, 0)])
        rows.append(_row("average rank", ours.T, _ranks(paper, block), sum(runs, ())))
    methods, seeds = block.scores.shape[1:]
    return Table(
        name=name,
        title=f"Agreement with GLCM Table 4: {block.name}",
        columns=(
            block_column("Kendall's tau", "", 2),
            block_column("p", "", 3),
            block_column("methods", "", 0),
            block_column("seeds", "", 0),
        ),
        rows=tuple(rows),
        label_head="order on",
        notes=(
            f"Covers {', '.join(block.methods)}; published: on K-AV 15,000, one number each.",
            "tau: 1 is the same order, -1 the reverse; p: of no association. In parentheses the "
            "95 % interval over other seeds of these methods (residual bootstrap). Average rank: "
            "over these tasks, within each seed.",
            *_power(methods),
            *["One seed: no interval."] * (seeds == 1),
            *block.reservations,
        ),
    )


def _fitness(variant: tuple[RowKey, dict[ColumnKey, list[Record]]]) -> tuple[int, int, int]:
    cells = variant[1]
    options = next(iter(cells.values()))[0].objective.params
    return len(cells), sum(map(len, cells.values())), -len(options)


def _places(block: Block, task: ColumnKey) -> list[tuple[str, str, str]]:
    return [(objective, task.task, task.protocol) for objective in block.objectives]


def _ranks(scores: NDArray[np.float64], block: Block) -> NDArray[np.float64]:
    """(methods,): average rank over the tasks of scores (tasks, methods)."""
    return average_ranks(scores, block.rising).mean


def _row(
    label: str,
    measured: NDArray[np.float64],
    published: NDArray[np.float64],
    runs: tuple[str, ...],
) -> Row:
    found = kendall(measured, published)
    some = found.low is not None and found.high is not None
    tau = Cell(
        origin="measured",
        value=found.tau,
        aside=f"{found.low:.2f} to {found.high:.2f}" if some else "",
        run_ids=runs,
    )
    counts = (found.p, found.methods, measured.shape[1])
    plain = [Cell(origin="measured", value=float(number), run_ids=runs) for number in counts]
    return Row(label=label, cells=(tau, *plain))


def _runs(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(run for cell in cells for run in cell.run_ids)


def _power(methods: int) -> list[str]:
    """A note where not even the same order would be certain."""
    least = kendall(range(methods), range(methods)).p
    said = f"{methods} methods cannot show an association: the same order has p = {least:.3f}."
    return [said] if least > CERTAIN else []
