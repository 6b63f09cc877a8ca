"""Fills in records from what a run knows.

Scores come from the saved predictions, never from memory.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from benchmark.costs import cost
from benchmark.data.manifest import Manifest
from benchmark.environment import environment
from benchmark.evaluation import Evaluation
from benchmark.plan import EvalCell, Plan, PretrainCell
from benchmark.pretrain import PretrainResult
from benchmark.results.keys import digest, file_sha256
from benchmark.results.predictions import write_predictions
from benchmark.results.schema import (
    BackboneInfo,
    Checks,
    DataInfo,
    Failure,
    ObjectiveInfo,
    Predictions,
    PretrainInfo,
    RecipeInfo,
    Record,
    SeedInfo,
    Selection,
    TaskInfo,
    new_run_id,
    now,
)
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from registries import plugins
from registries.distributed import world_size

EXTRA_METRICS = {"auc": ("hard_auc",), "top1": ("top5",)}  # reported beside the main metric


def pretrain_record(
    cell: PretrainCell, plan: Plan, result: PretrainResult, *, started: datetime
) -> Record:
    """The record of one pretraining run, or of encoders handed down as initialised."""
    ended = now()
    manifest = cell.manifest
    return Record(
        cell_key=cell.key,
        key_fields=plain(cell.key_fields),
        kind="pretrain",
        status="done",
        started=started,
        ended=ended,
        objective=objective_info(cell),
        backbone=backbone_info(plan),
        pretrain=PretrainInfo(
            checkpoint_sha256=file_sha256(result.encoders),
            dataset=manifest.name if manifest else "",
            manifest_sha256=manifest.hash if manifest else None,
            clips=result.clips,
            hours=result.hours,
            steps=result.steps,
            effective_batch=plan.recipe.pretrain.batch_size,
            epochs=plan.recipe.pretrain.epochs if result.steps else 0,
            seed=cell.seed,
            final=result.final,
            diagnostics=result.diagnostics,
        ),
        warnings=list(result.warnings),
        recipe=recipe_info(plan),
        data=DataInfo(
            dataset=manifest.name if manifest else "none",
            version=data_version(manifest) if manifest else 1,
            kind=manifest.kind if manifest else "full",
            manifest_sha256=manifest.hash if manifest else None,
            used=result.clips,
        ),
        seed=seeds(cell.seed),
        precision=plan.precision,
        world_size=world_size() if result.steps else 1,
        cost=cost(ended - started, result, plan.recipe.pretrain.batch_size),
        env=environment(),
    )


def eval_record(
    cell: EvalCell,
    plan: Plan,
    found: Evaluation,
    *,
    source: Record | None,
    store: RecordStore,
    started: datetime,
) -> Record:
    """The record of one cell, with its predictions written beside it."""
    run_id = new_run_id()
    path = store.predictions_path(cell.key, run_id)
    predictions = _save(found, path)
    names = _metrics(cell, found)
    scores = {name: recompute(name, path) for name in names}
    asked = _asked(cell, found, names[0])
    chance, value, ended = asked.chance, scores[names[0]].value, now()
    assert chance is not None
    above = value > chance if asked.higher_is_better else value < chance
    return Record(
        run_id=run_id,
        cell_key=cell.key,
        key_fields=plain(cell.key_fields),
        kind="eval",
        status="done",
        started=started,
        ended=ended,
        objective=objective_info(cell.encoder),
        backbone=backbone_info(plan, found),
        pretrain=pretrain_info(source),
        task=asked,
        recipe=recipe_info(plan),
        data=data_info(cell),
        seed=seeds(cell.seed),
        precision=plan.precision,
        world_size=world_size() if found.steps else 1,
        scores=scores,
        selection=Selection(rule=found.rule, step=found.epoch, value=found.val),
        predictions=predictions,
        cost=cost(ended - started, found, cell.finetune.batch_size),
        checks=Checks(chance=chance, above_chance=above),
        env=environment(),
        warnings=[
            *found.notes,
            *([] if above else [f"{names[0]} {value:.2f} is not better than chance {chance:.2f}"]),
        ],
    )


def _save(found: Evaluation, path: Path) -> Predictions:
    return write_predictions(
        path,
        sample_id=found.sample_id,
        group_id=found.group_id,
        target=found.target,
        score=found.score,
        tag=found.tag,
        reference=found.reference,
        hypothesis=found.hypothesis,
    )


def _metrics(cell: EvalCell, found: Evaluation) -> tuple[str, ...]:
    """What is reported, the main metric first; of a task with tags, each tag's at the end."""
    card = cell.task.card
    extra = card.extra_metrics or EXTRA_METRICS.get(card.main_metric, ())
    names = found.metrics or (card.main_metric, *extra)
    tags = sorted(set(found.tag.tolist()) - {""}) if found.tag is not None else []
    return (*names, *(f"{names[0]}:{tag}" for tag in tags))


