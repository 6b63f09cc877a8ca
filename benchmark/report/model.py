"""What a table is before it is drawn. A cell knows whether it was measured here or published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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
    COLLAPSED = ("#", "the run warned that these embeddings collapsed")
    SUSPECT = ("?", "legible in the source but doubtful, shown as printed; not ranked")
    RECONSTRUCTED = ("^", "lost in the source, reconstructed by arithmetic")
    RESTORED = ("'", "damaged in the source, value certain")

    @property
    def text(self) -> str:
        """What is appended to the number."""
        return self.value[0]


SUITE = "suite"  # what names of tables about the blocks of a suite begin with
UNRANKED = frozenset({Flag.PARTIAL, Flag.CHANCE, Flag.SUSPECT})


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number, words or a mark.

    half_width: of its 95 % interval; n: seeds; by_seed: the score of each. text: stands in place of
    a number; aside: stands behind it in parentheses, as the source prints it; note: what to know of
    it. best, tied: set by `benchmark.report.best`; tied: not distinguishable from the best.
    """

    origin: Origin
    value: float | None = None
    half_width: float | None = None
    n: int | None = None
    text: str = ""
    aside: str = ""
    mark: Mark | None = None
    flags: tuple[Flag, ...] = ()
    best: bool = False
    tied: bool = False
    by_seed: tuple[tuple[tuple[int | None, ...], float], ...] = ()
    run_ids: tuple[str, ...] = ()
    note: str = ""
    source: str = ""

    @property
    def ranked(self) -> bool:
        """Whether it may be the best of its column."""
        return self.value is not None and not UNRANKED & set(self.flags)


@dataclass(frozen=True, kw_only=True)
class Column:
    """group: origin, data kind, protocol. Columns of one group stand together.

    higher_is_better: None where a number is neither good nor bad. digits: decimals that are shown.
    kind, protocol, modality: what the page filters by; "" passes every filter.
    """

    group: tuple[str, ...]
    label: str
    metric: str
    higher_is_better: bool | None
    origin: Origin
    kind: str = ""
    protocol: str = ""
    modality: str = ""
    digits: int = 1

    @property
    def head(self) -> str:
        """Task, metric and the direction in which it gets better."""
        return " ".join(part for part in (self.label, self.metric, self.arrow) if part)

    @property
    def arrow(self) -> str:
        """Direction in which the metric gets better."""
        return {None: "", True: "↑", False: "↓"}[self.higher_is_better]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method, or one task of a table that lies on its side. One cell per column of the table.

    details: further words, one for each of the table's `detail_heads`. section: rows of one section
    stand together under its name. higher_is_better: direction of a table that is compared along its
    rows.
    """

    label: str
    details: tuple[str, ...] = ()
    section: str = ""
    cells: tuple[Cell, ...]
    higher_is_better: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """`name` is for files and options, `title` for people.

    along_rows: the best is sought along each row, among the columns of one group.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    label_head: str = "method"
    detail_heads: tuple[str, ...] = ()
    along_rows: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def cells(self) -> list[tuple[Row, Column, Cell]]:
        """Every cell with its row and column."""
        return [
            (row, column, cell)
            for row in self.rows
            for column, cell in zip(self.columns, row.cells, strict=True)
        ]

    @property
    def measured(self) -> bool:
        """Whether any cell comes from a record."""
        return any(cell.run_ids for _, _, cell in self.cells)

    def legend(self) -> list[tuple[str, str]]:
        """(sign, meaning) of every mark and flag that occurs."""
        cells = [cell for _, _, cell in self.cells]
        marks = [mark for mark in Mark if any(cell.mark is mark for cell in cells)]
        flags = [flag for flag in Flag if any(flag in cell.flags for cell in cells)]
        return [entry.value for entry in [*marks, *flags]]


def cell_text(cell: Cell, *, digits: int = 1) -> str:
    """Number, interval, seeds, or the mark: "61.2 ±1.3 (3)", "61.2 (1)", "40.4?", "failed"."""
    if cell.text:
        return cell.text
    if cell.value is None:
        return cell.mark.text if cell.mark else ""
    flags = "".join(flag.text for flag in cell.flags)
    half = "" if cell.half_width is None else f" ±{cell.half_width:.{digits}f}"
    count = "" if cell.n is None else f" ({cell.n})"
    aside = f" ({cell.aside})" if cell.aside else ""
    return f"{cell.value:z,.{digits}f}{half}{flags}{count}{aside}"


def incomplete(tables: Iterable[Table], *, missing: bool = True) -> list[str]:
    """Measured cells without a current number, as "table: row, column: mark" (`report --strict`).

    A missing record counts where its row has another entry in the same column group: a method that
    was never run is not incomplete. missing: whether one counts at all.
    """
    found = []
    for table in tables:
        for row in table.rows:
            pairs = list(zip(table.columns, row.cells, strict=True))
            pairs = [(column, cell) for column, cell in pairs if cell.origin == "measured"]
            begun = {column.group for column, cell in pairs if cell.mark is not Mark.MISSING}
            for column, cell in pairs:
                settled = (None, Mark.NOT_APPLICABLE, *([] if missing else [Mark.MISSING]))
                open_ = cell.mark not in settled and column.group in begun
                if open_ or Flag.PARTIAL in cell.flags:
                    word = cell.mark.name.lower() if cell.mark else "partial"
                    place = ", ".join((*column.group, column.label))
                    found.append(f"{table.name}: {row.label}, {place}: {word}")
    return found


def lacking(tables: Iterable[Table]) -> list[str]:
    """Cells of a suite with fewer seeds than asked for, in the words of `incomplete`."""
    return [
        f"{table.name}: {row.label}, {column.label}: {said}"
        for table in tables
        if table.name.startswith(SUITE)
        for row, column, cell in table.cells
        if (said := "missing" if cell.mark is Mark.MISSING else cell.note)
    ]
