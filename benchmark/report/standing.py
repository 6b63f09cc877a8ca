"""Objectives across tasks: average rank and wins, over complete blocks only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.report.blocks import Block
from benchmark.report.keys import ColumnKey
from benchmark.report.model import Cell, Column, Row, Table
from benchmark.statistics import (
    AverageRanks,
    average_ranks,
    critical_difference,
    friedman,
    win_matrix,
)


def ranks(block: Block) -> AverageRanks:
    """Average rank of each method of a block, with its interval over tasks and seeds."""
    return average_ranks(block.scores, block.rising)


def rank_table(block: Block, *, name: str) -> Table:
    """Average rank and the rank in each task; Friedman's test and the critical difference below."""
    found = ranks(block)
    order = np.argsort(found.mean, kind="stable")
    columns = [block_column("average rank", "", 2)]
    columns += [task_column(task, digits=1) for task in block.tasks]
    rows = []
    for index in order:
        half = None
        if found.low is not None and found.high is not None:
            low, high = float(found.low[index]), float(found.high[index])
            half = f"{low:.1f} to {high:.1f}"
        mean = Cell(
            origin="measured",
            value=float(found.mean[index]),
            aside=half or "",
            run_ids=block.runs[index],
        )
        per_task = [
            Cell(
                origin="measured",
                value=float(found.per_task[task, index]),
                run_ids=block.cells[task][index].run_ids,
            )
            for task in range(len(block.tasks))
        ]
        rows.append(Row(label=block.methods[index], cells=(mean, *per_task)))
    return Table(
        name=name,
        title=f"Average rank: {block.name}",
        columns=tuple(columns),
        rows=tuple(rows),
        notes=tuple(_rank_notes(block)),
    )


def win_table(block: Block, *, name: str) -> Table:
    """On how many tasks the row beats the column; ties count for neither."""
    wins = win_matrix(block.scores, block.rising)
    columns = [block_column(method, "", 0) for method in block.methods]
    rows = []
    for line, method in enumerate(block.methods):
        cells = [
            Cell(origin="measured", text="·")
            if line == other
            else Cell(origin="measured", value=float(wins[line, other]), run_ids=block.runs[line])
            for other in range(len(block.methods))
        ]
        rows.append(Row(label=method, cells=tuple(cells)))
    return Table(
        name=name,
        title=f"Wins: {block.name}",
        columns=tuple(columns),
        rows=tuple(rows),
        label_head="row beats column",
        notes=(f"Of {len(block.tasks)} tasks.", *block.reservations),
    )


def _rank_notes(block: Block) -> list[str]:
    tasks, methods, seeds = block.scores.shape
    notes = [
        f"{methods} methods, {tasks} tasks, {seeds} seed(s) that all share; 1 is best, ties are "
        "averaged. Interval: 95 %, bootstrap over tasks and seeds."
    ]
    # ranks within a task turn with its direction, and tasks of both directions are summed
    up = np.array(block.rising)[:, None]
    mean = block.scores.mean(axis=2)
    test = friedman(np.where(up, mean, -mean))
    p = f"p = {test.p:.3f}" if test.p >= 0.001 else "p < 0.001"
    notes.append(f"Friedman: chi2 = {test.statistic:.2f}, {p}.")
    difference = critical_difference(methods, tasks)
    notes.append(
        f"Nemenyi: average ranks closer than {difference:.2f} are not told apart at 5 %."
        + (" No two can be." if difference > methods - 1 else "")
    )
    return notes + block.reservations


def block_column(
    label: str, metric: str, digits: int, *, higher_is_better: bool | None = None
) -> Column:
    """A column of a table about a block; the block's data kind stands in the title."""
    return Column(
        group=("measured",),
        label=label,
        metric=metric,
        higher_is_better=higher_is_better,
        origin="measured",
        digits=digits,
    )


def task_column(task: ColumnKey, *, digits: int, higher_is_better: bool | None = None) -> Column:
    """What a table about a block says of one of its tasks; the protocol stands below the task."""
    column = block_column(task.label, task.protocol, digits, higher_is_better=higher_is_better)
    return replace(column, protocol=task.protocol)
