"""What the numbers cost: seconds, sizes, speed and memory."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from benchmark.report.accounts import NOTHING, plain_column
from benchmark.report.grid import Grid
from benchmark.report.keys import row_labels
from benchmark.report.model import Cell, Row, Table
from benchmark.results.schema import Record

HOUR = 3600.0
COST_COLUMNS: tuple[tuple[str, str, int], ...] = (  # label, unit, decimals
    ("pretraining", "s", 0),
    ("finetuning", "s", 0),
    ("frozen", "s", 1),
    ("GPU", "hours", 2),
    ("parameters", "M", 2),
    ("trained", "M", 2),
    ("FLOPs", "G/clip", 1),
    ("speed", "clips/s", 0),
    ("memory", "GB", 1),
    ("data wait", "%", 0),
)


def cost(grid: Grid, pretraining: Iterable[Record]) -> Table | None:
    """Seconds, sizes and speed of every measured row; columns that no record fills are left out."""
    if not grid:
        return None
    runs = {record.run_id: record for record in pretraining}
    labels = row_labels(grid)
    lines = []
    for row in sorted(grid, key=lambda key: key.order):
        done = [r for found in grid[row].values() for r in found if r.status == "done"]
        before = {r.pretrain.run_id for r in done if r.pretrain and r.pretrain.run_id}
        lines.append((row, _cost_cells(done, [runs[name] for name in before if name in runs])))
    kept = [i for i in range(len(COST_COLUMNS)) if any(cells[i] != NOTHING for _, cells in lines)]
    if not kept:
        return None
    rows = [
        Row(label=labels[row], cells=tuple(cells[index] for index in kept)) for row, cells in lines
    ]
    columns = tuple(
        plain_column(label, unit, digits) for label, unit, digits in (COST_COLUMNS[i] for i in kept)
    )
    devices = sorted({record.env.device for record in runs.values() if record.env.device})
    note = (
        "Means over a row's runs: wall time of one pretraining, of one finetuning with its test "
        "and of one evaluation of a frozen encoder, clips a second of pretraining; memory: the "
        "most of any"
    )
    return Table(
        name="cost",
        title="Cost",
        columns=columns,
        rows=tuple(rows),
        notes=(f"{note}; on {', '.join(devices) or 'unknown devices'}.",),
    )


def pretraining_hours(record: Record) -> float | None:
    """Hours of a run: on the GPU where it had one, else of wall time."""
    hours = record.cost.gpu_hours
    seconds = _seconds(record)
    if hours is None and seconds is not None:
        hours = seconds / HOUR
    return hours


def _seconds(record: Record) -> float | None:
    """Wall time; a record of 2026-11 has only the last part's, where its training was resumed."""
    known = [record.cost.wall_s, record.cost.phases.get("train")]
    return max((seconds for seconds in known if seconds is not None), default=None)


def _cost_cells(done: list[Record], before: list[Record]) -> list[Cell]:
    used = [record.backbone for record in done]
    values: list[list[float | None]] = [
        [_seconds(run) for run in before],
        [_seconds(record) for record in done if _finetuned(record)],
        [_seconds(record) for record in done if not _finetuned(record)],
        [run.cost.gpu_hours for run in before],
        [_over(backbone.params_total, 1e6) for backbone in used],
        [_over(backbone.params_trainable, 1e6) for backbone in used],
        [_over(backbone.flops, 1e9) for backbone in used],
        [run.cost.clips_per_s for run in before],
        _most(record.cost.peak_mem_gb for record in (*before, *done)),
        [_over(run.cost.data_wait_share, 0.01) for run in before],
    ]
    runs = tuple(record.run_id for record in (*before, *done))
    return [_mean(found, runs) for found in values]


def _finetuned(record: Record) -> bool:
    return record.task is not None and record.task.protocol == "finetune"


def _mean(values: list[float | None], runs: tuple[str, ...]) -> Cell:
    known = [value for value in values if value is not None]
    return Cell(origin="measured", value=fmean(known), run_ids=runs) if known else NOTHING


def _most(values: Iterable[float | None]) -> list[float | None]:
    known = [value for value in values if value is not None]
    return [max(known)] if known else []


def _over(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
