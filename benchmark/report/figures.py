"""What the plots of a report show, before anything is drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmark.report.blocks import Block
from benchmark.report.cost import pretraining_hours
from benchmark.report.grid import Grid, needed_folds
from benchmark.report.keys import ColumnKey, RowKey, row_labels
from benchmark.report.layout import metric_title, objective_title
from benchmark.report.measured import Measure
from benchmark.report.model import Cell
from benchmark.report.standing import ranks
from benchmark.results.schema import Record
from benchmark.statistics import critical_difference, not_separated, win_matrix

RELAXATIONS = ("none", "mild", "medium", "mixed", "extreme")  # CrissCross Fig. 2, left to right
PANELS = 9  # chosen: more small plots than this are a wall, not a figure
KINDS_OF_FIGURES = {
    "hours": "score against hours of pretraining",
    "learning": "score against steps of pretraining",
    "relaxation": "score against temporal relaxation (CrissCross Fig. 2)",
    "ranks": "average rank with interval",
    "cd": "critical-difference diagram",
    "wins": "on how many tasks one objective beats another",
}
NEEDS = {  # what the records must hold before there is anything to draw
    "hours": "needs two pretrained objectives on one task",
    "learning": "needs one objective after several lengths of pretraining",
    "relaxation": "needs crisscross with several values of `relaxation`",
    **dict.fromkeys(
        ("ranks", "cd", "wins"), "needs three methods on the same two tasks, with a seed in common"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one label; half: of each 95 % interval, None where one seed has none."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    half: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes; ticks: names of x = 0, 1, ...; joined: points are a curve."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    ticks: tuple[str, ...] = ()
    joined: bool = False


@dataclass(frozen=True, kw_only=True)
class RankPanel:
    """Average ranks, best first; intervals, or the bars of what is not told apart."""

    title: str
    methods: tuple[str, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    difference: float | None = None
    bars: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class MatrixPanel:
    """values[row][column] of `top` at most, None on the diagonal."""

    title: str
    names: tuple[str, ...]
    values: tuple[tuple[int | None, ...], ...]
    top: int


@dataclass(frozen=True, kw_only=True)
class Figure:
    """name: a kind of figure. note: what is not shown."""

    name: str
    title: str
    panels: tuple[Panel | RankPanel | MatrixPanel, ...]
    note: str = ""


def build_figures(
    grid: Grid, pretraining: Iterable[Record], found: list[Block], *, measure: Measure
) -> list[Figure]:
    """Every figure that the records have something for."""
    cells = _cells(grid, measure=measure)
    panels: Mapping[str, list[Panel] | list[RankPanel] | list[MatrixPanel]] = {
        "hours": _hours(cells, grid, list(pretraining)),
        "learning": _learning(cells),
        "relaxation": _relaxation(cells, grid),
        "ranks": [_rank_panel(block) for block in found],
        "cd": [_critical(block) for block in found],
        "wins": [_wins(block) for block in found],
    }
    figures = []
    for name, drawn in panels.items():
        if drawn:
            over = len(drawn) - PANELS
            title = KINDS_OF_FIGURES[name]
            figures.append(
                Figure(
                    name=name,
                    title=title[0].upper() + title[1:],
                    panels=tuple(drawn[:PANELS]),
                    note=f"{over} more panel(s) are not drawn." if over > 0 else "",
                )
            )
    return figures


Cells = dict[ColumnKey, dict[RowKey, Cell]]


def _cells(grid: Grid, *, measure: Measure) -> Cells:
    """Every measured number by column, then row."""
    folds = needed_folds(grid)
    found: Cells = defaultdict(dict)
    for row in sorted(grid, key=lambda key: key.order):
        for column, records in grid[row].items():
            cell = measure(records, folds=folds[column])
            if cell.value is not None:
                found[column][row] = cell
    return {column: found[column] for column in sorted(found, key=lambda key: key.order)}


def _hours(cells: Cells, grid: Grid, pretraining: list[Record]) -> list[Panel]:
    """A panel for each column in which two rows have a known cost."""
    hours = {run.run_id: pretraining_hours(run) for run in pretraining}
    labels = row_labels(grid)
    panels = []
    for column, rows in cells.items():
        series = []
        for row, cell in rows.items():
            spent = [
                cost
                for record in grid[row][column]
                if record.pretrain and (cost := hours.get(record.pretrain.run_id or "")) is not None
            ]
            if spent:
                series.append(_series(labels[row], [(sum(spent) / len(spent), cell)]))
        if len(series) > 1:
            panels.append(_panel(column, series, x_label="hours of pretraining"))
    return panels


def _learning(cells: Cells) -> list[Panel]:
    """A curve for each objective that was measured after several lengths of pretraining."""
    panels = []
    for column, rows in cells.items():
        curves: dict[RowKey, list[tuple[float, Cell]]] = defaultdict(list)
        for row, cell in rows.items():
            if row.conditions.steps:
                kind = replace(row, conditions=replace(row.conditions, steps=None))
                curves[kind].append((float(row.conditions.steps), cell))
        labels = row_labels(curves)
        series = [_series(labels[key], points) for key, points in curves.items() if len(points) > 1]
        if series:
            panels.append(_panel(column, series, x_label="steps of pretraining", joined=True))
    return panels


def _relaxation(cells: Cells, grid: Grid) -> list[Panel]:
    """CrissCross by relaxation, where at least two were measured."""
    panels = []
    for column, rows in cells.items():
        points = []
        for row, cell in rows.items():
            record = grid[row][column][0]
            name = record.objective.params.get("relaxation")
            if record.objective.name == "crisscross" and name in RELAXATIONS:
                points.append((float(RELAXATIONS.index(str(name))), cell))
        if len({place for place, _ in points}) > 1:
            series = [_series(objective_title("crisscross"), points)]
            panels.append(
                _panel(column, series, x_label="relaxation", ticks=RELAXATIONS, joined=True)
            )
    return panels


def _series(label: str, points: list[tuple[float, Cell]]) -> Series:
    ordered = sorted(points, key=lambda point: point[0])
    return Series(
        label=label,
        x=tuple(place for place, _ in ordered),
        y=tuple(cell.value or 0.0 for _, cell in ordered),
        half=tuple(cell.half_width for _, cell in ordered),
    )


def _panel(
    column: ColumnKey,
    series: list[Series],
    *,
    x_label: str,
    ticks: tuple[str, ...] = (),
    joined: bool = False,
) -> Panel:
    arrow = "" if column.higher_is_better else " (lower is better)"
    return Panel(
        title=f"{column.label} · {column.protocol} · {column.kind}",
        x_label=x_label,
        y_label=f"{metric_title(column.metric, column.unit)}{arrow}",
        series=tuple(series),
        ticks=ticks,
        joined=joined,
    )


def _rank_panel(block: Block) -> RankPanel:
    found = ranks(block)
    order = [int(index) for index in found.mean.argsort(kind="stable")]
    low, high = found.low, found.high
    assert low is not None  # a block has two tasks or more
    assert high is not None
    return RankPanel(
        title=block.name,
        methods=tuple(block.methods[index] for index in order),
        mean=tuple(float(found.mean[index]) for index in order),
        low=tuple(float(low[index]) for index in order),
        high=tuple(float(high[index]) for index in order),
    )


def _critical(block: Block) -> RankPanel:
    panel = _rank_panel(block)
    difference = critical_difference(len(block.methods), len(block.tasks))
    return replace(
        panel,
        low=(),
        high=(),
        difference=difference,
        bars=tuple(not_separated(np.array(panel.mean), difference)),
    )


def _wins(block: Block) -> MatrixPanel:
    wins = win_matrix(block.scores, block.rising)
    size = range(len(block.methods))
    return MatrixPanel(
        title=block.name,
        names=block.methods,
        values=tuple(tuple(None if i == j else int(wins[i, j]) for j in size) for i in size),
        top=len(block.tasks),
    )
