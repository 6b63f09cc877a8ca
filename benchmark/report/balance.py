"""Local against global tasks: whether an objective serves fine timing more than its neighbours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmark.report.blocks import Block, told
from benchmark.report.model import Cell, Row, Table
from benchmark.report.standing import block_column
from benchmark.statistics import dissociation

Scopes = Mapping[str, str]  # task -> "local" or "global", from its card


def balance_table(block: Block, scopes: Scopes, *, name: str) -> Table | None:
    """Dissociation index and mean z-scores of a block; None without tasks of both scopes."""
    known = [place for place, task in enumerate(block.tasks) if task.task in scopes]
    tasks = [block.tasks[place] for place in known]
    local = [scopes[task.task] == "local" for task in tasks]
    if all(local) or not any(local):
        return None
    rising = [task.higher_is_better for task in tasks]
    found = dissociation(block.scores[known], rising, local)
    seeds = block.scores.shape[2]
    rows = []
    for method in np.argsort(-found.index, kind="stable"):
        runs = tuple(run for place in known for run in block.cells[place][method].run_ids)
        half = None if found.half_width is None else float(found.half_width[method])
        index = Cell(
            origin="measured",
            value=float(found.index[method]),
            half_width=half,
            n=seeds,
            run_ids=runs,
        )
        means = [
            Cell(origin="measured", value=float(mean[method]), run_ids=runs)
            for mean in (found.local, found.whole)
        ]
        rows.append(Row(label=block.methods[method], cells=(index, *means)))
    names = [told(task) for task in tasks]
    near = [task for task, is_local in zip(names, local, strict=True) if is_local]
    far = [task for task in names if task not in near]
    unknown = [told(task) for task in block.tasks if task not in tasks]
    return Table(
        name=name,
        title=f"Local and global tasks: {block.name}",
        columns=(
            block_column("dissociation", "local - global", 2),
            block_column("local tasks", "mean z", 2),
            block_column("global tasks", "mean z", 2),
        ),
        rows=tuple(rows),
        notes=(
            f"Local, need fine timing: {', '.join(near)}. Global: {', '.join(far)}.",
            "z: distance from the mean of this table's methods in their standard deviations, "
            "within each task and seed; the index leans to local tasks above zero, to global ones "
            "below, relative to the others and however good. Mean ± half width of the 95 % "
            "interval over seeds (Student t), (seeds).",
            *[f"Of unknown scope, left out: {', '.join(unknown)}."] * bool(unknown),
            *block.reservations,
        ),
    )
