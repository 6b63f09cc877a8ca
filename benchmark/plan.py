"""Expands a request into cells, each with the key of everything that changes its number.

Pretraining is one cell per (objective, options, backbones, data, recipe, seed), shared by all
tasks. Keys do not depend on git state, host, paths or worker counts.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.data.manifest import Manifest
from benchmark.datasets import Datasets, Known
from benchmark.encoder_file import read_encoders
from benchmark.layout import need_compiler
from benchmark.plan_request import RunRequest
from benchmark.pretrain import check_options, objective_class
from benchmark.protocols import FROZEN, parse
from benchmark.results.keys import cell_key, file_sha256
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from benchmark.settings import HARNESS_KEYS, Finetune, Recipe, load_recipe
from benchmark.training import precision_of
from registries import plugins
from registries.errors import UsageError, unknown
from registries.registry import TASKS
from registries.task import Task, TaskCard


@dataclass(frozen=True)
class PretrainCell:
    """One encoder to be had: pretrained, handed down as initialised, or imported from a file."""

    objective: str
    version: int
    options: Mapping[str, Any]
    source: str
    paper: str
    seed: int
    frozen: bool
    trains: bool
    key: str
    key_fields: Mapping[str, Any]
    manifest: Manifest | None


@dataclass(frozen=True)
class EvalCell:
    """One number to be had."""

    encoder: PretrainCell
    task: Task
    fold: int
    seed: int
    protocol: str
    finetune: Finetune
    manifest: Manifest
    key: str
    key_fields: Mapping[str, Any]
    done: Record | None

    @property
    def label(self) -> str:
        """How the cell is called on the terminal."""
        fold = f" fold {self.fold}" if self.fold > 1 else ""
        own = self.task.inputs == self.task.card.inputs[0]
        inputs = "" if own else f":{self.task.inputs}"
        return f"{self.task.card.name}{inputs} {self.encoder.objective} s{self.seed}{fold}"


@dataclass(frozen=True)
class Plan:
    """Everything a request comes to."""

    request: RunRequest
    recipe: Recipe
    precision: str
    datasets: Datasets
    cells: tuple[EvalCell, ...]

    @property
    def to_run(self) -> tuple[EvalCell, ...]:
        """Cells without a valid record."""
        return tuple(cell for cell in self.cells if cell.done is None)

    @property
    def encoders(self) -> tuple[PretrainCell, ...]:
        """Encoders that cells still to be run need, each once, in order."""
        return tuple({cell.encoder.key: cell.encoder for cell in self.to_run}.values())


def resolve(request: RunRequest) -> tuple[Recipe, list[TaskCard]]:
    """The recipe and the cards of a request.

    Every name and option is checked, no data is touched.
    """
    if request.encoders is not None:
        read_encoders(request.encoders)  # unreadable: better said before any data is made
    recipe = load_recipe(
        request.preset,
        objectives=request.objectives,
        tasks=request.tasks,
        overrides=request.overrides,
    )
    if recipe.compile:
        need_compiler()
    if request.backbones:
        if len(request.backbones) > 1:
            raise UsageError(
                "one backbone a run so far; call `bench run` once for each --backbone."
            )
        recipe = recipe.model_copy(update={"video": {"type": request.backbones[0]}})
    for name, options in recipe.objectives.items():
        check_options(name, options)
    cards = []
    for name in request.tasks:
        plugins.load("tasks", name)
        found = TASKS.module_dict[name]
        cards.append(found.card)
        recipe.finetune_for(name)
        recipe.probe_for(name)
        allowed = set(_keywords(found)) - {"self", "source", "inputs"}
        recipe.folds_for(name, found.card.folds)
        recipe.inputs_for(name, found.card.inputs)
        protocol_for(request, found.card)
        for option in recipe.task_options(name):
            if option not in allowed:
                raise unknown(f"option of task {name}", option, {*allowed, *HARNESS_KEYS})
    return recipe, cards


def protocol_for(request: RunRequest, card: TaskCard) -> str:
    """What was asked for, or the task's own. Raises UsageError where it does not suit the task."""
    if request.protocol is None:
        return card.protocols[0]
    if parse(request.protocol)[0] not in card.protocols:
        raise UsageError(
            f"protocol {request.protocol} does not suit {card.name}, which can be evaluated by "
            f"{', '.join(card.protocols)}. Leave it out of --tasks, or choose one of these."
        )
    return request.protocol


