"""Puts a report together: every table and figure that records and papers have something for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmark.report import accounts, protocols, standing
from benchmark.report.against import against_table
from benchmark.report.agreement import agreement_table, published_order, published_part
from benchmark.report.balance import Scopes, balance_table
from benchmark.report.best import Compare, over_seeds
from benchmark.report.blocks import Block, blocks
from benchmark.report.cost import cost
from benchmark.report.evidence import Evidence
from benchmark.report.figures import Figure, build_figures
from benchmark.report.gain import ANCHORS, gain_table
from benchmark.report.grid import Grid, arrange, evaluations
from benchmark.report.measured import Measure
from benchmark.report.model import SUITE, Table, incomplete, lacking
from benchmark.report.objectives import Reasons, objectives_table
from benchmark.report.papers import PAPER_TABLES, READMES
from benchmark.report.pivot import paper_table
from benchmark.report.pretext_scores import pretext_table
from benchmark.report.published import PublishedRow, load_published
from benchmark.report.variants import variants_table
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from benchmark.results.versions import Versions, newest
from registries.errors import unknown

STANDING = ("ranks", "wins", "gain", "balance", "agreement")  # one a block
OWN = ("objectives", "against", "variants", "protocols", *STANDING, "retrieval", "localisation")
BEHIND = (SUITE, "cost", "pretexts", "collapse", "coverage", "failed", "recipes")
PAPERS = (*(layout.name for layout in PAPER_TABLES), "readmes")
TABLES = (*OWN, *BEHIND, *PAPERS)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a report is made of."""

    rows: list[PublishedRow]
    measured: list[Record]
    pretraining: list[Record]
    measure: Measure
    reasons: Reasons
    scopes: Scopes


@dataclass(frozen=True, kw_only=True)
class Report:
    """Tables and figures, and the records that their numbers come from."""

    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    records: tuple[Record, ...]

    def only(self, names: Iterable[str]) -> tuple[Table, ...]:
        """The named tables, in the report's order; "ranks" is every table of ranks.

        Raises UsageError for a name that no report knows.
        """
        wanted = set(names)
        for name in sorted(wanted - {*TABLES, "all"}):
            raise unknown("table", name, ["all", *TABLES])
        if "all" in wanted:
            return self.tables
        return tuple(table for table in self.tables if kind_of_table(table.name) in wanted)

    def open_cells(self, *, missing: bool = True) -> list[str]:
        """What `report --strict` refuses, in words; the first table has every measured cell.

        missing: False where a suite's blocks alone say what should be there.
        """
        if not any(record.task for record in self.records):
            return ["no evaluation is recorded"]
        return lacking(self.tables) + incomplete(
            (table for table in self.tables if table.name == "objectives"), missing=missing
        )

    @property
    def telling(self) -> tuple[Table, ...]:
        """What is printed unasked: what was measured; without any record, the papers' tables."""
        if not self.records:
            return self.tables
        shown = {"objectives", "retrieval", "localisation", SUITE, "failed", *STANDING} - {"wins"}
        return tuple(table for table in self.tables if kind_of_table(table.name) in shown)


def build(
    store: RecordStore | None,
    *,
    published: bool = True,
    current: Versions | None = None,
    reasons: Reasons | None = None,
    scopes: Scopes | None = None,
) -> list[Table]:
    """All tables of `build_report`."""
    report = build_report(
        store, published=published, current=current, reasons=reasons, scopes=scopes
    )
    return list(report.tables)


def build_report(
    store: RecordStore | None,
    *,
    published: bool = True,
    current: Versions | None = None,
    reasons: Reasons | None = None,
    scopes: Scopes | None = None,
    figures: bool = False,
    asked: Iterable[Table] = (),
) -> Report:
    """Every table, and the figures if asked for. The first table is objectives x tasks.

    current: versions in use now ("objective:glcm" -> 2), for the stale mark; without it, the newest
    among the records. reasons: marks for cells without a record. scopes: task -> "local", "global",
    for the table that sets them against each other. asked: see `asked_tables`.
    """
    records = store.current() if store else []
    sources = _sources(
        records, published=published, current=current, reasons=reasons, scopes=scopes
    )
    compare = Evidence(store, sources.measured).compare if store else over_seeds
    grid = arrange(sources.measured)
    found = blocks(grid, measure=sources.measure)
    tables = [
        *_measured_tables(grid, found, sources, compare),
        *asked,
        *_background_tables(grid, sources),
        *_paper_tables(sources, compare),
    ]
    return Report(
        tables=tuple(table for table in tables if table is not None),
        figures=tuple(build_figures(grid, sources.pretraining, found, measure=sources.measure))
        if figures
        else (),
        records=tuple(records),
    )


