"""What a table is before it is drawn. A cell knows whether it was measured here or published."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal

Origin = Literal["measured", "published"]


class Mark(Enum):
    """Why a cell has no number: what is printed, and what it means."""

    MISSING = ("—", "no record")
    FAILED = ("failed", "every attempt failed")
    BLOCKED = ("blocked", "could not start: data or a dependency is not ready")
    STALE = ("stale", "measured with an older objective, task, data or metric version")
    NOT_APPLICABLE = ("n/a", "not applicable, or not reported by the source")

    @property
    def text(self) -> str:
        """What stands in the cell."""
        return self.value[0]


class Flag(Enum):
    """What must be known about a number: what is appended to it, and what it means."""

    PARTIAL = ("~", "some seeds or folds failed or are stale; the mean is over the rest")
    CHANCE = ("!", "at or below chance for at least one seed")
    SUSPECT = ("?", "legible in the source but doubtful, shown as printed; not ranked")
    RECONSTRUCTED = ("^", "lost in the source, reconstructed by arithmetic")
    RESTORED = ("'", "damaged in the source, value certain")

    @property
    def text(self) -> str:
        """What is appended to the number."""
        return self.value[0]


UNRANKED = frozenset({Flag.PARTIAL, Flag.CHANCE, Flag.SUSPECT})


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number or a mark. half_width: of its 95 % interval; n: seeds; note: what to know of it."""

    origin: Origin
    value: float | None = None
    half_width: float | None = None
    n: int | None = None
    mark: Mark | None = None
    flags: tuple[Flag, ...] = ()
    best: bool = False
    run_ids: tuple[str, ...] = ()
    note: str = ""
    source: str = ""

    @property
    def ranked(self) -> bool:
        """Whether it may be the best of its column."""
        return self.value is not None and not UNRANKED & set(self.flags)


@dataclass(frozen=True, kw_only=True)
class Column:
    """group: origin, data kind, protocol. Columns of one group stand together."""

    group: tuple[str, ...]
    label: str
    metric: str
    higher_is_better: bool
    origin: Origin
    kind: str

    @property
    def head(self) -> str:
        """Task, metric and the direction in which it gets better."""
        return f"{self.label} {self.metric} {self.arrow}"

    @property
    def arrow(self) -> str:
        """Direction in which the metric gets better."""
        return "↑" if self.higher_is_better else "↓"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method; `detail` says on what it was pretrained. One cell per column of the table."""

    label: str
    detail: str = ""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """`name` is for files and options, `title` for people."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    def legend(self) -> list[str]:
        """One line per mark and flag that occurs."""
        cells = [cell for row in self.rows for cell in row.cells]
        marks = [mark for mark in Mark if any(cell.mark is mark for cell in cells)]
        flags = [flag for flag in Flag if any(flag in cell.flags for cell in cells)]
        return [f"{entry.value[0]}  {entry.value[1]}" for entry in [*marks, *flags]]


def with_best(table: Table, *, unranked: frozenset[int] = frozenset()) -> Table:
    """Mark the best number of each column, ties included, where at least two can be compared.

    unranked: columns whose rows were not made under equal conditions.
    """
    best: dict[int, float] = {}
    for index, column in enumerate(table.columns):
        cells = [row.cells[index] for row in table.rows]
        values = [cell.value for cell in cells if cell.ranked and cell.value is not None]
        if len(values) > 1 and index not in unranked:
            best[index] = max(values) if column.higher_is_better else min(values)
    rows = []
    for row in table.rows:
        marked = tuple(
            replace(cell, best=cell.ranked and cell.value == best.get(index))
            for index, cell in enumerate(row.cells)
        )
        rows.append(replace(row, cells=marked))
    return replace(table, rows=tuple(rows))


def incomplete(tables: list[Table]) -> list[str]:
    """Measured cells without a current number, as "table: row, column: mark" (`report --strict`).

    A missing record counts where its row has another entry in the same column group: a method that
    was never run is not incomplete.
    """
    found = []
    for table in tables:
        for row in table.rows:
            pairs = list(zip(table.columns, row.cells, strict=True))
            pairs = [(column, cell) for column, cell in pairs if cell.origin == "measured"]
            begun = {column.group for column, cell in pairs if cell.mark is not Mark.MISSING}
            for column, cell in pairs:
                open_ = cell.mark not in (None, Mark.NOT_APPLICABLE) and column.group in begun
                if open_ or Flag.PARTIAL in cell.flags:
                    word = cell.mark.name.lower() if cell.mark else "partial"
                    place = ", ".join((*column.group, column.label))
                    found.append(f"{table.name}: {row.label}, {place}: {word}")
    return found