def make_plan(
    request: RunRequest,
    recipe: Recipe,
    cards: list[TaskCard],
    store: RecordStore,
    known: Known | None = None,
) -> Plan:
    """Locate (or generate) the data, compute every key, and look up what is done.

    known: manifests that plans made before this one have read; new ones are added.
    """
    datasets = Datasets(request, recipe, {} if known is None else known)
    precision = precision_of(recipe.precision)
    # located before anything is generated: a root without the dataset is reported at once
    trains = any(objective_class(name).pretrains for name in request.objectives)
    tasks = {
        seed: [
            datasets.task(card.name, card, seed=seed, inputs=inputs)
            for card in cards
            for inputs in recipe.inputs_for(card.name, card.inputs)
        ]
        for seed in request.seeds
    }
    manifest = datasets.pretraining() if trains else None
    cells = []
    for seed in request.seeds:
        if request.encoders is not None:
            encoders = [_imported(request)]
        else:
            encoders = [
                _pretrain_cell(name, recipe, manifest=manifest, seed=seed, precision=precision)
                for name in request.objectives
            ]
        for encoder in encoders:
            cells += [
                _eval_cell(encoder, task, fold, plan=(request, recipe, store), seed=seed)
                for task in tasks[seed]
                for fold in recipe.folds_for(task.card.name, task.card.folds)
            ]
    return Plan(request, recipe, precision, datasets, tuple(cells))


def _pretrain_cell(
    name: str, recipe: Recipe, *, manifest: Manifest | None, seed: int, precision: str
) -> PretrainCell:
    found = objective_class(name)
    options = recipe.objectives.get(name, {})
    fields: dict[str, Any] = {
        "kind": "pretrain",
        "objective": name,
        "version": found.version,
        "options": options,
        "video": recipe.video,
        "audio": recipe.audio,
        "seed": seed,
    }
    if found.pretrains:
        assert manifest is not None
        fields |= {
            "data": manifest.hash,
            "clip": recipe.clip.model_dump(),
            "recipe": recipe.pretrain.model_dump(),
            "precision": precision,
            **recipe.changes,
        }
    return PretrainCell(
        objective=name,
        version=found.version,
        options=options,
        source=plugins.source("objectives", name),
        paper=found.paper,
        seed=seed,
        frozen=found.frozen,
        trains=found.pretrains,
        key=cell_key(fields),
        key_fields=fields,
        manifest=manifest if found.pretrains else None,
    )


def _imported(request: RunRequest) -> PretrainCell:
    """Encoders from a file: the key is the file's content."""
    assert request.encoders is not None
    fields = {"kind": "imported", "sha256": file_sha256(request.encoders)}
    return PretrainCell(
        objective="imported",
        version=1,
        options={},
        source=f"file {request.encoders.name}",
        paper="",
        seed=0,
        frozen=False,
        trains=False,
        key=cell_key(fields),
        key_fields=fields,
        manifest=None,
    )


def _eval_cell(
    encoder: PretrainCell,
    task: Task,
    fold: int,
    *,
    plan: tuple[RunRequest, Recipe, RecordStore],
    seed: int,
) -> EvalCell:
    request, recipe, store = plan
    finetune = recipe.finetune_for(task.card.name)
    manifest = task.manifest(fold)
    protocol = protocol_for(request, task.card)
    fields = {
        "kind": "eval",
        "encoder": encoder.key,
        "task": task.card.name,
        "version": task.card.version,
        "options": recipe.task_options(task.card.name),
        "augment": task.augment(),
        "fold": fold,
        "protocol": protocol,
        "frozen": encoder.frozen,
        "recipe": finetune.model_dump(),
        "size": recipe.size_for(task.card.name),
        "data": manifest.hash,
        "seed": seed,
        "precision": precision_of(recipe.precision),
        **recipe.changes,
    }
    if task.inputs != "v":  # keys of earlier records stay as they are
        fields["inputs"] = task.inputs
    if parse(protocol)[0] in FROZEN:
        del fields["augment"]
        fields["recipe"] = recipe.probe_for(task.card.name).model_dump() | {
            "pooling": finetune.pooling,
            "features": finetune.features,
        }
    key = cell_key(fields)
    return EvalCell(
        encoder=encoder,
        task=task,
        fold=fold,
        seed=seed,
        protocol=protocol,
        finetune=finetune,
        manifest=manifest,
        key=key,
        key_fields=fields,
        done=None if request.force else store.answered(key),
    )


def _keywords(found: type) -> list[str]:
    return list(inspect.signature(found.__init__).parameters)
