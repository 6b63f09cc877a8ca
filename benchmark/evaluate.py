"""Evaluates one encoder on one task under the finetune protocol.

Train, choose the epoch on val, test once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.encoder_file import load_encoder
from benchmark.hooks import BestEpoch, EpochCheckpoint, Report, standard_hooks
from benchmark.protocols import FinetuneModel, feature_channels
from benchmark.settings import Finetune, Recipe
from benchmark.training import build_runner, eval_loader, precision_of, train_loader
from registries.task import Task


@dataclass(frozen=True)
class Evaluation:
    """Scores of every test sample, and how the tested state was chosen.

    sample_id, group_id (n,) str; target (n,) int; score (n, classes) float32.
    """

    sample_id: np.ndarray
    group_id: np.ndarray
    target: np.ndarray
    score: np.ndarray
    rule: str
    epoch: int
    val: float | None
    steps: int
    data_wait: float
    params_total: int
    params_trainable: int


def evaluate(
    encoders: Path,
    task: Task,
    *,
    fold: int,
    finetune: Finetune,
    recipe: Recipe,
    frozen: bool,
    seed: int,
    work_dir: Path,
    report: Report,
) -> Evaluation:
    """Finetune the video encoder in `encoders` on `task` and predict its test split.

    Resumes if interrupted.
    """
    torch.manual_seed(seed)
    model = _model(encoders, task, finetune=finetune, recipe=recipe, frozen=frozen, seed=seed)
    best = BestEpoch(task.metrics()[0].name, higher_is_better=task.card.higher_is_better)
    progress, hooks = standard_hooks(seed, report)
    runner = build_runner(
        model,
        train_loader(task.dataset("train", fold), finetune, seed=seed, workers=recipe.workers),
        finetune,
        work_dir=work_dir,
        name=f"evaluate-{work_dir.name}",
        seed=seed,
        precision=precision_of(recipe.precision),
        hooks=[*hooks, best, EpochCheckpoint(best=best)],
        validation={
            "dataloader": _loader(task, "val", fold, finetune, recipe),
            "evaluator": task.metrics(),
            "interval": finetune.val_interval,
        },
    )
    runner.train()
    keep_best = finetune.selection == "best_val" and best.state is not None
    if keep_best:
        model.load_state_dict(best.state)
    rows = predict(model, _loader(task, "test", fold, finetune, recipe), report)
    return Evaluation(
        **rows,
        rule=finetune.selection,
        epoch=best.epoch if keep_best else finetune.epochs,
        val=best.value,
        steps=runner.max_iters,
        data_wait=progress.data_wait,
        params_total=sum(p.numel() for p in model.parameters()),
        params_trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
    )


def _model(
    encoders: Path, task: Task, *, finetune: Finetune, recipe: Recipe, frozen: bool, seed: int
) -> FinetuneModel:
    """The handed-down video encoder with a new head."""
    encoder = load_encoder(encoders, "video")
    preprocessor = ClipPreprocessor(
        task.sampling().views,
        size=recipe.size_for(task.card.name),
        augment={**task.augment(), **finetune.augment},
        seed=seed,
    )
    return FinetuneModel(
        encoder,
        task.head(feature_channels(encoder, finetune.features)),
        data_preprocessor=preprocessor,
        frozen=frozen,
        features=finetune.features,
        pooling=finetune.pooling,
    )


@torch.inference_mode()
def predict(model: FinetuneModel, loader: Any, report: Report) -> dict[str, np.ndarray]:  # noqa: ANN401
    """Scores of every sample of a loader, each exactly once, in order."""
    model.eval()
    found: list[dict[str, Any]] = []
    for done, batch in enumerate(loader, start=1):
        found += model.val_step(batch)
        report({"test": done, "tests": len(loader)})
    return {
        "sample_id": np.array([row["id"] for row in found]),
        "group_id": np.array([row["group"] for row in found]),
        "target": np.array([row["target"] for row in found], dtype=np.int64),
        "score": torch.stack([row["score"] for row in found]).float().cpu().numpy(),
    }


def _loader(task: Task, split: str, fold: int, finetune: Finetune, recipe: Recipe) -> Any:  # noqa: ANN401
    dataset = task.dataset(split, fold, clips=finetune.test_clips)
    # clips of one sample are scored together, so fewer samples fit
    batch = max(1, finetune.batch_size // finetune.test_clips)
    return eval_loader(dataset, batch_size=batch, workers=recipe.workers)
