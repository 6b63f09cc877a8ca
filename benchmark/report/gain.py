"""Normalised gain: how far an objective goes from no pretraining to pretraining with labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.report.blocks import Block, told
from benchmark.report.model import Cell, Row, Table
from benchmark.report.standing import block_column, task_column
from benchmark.statistics import interval, normalised_gain

ANCHORS = ("scratch", "supervised")
NO_SCALE = "supervised is not better than scratch: there is no scale"


def gain_table(block: Block, *, name: str) -> Table:
    """Gain of every other method of a block that holds both anchors, by task and over the tasks."""
    found = gains(block)
    without = [
        told(task) for task, gain in zip(block.tasks, found, strict=True) if np.isnan(gain).any()
    ]
    columns = [task_column(task, digits=2, higher_is_better=True) for task in block.tasks]
    several = len(block.tasks) > 1
    if several:
        columns.insert(0, block_column("mean", "", 2, higher_is_better=True))
    ends = _ends(block)
    rows = []
    for method, label in enumerate(block.methods):
        if method in ends:
            continue
        cells = [
            _cell(found[task, method], [block.cells[task][place] for place in (method, *ends)])
            for task in range(len(block.tasks))
        ]
        if several:
            used = [cells[place] for cells in block.cells for place in (method, *ends)]
            cells.insert(0, _cell(found[:, method].mean(axis=0), used))
        rows.append(Row(label=label, cells=tuple(cells)))
    return Table(
        name=name,
        title=f"Normalised gain: {block.name}",
        columns=tuple(columns),
        rows=tuple(rows),
        notes=tuple(_notes(block, without)),
    )


def gains(block: Block) -> NDArray[np.float64]:
    """(tasks, methods, seeds): gain within each seed, NaN where there is no scale.

    Of several rows of an anchor, the first is the end of the scale.
    """
    scratch, supervised = _ends(block)
    found = np.full(block.scores.shape, np.nan)
    for task, method, seed in np.ndindex(*found.shape):
        scores = block.scores[task, :, seed]
        gain = normalised_gain(
            float(scores[method]),
            float(scores[scratch]),
            float(scores[supervised]),
            higher_is_better=block.tasks[task].higher_is_better,
        )
        found[task, method, seed] = np.nan if gain is None else gain
    return found


def _ends(block: Block) -> tuple[int, ...]:
    return tuple(block.objectives.index(anchor) for anchor in ANCHORS)


def _cell(by_seed: NDArray[np.float64], used: Sequence[Cell]) -> Cell:
    """Mean over seeds with its interval. used: the cells that it was computed from."""
    runs = tuple(dict.fromkeys(run for cell in used for run in cell.run_ids))
    if not np.isfinite(by_seed).all():
        return Cell(origin="measured", text="—", run_ids=runs, note=NO_SCALE)
    mean, half = interval(by_seed.tolist())
    return Cell(origin="measured", value=mean, half_width=half, n=len(by_seed), run_ids=runs)


def _notes(block: Block, without: Sequence[str]) -> list[str]:
    low, high = (block.methods[place] for place in _ends(block))
    notes = [
        f"(score - {low}) / ({high} - {low}) within each seed: 0 is no pretraining, 1 is labels. "
        "Mean ± half width of the 95 % interval over seeds (Student t), (seeds).",
    ]
    if without:
        mean = ", nor a mean over the tasks" * (len(block.tasks) > 1)
        notes.append(
            f"—  on {', '.join(without)}, {high} is not better than {low} in at least one seed: "
            f"no scale, hence no gain{mean}."
        )
    return notes + block.reservations
