"""Evaluates one encoder on one task under the finetune protocol.

Train, choose the epoch on val, test once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from benchmark import stopping
from benchmark.checkpoint import BestEpoch, Checkpoint
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.data.splits import few
from benchmark.distributed import collect
from benchmark.encoder_file import load_encoder, read_alignment
from benchmark.evaluation import Evaluation
from benchmark.hooks import Report, standard_hooks
from benchmark.layout import lay_out
from benchmark.memory import note, within_memory
from benchmark.protocols.attention import Listener
from benchmark.protocols.finetune import FinetuneModel
from benchmark.protocols.pooling import feature_channels
from benchmark.settings import Finetune, Recipe
from benchmark.training import build_runner, eval_loader, precision_of, train_loader
from registries.sampling import ClipSampling, View
from registries.task import MODALITIES, STEPS, Split, Task


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
    shots: float | None = None,
) -> Evaluation:
    """Finetune the encoders of the task's inputs on it and predict its test split.

    Resumes if interrupted. shots: training samples of each class, or their share; None is all.
    """
    train = _train_set(task, fold, finetune, shots, seed)

    def attempt() -> Evaluation:
        torch.manual_seed(seed)
        model = _model(encoders, task, finetune=finetune, recipe=recipe, frozen=frozen, seed=seed)
        loaders = {
            "train": train_loader(train, finetune, seed=seed, workers=recipe.workers),
            "val": _loader(task, "val", fold, finetune, recipe),
            "test": _loader(task, "test", fold, finetune, recipe),
        }
        return _train_and_test(
            model, task, loaders,
            finetune=finetune, recipe=recipe, seed=seed, work_dir=work_dir, report=report,
        )  # fmt: skip

    return within_memory(work_dir, attempt)


def _train_and_test(
    model: FinetuneModel,
    task: Task,
    loaders: Mapping[str, Any],
    *,
    finetune: Finetune,
    recipe: Recipe,
    seed: int,
    work_dir: Path,
    report: Report,
) -> Evaluation:
    """Train, from the last checkpoint where there is one; choose the epoch; test."""
    best = BestEpoch(task.metrics()[0].name, higher_is_better=task.card.higher_is_better)
    progress, hooks = standard_hooks(seed, report)
    runner = build_runner(
        lay_out(model, recipe),
        loaders["train"],
        finetune,
        work_dir=work_dir,
        name=f"evaluate-{work_dir.name}",
        seed=seed,
        precision=precision_of(recipe.precision),
        hooks=[*hooks, best, Checkpoint(report, every=recipe.checkpoint_every)],
        validation={
            "dataloader": loaders["val"],
            "evaluator": _metrics(task),
            "interval": finetune.val_interval,
        },
    )
    with stopping.between_steps():
        runner.train()
    epoch = _settle(model, best, finetune)
    rows = predict(model, loaders["test"], report)
    return Evaluation(
        **rows,
        rule=finetune.selection,
        epoch=epoch,
        val=best.value,
        steps=runner.max_iters,
        train_s=progress.train_s,
        data_wait=progress.data_wait,
        notes=(
            *task.notes,
            *note(work_dir, finetune.batch_size, accumulate=finetune.accumulate, across=False),
        ),
        **_sizes(model),
    )


def _metrics(task: Task) -> list[BaseMetric]:
    """The task's, exchanged between processes without files in the folder they run in."""
    metrics = task.metrics()
    for metric in metrics:
        metric.collect_device = "gpu"  # mmengine's word for the group's own device
    return metrics