def build_objectives(store: RecordStore, *, current: Versions | None = None) -> Table:
    """The first table of a report alone: what a run prints at its end."""
    sources = _sources(store.current(), published=True, current=current, reasons=None, scopes=None)
    return objectives_table(
        arrange(sources.measured),
        sources.rows,
        measure=sources.measure,
        reasons=sources.reasons,
        compare=Evidence(store, sources.measured).compare,
    )


def _sources(
    records: list[Record],
    *,
    published: bool,
    current: Versions | None,
    reasons: Reasons | None,
    scopes: Scopes | None,
) -> Sources:
    return Sources(
        rows=load_published() if published else [],
        measured=evaluations(records),
        pretraining=[record for record in records if record.kind == "pretrain"],
        measure=Measure(current if current is not None else newest(records)),
        reasons=reasons or {},
        scopes=scopes or {},
    )


def _measured_tables(
    grid: Grid, found: list[Block], sources: Sources, compare: Compare
) -> Iterator[Table | None]:
    measure = sources.measure
    if grid:
        yield objectives_table(
            grid, sources.rows, measure=measure, reasons=sources.reasons, compare=compare
        )
    yield against_table(grid, measure=measure)
    yield variants_table(grid, measure=measure, scopes=sources.scopes)
    yield protocols.side_by_side(grid, measure=measure, compare=compare)
    yield from _standing_tables(grid, found, sources)
    yield protocols.retrieval(sources.measured, measure=measure, compare=compare)
    yield protocols.localisation(sources.measured, measure=measure, compare=compare)


def _standing_tables(grid: Grid, found: list[Block], sources: Sources) -> Iterator[Table | None]:
    """Objectives across tasks: what each complete block says."""
    for suffix, block in _numbered(found):
        yield standing.rank_table(block, name=f"ranks{suffix}")
        yield standing.win_table(block, name=f"wins{suffix}")
    anchored = blocks(grid, measure=sources.measure, least_tasks=1, needed=ANCHORS)
    for suffix, block in _numbered(anchored):
        yield gain_table(block, name=f"gain{suffix}")
    for suffix, block in _numbered(found):
        yield balance_table(block, sources.scopes, name=f"balance{suffix}")
    said = published_order(sources.rows)
    part = published_part(grid, said)
    for suffix, block in _numbered(blocks(grid, measure=sources.measure, part=part, least_tasks=1)):
        yield agreement_table(block, said, name=f"agreement{suffix}")


def _numbered(found: list[Block]) -> Iterator[tuple[str, Block]]:
    """Each block with what its tables' names end in: nothing where it is the only one."""
    for number, block in enumerate(found, start=1):
        yield f"-{number}" if len(found) > 1 else "", block


def _background_tables(grid: Grid, sources: Sources) -> Iterator[Table | None]:
    yield cost(grid, sources.pretraining)
    yield pretext_table(sources.pretraining)
    yield accounts.collapse(sources.pretraining)
    yield accounts.coverage(sources.measured)
    yield accounts.failures(sources.measured)
    yield accounts.recipes(sources.measured)


def _paper_tables(sources: Sources, compare: Compare) -> Iterator[Table | None]:
    """The papers' tables. Without published numbers, those with records for at least two rows."""
    groups: dict[tuple[str, str], list[PublishedRow]] = defaultdict(list)
    for row in sources.rows:
        groups[row.paper, row.table if row.paper != READMES.paper else ""].append(row)
    for layout in (*PAPER_TABLES, READMES):
        rows = groups[layout.paper, layout.table]
        yield paper_table(layout, rows, sources.measured, measure=sources.measure, compare=compare)


def kind_of_table(name: str) -> str:
    """The name without its block: "ranks-2" -> "ranks", "suite-core" -> "suite"."""
    if name.startswith(SUITE):
        return SUITE
    kind = re.sub(r"-\d+$", "", name)
    return kind if kind in STANDING else name