def _asked(cell: EvalCell, found: Evaluation, metric: str) -> TaskInfo:
    """The task, with the protocol's own metric and chance where it has one."""
    task = task_info(cell)
    if not found.metrics:
        return task
    own = {"primary_metric": metric, "chance": found.chance, "higher_is_better": True}
    return task.model_copy(update=own)


def unscored_record(
    cell: EvalCell,
    plan: Plan,
    *,
    status: Literal["failed", "not_applicable"],
    source: Record | None,
    failure: Failure | None = None,
    warnings: Sequence[str] = (),
) -> Record:
    """The record of a cell that has no score: what happened, or why it cannot have one."""
    return Record(
        cell_key=cell.key,
        key_fields=plain(cell.key_fields),
        kind="eval",
        status=status,
        ended=now(),
        objective=objective_info(cell.encoder),
        backbone=backbone_info(plan),
        pretrain=pretrain_info(source),
        task=task_info(cell),
        recipe=recipe_info(plan),
        data=data_info(cell),
        seed=seeds(cell.seed),
        precision=plan.precision,
        env=environment(),
        failure=failure,
        warnings=list(warnings),
    )


def seeds(seed: int) -> SeedInfo:
    """One seed for everything."""
    return SeedInfo(init=seed, data=seed, loader=seed)


def backbone_info(plan: Plan, found: Evaluation | None = None) -> BackboneInfo:
    """The architectures, whose they are, and the parameters of encoder and head as evaluated."""
    types = plan.recipe.video["type"], plan.recipe.audio["type"]
    return BackboneInfo(
        name=types[0],
        sources={name: plugins.source("backbones", name) for name in types},
        params_total=found.params_total if found else None,
        params_trainable=found.params_trainable if found else None,
    )


def pretrain_info(source: Record | None) -> PretrainInfo | None:
    """Which pretraining run an encoder came from; None for imported ones."""
    if source is None or source.pretrain is None:
        return None
    return source.pretrain.model_copy(update={"run_id": source.run_id})


def objective_info(cell: PretrainCell) -> ObjectiveInfo:
    """Who made the encoder."""
    return ObjectiveInfo(
        name=cell.objective,
        version=cell.version,
        params=plain(dict(cell.options)),
        source=cell.source,
        paper=cell.paper,
    )


def task_info(cell: EvalCell) -> TaskInfo:
    """What was asked of it."""
    card = cell.task.card
    return TaskInfo(
        name=card.name,
        version=card.version,
        source=plugins.source("tasks", card.name),
        protocol=cell.protocol,
        split="test",
        fold=cell.fold,
        modality=cell.task.inputs,
        primary_metric=card.main_metric,
        higher_is_better=card.higher_is_better,
        chance=cell.task.chance(),
    )


def data_info(cell: EvalCell) -> DataInfo:
    """On which data, and how much of it was there."""
    manifest = cell.manifest
    return DataInfo(
        dataset=manifest.name,
        version=data_version(manifest),
        kind=manifest.kind,
        manifest_sha256=manifest.hash,
        expected=manifest.expected,
        used=len(manifest),
        missing=list(manifest.missing[:100]),
        audio_coverage=audio_coverage(manifest),
        licence=manifest.licence,
    )


def data_version(manifest: Manifest) -> int:
    """Of a data set's adapter or generator: 3 of "3-base" (a miniature and its tier)."""
    return int(manifest.version.partition("-")[0])


def audio_coverage(manifest: Manifest) -> float | None:
    """Share of samples with sound, where that is known."""
    known = manifest.rows["has_audio"].dropna()
    return float(known.astype(bool).mean()) if len(known) else None


def recipe_info(plan: Plan) -> RecipeInfo:
    """The resolved recipe, whole."""
    config = plain(plan.recipe.model_dump())
    return RecipeInfo(config=config, sha256=digest(config), tuning=plan.recipe.tuning)


def plain(value: Any) -> Any:  # noqa: ANN401 - any nested data
    """As JSON knows it: tuples become lists."""
    return json.loads(json.dumps(value))
