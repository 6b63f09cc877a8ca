"""How far the comparison has come: the state of every cell of objectives x tasks x seeds.

A cell of the grid is one objective, task, modality, fold and seed under one protocol on one kind of
data. Several recipes may have filled it: the newest record counts. What no record fills is missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from benchmark.results.running import Work, running
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from benchmark.results.versions import Versions, stale_reason

STATES = ("done", "running", "failed", "blocked", "stale", "missing", "not_applicable")


@dataclass(frozen=True, order=True, kw_only=True)
class Group:
    """What never shares a table: kinds of data and protocols. Both empty: nobody has begun."""

    data: str = ""
    protocol: str = ""


@dataclass(frozen=True, order=True, kw_only=True)
class Place:
    """One cell of the grid."""

    group: Group
    objective: str
    task: str
    modality: str = "v"
    fold: int = 0
    seed: int = 0

    @property
    def column(self) -> str:
        """The task, with its modality where that is not the picture alone."""
        return self.task if self.modality == "v" else f"{self.task}:{self.modality}"


@dataclass(frozen=True, kw_only=True)
class State:
    """name: one of STATES. note: why it failed or is stale. run_id: the record's, if any."""

    name: str
    run_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class Wanted:
    """Names the grid is limited to and must have; empty: those that records or runs have."""

    objectives: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    def has(self, place: Place) -> bool:
        """Whether a place belongs to the grid."""
        return (
            (not self.objectives or place.objective in self.objectives)
            and (not self.tasks or place.task in self.tasks)
            and (not self.seeds or place.seed in self.seeds)
        )


@dataclass(frozen=True, kw_only=True)
class Survey:
    """States by place, in order; work: what is being done now, pretraining included."""

    cells: dict[Place, State]
    work: list[Work]

    def counts(self) -> dict[str, int]:
        """How many cells are in each state, all states named."""
        found = Counter(state.name for state in self.cells.values())
        return {name: found[name] for name in STATES}

    def as_json(self) -> dict[str, Any]:
        """Everything as data."""
        cells = [
            {**asdict(place.group), **asdict(place), "state": state.name}
            | {"run_id": state.run_id, "note": state.note}
            for place, state in self.cells.items()
        ]
        for cell in cells:
            del cell["group"]
        work = [work.model_dump(mode="json") for work in self.work]
        return {"counts": self.counts(), "cells": cells, "running": work}


def survey(
    records: Iterable[Record], work: Sequence[Work], *, current: Versions, wanted: Wanted
) -> Survey:
    """The state of every cell. records: one per cell key; current: versions in use."""
    newest: dict[Place, Record] = {}
    for record in sorted(records, key=lambda record: record.finished):
        place = _of_record(record)
        if place is not None and wanted.has(place):
            newest[place] = record
    known = {place: _state(record, current) for place, record in newest.items()}
    busy = [place for task in work if (place := _of_work(task)) is not None and wanted.has(place)]
    known |= {place: State(name="running") for place in busy}
    missing = State(name="missing")
    cells = {place: known.get(place, missing) for place in sorted({*_grid(known, wanted), *known})}
    return Survey(cells=cells, work=list(work))


def look(store: RecordStore, *, current: Versions, wanted: Wanted) -> Survey:
    """The survey of a folder as it is now."""
    work = running(store.root)  # first: what ends in between has its record by then
    return survey(store.current(), work, current=current, wanted=wanted)


def _of_record(record: Record) -> Place | None:
    task = record.task
    if record.kind != "eval" or task is None:
        return None
    return Place(
        group=Group(data=record.data.kind, protocol=task.protocol),
        objective=record.objective.name,
        task=task.name,
        modality=task.modality,
        fold=task.fold,
        seed=record.seed.init,
    )


def _of_work(work: Work) -> Place | None:
    if work.kind != "eval":
        return None
    return Place(
        group=Group(data=work.data, protocol=work.protocol),
        objective=work.objective,
        task=work.task,
        modality=work.modality,
        fold=work.fold,
        seed=work.seed,
    )


def _state(record: Record, current: Versions) -> State:
    if failure := record.failure:
        first = failure.message.partition("\n")[0]
        note = f"{failure.exception}: {first}".rstrip(": ")
        note += "" if failure.step is None else f" at step {failure.step}"
        return State(name=record.status, run_id=record.run_id, note=note)
    if record.status == "done" and (reason := stale_reason(record, current)):
        return State(name="stale", run_id=record.run_id, note=reason)
    return State(name=record.status, run_id=record.run_id, note="; ".join(record.warnings))


def _grid(known: Iterable[Place], wanted: Wanted) -> list[Place]:
    """Every place that should be filled: per group, its objectives x tasks and folds x seeds."""
    groups: dict[Group, list[Place]] = defaultdict(list)
    for place in known:
        groups[place.group].append(place)
    seen = {place.task for place in known}
    unseen = [task for task in wanted.tasks if task not in seen]
    places = []
    for group, found in groups.items():
        objectives = wanted.objectives or {place.objective for place in found}
        seeds = wanted.seeds or {place.seed for place in found}
        columns = {(place.task, place.modality, place.fold) for place in found}
        places += [
            Place(group=group, objective=name, task=task, modality=modality, fold=fold, seed=seed)
            for name, (task, modality, fold), seed in product(objectives, columns, seeds)
        ]
    objectives = wanted.objectives or {place.objective for place in known}
    seeds = wanted.seeds or {place.seed for place in known} or {0}
    places += [
        Place(group=Group(), objective=name, task=task, seed=seed)
        for name, task, seed in product(objectives, unseen, seeds)
    ]
    return places
