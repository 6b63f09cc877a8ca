"""Fills in records from what a run knows.

Scores come from the saved predictions, never from memory.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import torch

from benchmark.data.manifest import Manifest
from benchmark.environment import environment
from benchmark.evaluate import Evaluation
from benchmark.plan import EvalCell, Plan, PretrainCell
from benchmark.pretrain import PretrainResult
from benchmark.results.keys import digest, file_sha256
from benchmark.results.predictions import write_predictions
from benchmark.results.schema import (
    BackboneInfo,
    Checks,
    Cost,
    DataInfo,
    Failure,
    ObjectiveInfo,
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
        backbone=BackboneInfo(name=plan.recipe.video["type"]),
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
            kind=manifest.kind if manifest else "full",
            manifest_sha256=manifest.hash if manifest else None,
            used=result.clips,
        ),
        seed=seeds(cell.seed),
        precision=plan.precision,
        cost=cost((ended - started).total_seconds(), result.data_wait),
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
    card = cell.task.card
    path = store.predictions_path(cell.key, run_id)
    predictions = write_predictions(
        path,
        sample_id=found.sample_id,
        group_id=found.group_id,
        target=found.target,
        score=found.score,
    )
    names = (card.main_metric, *EXTRA_METRICS.get(card.main_metric, ()))
    scores = {name: recompute(name, path) for name in names}
    chance, value, ended = cell.task.chance(), scores[card.main_metric].value, now()
    above = value > chance if card.higher_is_better else value < chance
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
        task=task_info(cell),
        recipe=recipe_info(plan),
        data=data_info(cell),
        seed=seeds(cell.seed),
        precision=plan.precision,
        scores=scores,
        selection=Selection(rule=found.rule, step=found.epoch, value=found.val),
        predictions=predictions,
        cost=cost((ended - started).total_seconds(), found.data_wait),
        checks=Checks(chance=chance, above_chance=above),
        env=environment(),
        warnings=[]
        if above
        else [f"{card.main_metric} {value:.2f} is not above chance {chance:.2f}"],
    )


def failure_record(
    cell: EvalCell,
    plan: Plan,
    error: Exception,
    *,
    source: Record | None,
    text: str,
    attempt: int,
) -> Record:
    """The record of a cell that has no score."""
    return Record(
        cell_key=cell.key,
        key_fields=plain(cell.key_fields),
        kind="eval",
        status="failed",
        ended=now(),
        objective=objective_info(cell.encoder),
        backbone=BackboneInfo(name=plan.recipe.video["type"]),
        pretrain=pretrain_info(source),
        task=task_info(cell),
        recipe=recipe_info(plan),
        data=data_info(cell),
        seed=seeds(cell.seed),
        precision=plan.precision,
        env=environment(),
        failure=Failure(
            exception=type(error).__name__, message=str(error), traceback=text, attempt=attempt
        ),
    )


def seeds(seed: int) -> SeedInfo:
    """One seed for everything."""
    return SeedInfo(init=seed, data=seed, loader=seed)


def backbone_info(plan: Plan, found: Evaluation) -> BackboneInfo:
    """The architecture, with the parameters of encoder and head as evaluated."""
    return BackboneInfo(
        name=plan.recipe.video["type"],
        params_total=found.params_total,
        params_trainable=found.params_trainable,
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
        protocol=cell.protocol,
        split="test",
        fold=cell.fold,
        modality="v",
        primary_metric=card.main_metric,
        higher_is_better=card.higher_is_better,
        chance=cell.task.chance(),
    )


def data_info(cell: EvalCell) -> DataInfo:
    """On which data, and how much of it was there."""
    manifest = cell.manifest
    return DataInfo(
        dataset=manifest.name,
        kind=manifest.kind,
        manifest_sha256=manifest.hash,
        expected=manifest.expected,
        used=len(manifest),
        missing=list(manifest.missing[:100]),
        audio_coverage=audio_coverage(manifest),
        licence=manifest.licence,
    )


def audio_coverage(manifest: Manifest) -> float | None:
    """Share of samples with sound, where that is known."""
    known = manifest.rows["has_audio"].dropna()
    return float(known.astype(bool).mean()) if len(known) else None


def recipe_info(plan: Plan) -> RecipeInfo:
    """The resolved recipe, whole."""
    config = plain(plan.recipe.model_dump())
    return RecipeInfo(config=config, sha256=digest(config), tuning=plan.recipe.tuning)


def cost(seconds: float, data_wait: float) -> Cost:
    """What it took on this device."""
    gpu = torch.cuda.is_available()
    return Cost(
        wall_s=seconds,
        gpu_hours=seconds / 3600 if gpu else None,
        peak_mem_gb=torch.cuda.max_memory_allocated() / 2**30 if gpu else None,
        data_wait_share=data_wait,
    )


def plain(value: Any) -> Any:  # noqa: ANN401 - any nested data
    """As JSON knows it: tuples become lists."""
    return json.loads(json.dumps(value))
