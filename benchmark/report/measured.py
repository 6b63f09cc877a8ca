"""One cell from its records: mean, interval and seeds, or the mark that says why there is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from benchmark.report.grid import fold_of, seed_of
from benchmark.report.model import Cell, Flag, Mark
from benchmark.results.schema import Record, Score
from benchmark.results.versions import Versions, stale_reason
from benchmark.statistics import interval

NOTE_LENGTH = 120  # chosen: characters of an error message in a table; the record has the whole
# one word error rate means nothing without its decoder, and a map that nothing heard
# has made is none of where the sound is (5.10)
TOLD = ("decoder=", "loc=fallback")


class Measure:
    """`measured_cell` under the versions in use; the same cell stands in several tables."""

    def __init__(self, current: Versions) -> None:
        self.current = current
        self._made: dict[tuple[tuple[str, ...], frozenset[int], str], Cell] = {}

    def __call__(
        self, records: list[Record], *, folds: frozenset[int] = frozenset(), metric: str = ""
    ) -> Cell:
        """The cell of these records."""
        key = tuple(record.run_id for record in records), folds, metric
        if key not in self._made:
            self._made[key] = measured_cell(
                records, current=self.current, folds=folds, metric=metric
            )
        return self._made[key]


def measured_cell(
    records: list[Record],
    *,
    current: Versions,
    folds: frozenset[int] = frozenset(),
    metric: str = "",
) -> Cell:
    """One cell from all records of its row and column.

    folds: those that every seed needs; a seed is the mean over them, the cell the mean over seeds.
    metric: another score than the primary one.
    """
    reasons = {record.run_id: stale_reason(record, current) for record in records}
    fresh = [record for record in records if not reasons[record.run_id]]
    scored = [r for r in fresh if r.status == "done" and _score(r, metric) is not None]
    seeds: dict[tuple[int | None, ...], dict[int, Record]] = defaultdict(dict)
    for record in sorted(scored, key=lambda record: record.finished):
        seeds[seed_of(record)][fold_of(record)] = record
    whole = {seed: found for seed, found in seeds.items() if folds <= set(found)}
    notes = _notes(fresh, reasons)
    if not whole:
        lacking = [f"folds {sorted(folds)} are not complete"] if seeds else []
        return Cell(
            origin="measured",
            mark=_mark(fresh, stale=len(fresh) < len(records)),
            note="; ".join([*lacking, *notes]),
            run_ids=tuple(record.run_id for record in records),
        )
    used = [record for found in whole.values() for record in found.values()]
    by_seed = {seed: _mean(list(found.values()), metric) for seed, found in whole.items()}
    mean, half = interval(list(by_seed.values()))
    attempted = {seed_of(record) for record in records}
    flags = [Flag.PARTIAL] if len(attempted) > len(whole) else []
    below = not metric and any(not above_chance(record) for record in used)
    flags += [Flag.CHANCE] if below else []
    return Cell(
        origin="measured",
        value=mean,
        half_width=half,
        n=len(by_seed),
        by_seed=tuple(by_seed.items()),
        flags=tuple(flags),
        run_ids=tuple(record.run_id for record in used),
        note="; ".join(notes),
        source="records",
    )


def above_chance(record: Record) -> bool:
    """Whether the primary score beats a guess; true where the chance level is unknown."""
    if record.checks.above_chance is not None:
        return record.checks.above_chance
    if record.task is None or record.task.chance is None or record.primary is None:
        return True
    gain = record.primary.value - record.task.chance
    return gain > 0 if record.task.higher_is_better else gain < 0


def failure_text(record: Record) -> str:
    """Exception and first line of its message, or ""."""
    if not record.failure:
        return ""
    first = record.failure.message.partition("\n")[0][:NOTE_LENGTH]
    return f"{record.failure.exception}: {first}".rstrip(": ")


def _score(record: Record, metric: str) -> Score | None:
    return record.scores.get(metric) if metric else record.primary


def _mark(fresh: list[Record], *, stale: bool) -> Mark:
    statuses = {record.status for record in fresh}
    for status, mark in (
        ("failed", Mark.FAILED),
        ("blocked", Mark.BLOCKED),
        ("not_applicable", Mark.NOT_APPLICABLE),
    ):
        if status in statuses:
            return mark
    return Mark.STALE if stale else Mark.MISSING


def _notes(fresh: list[Record], reasons: Mapping[str, str]) -> list[str]:
    notes = []
    for record in fresh:
        if record.failure:
            notes.append(f"seed {record.seed.init}: {failure_text(record)}")
        elif record.status in ("blocked", "not_applicable"):
            notes += record.warnings
        notes += [note for note in record.warnings if note.startswith(TOLD)]
    notes += [f"stale: {reason}" for reason in reasons.values() if reason]
    return list(dict.fromkeys(note for note in notes if note))


def _mean(records: list[Record], metric: str) -> float:
    values = [score.value for record in records if (score := _score(record, metric))]
    return sum(values) / len(values)