def _sizes(model: FinetuneModel) -> dict[str, int]:
    """Parameters of encoders and head, all of them and those that are trained."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return {
        "params_total": sum(size for size, _ in sizes),
        "params_trainable": sum(size for size, trained in sizes if trained),
    }


def _settle(model: FinetuneModel, best: BestEpoch, finetune: Finetune) -> int:
    """Give the model the weights that are tested; returns the epoch they are of."""
    if finetune.selection != "best_val" or best.state is None:
        return finetune.epochs
    model.load_state_dict(best.state)
    return best.epoch


def _train_set(task: Task, fold: int, finetune: Finetune, shots: float | None, seed: int) -> Any:  # noqa: ANN401
    """What is trained on: all of it, or a few samples of each class."""
    train = _clips(task, "train", fold, finetune)
    return train if shots is None else train.over(few(train.manifest, shots, seed=seed))


def _model(
    encoders: Path, task: Task, *, finetune: Finetune, recipe: Recipe, frozen: bool, seed: int
) -> FinetuneModel:
    """The handed-down encoders of the task's inputs with a new head."""
    nets = {name: load_encoder(encoders, name) for name in MODALITIES[task.inputs]}
    channels = sum(feature_channels(net, finetune.features) for net in nets.values())
    preprocessor = ClipPreprocessor(
        _sampling(task, finetune).views,
        size=recipe.size_for(task.card.name),
        augment={**task.augment(), **finetune.augment},
        seed=seed,
    )
    return FinetuneModel(
        nets,
        task.head(channels),
        data_preprocessor=preprocessor,
        frozen=frozen,
        features=finetune.features,
        pooling=finetune.pooling,
        listener=_listener(encoders) if finetune.pooling == "attention" else None,
    )


def _listener(encoders: Path) -> Listener:
    """The encoders as they were handed down, and how they compare sight with sound."""
    nets = {name: load_encoder(encoders, name) for name in MODALITIES["av"]}
    return Listener(nets, read_alignment(encoders))


def _sampling(task: Task, finetune: Finetune) -> ClipSampling:
    """The task's views; where attention asks for it, the sound of its video view too."""
    sampling = task.sampling()
    if finetune.pooling != "attention" or "audio" in sampling.views:
        return sampling
    seen = sampling.views["video"]
    heard = View(
        modality="audio", clip_len=round(STEPS * seen.seconds), seconds=seen.seconds,
        anchor=seen.anchor,
    )  # fmt: skip
    return replace(sampling, views={**sampling.views, "audio": heard})


def _clips(task: Task, split: Split, fold: int, finetune: Finetune, *, clips: int = 1) -> Any:  # noqa: ANN401
    """A split of the task with the views that finetuning asks for."""
    dataset = task.dataset(split, fold, clips=clips)
    sampling = _sampling(task, finetune)
    return dataset if sampling == task.sampling() else dataset.seeing(sampling)


@torch.inference_mode()
def predict(model: FinetuneModel, loader: Any, report: Report) -> dict[str, np.ndarray]:  # noqa: ANN401
    """Scores of every sample of a loader, each exactly once, in order; of all processes."""
    model.eval()
    found: list[dict[str, Any]] = []
    for done, batch in enumerate(loader, start=1):
        found += model.val_step(batch)
        report({"test": done, "tests": len(loader)})
    found = collect(found)
    rows = {
        "sample_id": np.array([row["id"] for row in found]),
        "group_id": np.array([row["group"] for row in found]),
        "target": np.array([row["target"] for row in found], dtype=np.int64),
        "score": torch.stack([row["score"] for row in found]).float().cpu().numpy(),
    }
    if "hypothesis" in found[0]:
        rows["reference"] = np.array([row["text"] for row in found])
        rows["hypothesis"] = np.array([row["hypothesis"] for row in found])
    if any(row.get("tag") for row in found):
        rows["tag"] = np.array([row["tag"] for row in found])
    return rows


def _loader(task: Task, split: str, fold: int, finetune: Finetune, recipe: Recipe) -> Any:  # noqa: ANN401
    dataset = _clips(task, split, fold, finetune, clips=finetune.test_clips)
    # clips of one sample are scored together, so fewer samples fit
    batch = max(1, finetune.batch_size // finetune.test_clips)
    return eval_loader(dataset, batch_size=batch, workers=recipe.workers, shared=True)
