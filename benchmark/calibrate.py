"""Do the miniatures rank objectives? Two anchors on each: from scratch, and taught the truth.

    scratch      has to land in the window of its set: there is something to learn, and to gain
    supervised   pretrained on the ground truth of mini-KAV: has to be GAP points better

Both are cells like any other, run, recorded and answered from the records as `bench run` does
(chosen; windows: benchmark.data.miniature.windows).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.data.miniature.windows import GAP, Window
from benchmark.plan import make_plan, protocol_for, resolve
from benchmark.plan_request import RunRequest
from benchmark.pretrain import objective_class
from benchmark.protocols import FROZEN, parse
from benchmark.records import plain
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from benchmark.run import execute
from benchmark.settings import Recipe
from benchmark.training import precision_of
from registries.errors import NotReadyError
from registries.task import TaskCard

ANCHORS = ("scratch", "supervised")

Found = Mapping[tuple[str, int, int], float]  # (objective, seed, fold) -> main metric


@dataclass(frozen=True)
class Reached:
    """What an anchor scores: the mean over folds and then over `seeds` seeds."""

    value: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A window beside what was measured; None where an anchor has not been run to its end."""

    window: Window
    protocol: str
    metric: str
    higher_is_better: bool
    scratch: Reached | None
    supervised: Reached | None

    @property
    def gap(self) -> float | None:
        """Points by which `supervised` is better; of an error rate, by which it is lower."""
        if self.scratch is None or self.supervised is None:
            return None
        gained = self.supervised.value - self.scratch.value
        return gained if self.higher_is_better else -gained

    @property
    def inside(self) -> bool | None:
        """Whether `scratch` is inside the window; None where either is not known."""
        return None if self.scratch is None else self.window.holds(self.scratch.value)

    @property
    def wide(self) -> bool | None:
        """Whether the gap is wide enough to rank objectives."""
        return None if self.gap is None else self.gap >= GAP

    @property
    def wrong(self) -> bool:
        """Whether something that was measured is not as it has to be."""
        return self.inside is False or self.wide is False

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        row = self.window
        return {
            "set": row.miniature,
            "task": row.task,
            "inputs": row.inputs,
            "options": list(row.options),
            "protocol": self.protocol,
            "metric": self.metric,
            "higher_is_better": self.higher_is_better,
            "window": None if row.low is None else [row.low, row.high],
            "scratch": None if self.scratch is None else vars(self.scratch),
            "supervised": None if self.supervised is None else vars(self.supervised),
            "gap": self.gap,
            "inside": self.inside,
            "wide": self.wide,
        }


def calibrate(
    windows: Iterable[Window], request: RunRequest, *, only_records: bool = False
) -> tuple[list[Calibration], int]:
    """Each window beside its anchors, and the exit code of the runs.

    request: preset, seeds, overrides and folder of records; objectives and tasks are the window's.
    only_records: nothing is run or generated; what the folder lacks stays None. The tables of the
    runs go to stderr. Raises NotReadyError where there is no such folder to read.
    """
    if only_records and not request.out.is_dir():
        raise NotReadyError(
            f"the folder of records {request.out} does not exist. Give it with --out, or leave "
            "--only-records out to run what is missing."
        )
    store, code, rows = RecordStore(request.out), 0, []
    records = store.current() if only_records else []
    for window in windows:
        asked = asked_for(window, request)
        recipe, (card,) = resolve(asked)
        if only_records:
            found = recorded(records, window, recipe=recipe, card=card, asked=asked)
        else:
            with contextlib.redirect_stdout(sys.stderr):  # stdout holds the table of windows
                code = max(code, execute(asked))
            found = {
                (cell.encoder.objective, cell.seed, cell.fold): cell.done.primary.value
                for cell in make_plan(asked, recipe, [card], store).cells
                if cell.done is not None and cell.done.primary is not None
            }
        rows.append(_row(window, found, recipe=recipe, card=card, asked=asked))
    return rows, code


def asked_for(window: Window, request: RunRequest) -> RunRequest:
    """What `bench run` would be asked for: both anchors on the window's task in its setting."""
    inputs = f"tasks.{window.task}.inputs={window.inputs}"
    return replace(
        request,
        objectives=ANCHORS,
        tasks=(window.task,),
        miniature=True,
        overrides=(*request.overrides, *window.options, inputs),
    )


def recorded(
    records: Sequence[Record], window: Window, *, recipe: Recipe, card: TaskCard, asked: RunRequest
) -> Found:
    """Scores of records made by this recipe; a later one wins over an earlier one.

    Keys cannot be looked up, since they hold a hash of data that may not be on this machine. All
    the other facts that keys are made of are compared.
    """
    sources = {r.cell_key: r for r in records if r.kind == "pretrain"}
    cells = cell_facts(recipe, card, protocol_for(asked, card))
    found = {}
    for record in sorted(records, key=lambda r: r.finished):
        if record.kind != "eval" or record.status != "done" or not _on(record, window, recipe):
            continue
        source = sources.get(str(record.key_fields.get("encoder")))
        name, seed = record.objective.name, record.seed.init
        if source is None or name not in ANCHORS or not _holds(record.key_fields, cells):
            continue
        trained = objective_class(name).pretrains
        if trained and source.data.dataset != (asked.pretrain_data or recipe.pretrain_data):
            continue
        if _holds(source.key_fields, encoder_facts(name, recipe, seed)):
            assert record.task is not None and record.primary is not None
            found[name, seed, record.task.fold] = record.primary.value
    return found


def cell_facts(recipe: Recipe, card: TaskCard, protocol: str) -> dict[str, Any]:
    """Of the key of a cell (benchmark.plan): what a recipe says, whatever encoder, fold, seed."""
    name = card.name
    finetune = recipe.finetune_for(name)
    trained = finetune.model_dump()
    if parse(protocol)[0] in FROZEN:
        pooled = {"pooling": finetune.pooling, "features": finetune.features}
        trained = recipe.probe_for(name).model_dump() | pooled
    return {
        "task": name,
        "version": card.version,
        "options": recipe.task_options(name),
        "protocol": protocol,
        "recipe": trained,
        "size": recipe.size_for(name),
        "precision": precision_of(recipe.precision),
    }


def encoder_facts(name: str, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Of the key of an encoder (benchmark.plan): all but the data it was pretrained on."""
    kind = objective_class(name)
    facts = {
        "objective": name,
        "version": kind.version,
        "options": recipe.objectives.get(name, {}),
        "video": recipe.video,
        "audio": recipe.audio,
        "seed": seed,
    }
    if kind.pretrains:
        facts |= {
            "clip": recipe.clip.model_dump(),
            "recipe": recipe.pretrain.model_dump(),
            "precision": precision_of(recipe.precision),
        }
    return facts


def _on(record: Record, window: Window, recipe: Recipe) -> bool:
    """Whether a record is of the window's set, in the recipe's size, given the same inputs."""
    config, keys = record.recipe.config, ("tier", "pretrain_tier", "pretrain_clips")
    return (
        record.data.kind == "miniature"
        and record.data.dataset == window.miniature
        and record.task is not None
        and record.task.modality == window.inputs
        and all(config.get(key) == getattr(recipe, key) for key in keys)
    )


def _holds(fields: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a key was made of these facts, among others."""
    return all(fields.get(name) == value for name, value in plain(facts).items())


def _row(
    window: Window, found: Found, *, recipe: Recipe, card: TaskCard, asked: RunRequest
) -> Calibration:
    folds = recipe.folds_for(card.name, card.folds)
    scratch, supervised = (reached(name, found, asked.seeds, folds=folds) for name in ANCHORS)
    return Calibration(
        window=window,
        protocol=protocol_for(asked, card),
        metric=card.main_metric,
        higher_is_better=card.higher_is_better,
        scratch=scratch,
        supervised=supervised,
    )


def reached(
    name: str, found: Found, seeds: Sequence[int], *, folds: Sequence[int]
) -> Reached | None:
    """Over the seeds whose folds are all there."""
    means = []
    for seed in seeds:
        scores = [found[name, seed, fold] for fold in folds if (name, seed, fold) in found]
        if len(scores) == len(folds):
            means.append(sum(scores) / len(scores))
    return Reached(sum(means) / len(means), len(means)) if means else None
