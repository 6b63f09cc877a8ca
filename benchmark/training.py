"""Builds mmengine Runners from a `Training` recipe: the one way anything is trained here."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmark import distributed
from benchmark.data.curriculum import CurriculumDataset
from benchmark.distributed import MeanLogs, ShareSampler
from benchmark.memory import parts
from benchmark.optimisers import ClipNorm, Larc, WarmedCosine, parameter_rates
from benchmark.parted import PartedLoop
from benchmark.settings import Training

BLOCK = 65_536  # places of an order that are made Python numbers at a time; chosen
WARMUP_START = 1e-3  # chosen: share of the rate at the first step
# mmengine's defaults that are not wanted; the last two read every loss at every step, which waits
# for the device, and keep what only mmengine's own logger shows
UNUSED_HOOKS = ("checkpoint", "logger", "sampler_seed", "runtime_info", "timer")


def device_name() -> str:
    """The device training runs on, as records name it."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def precision_of(setting: str) -> str:
    """Resolve "auto": bf16 on a GPU that has it, else fp32."""
    if setting != "auto":
        return setting
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


class EpochSampler(torch.utils.data.Sampler[int]):
    """A permutation per epoch that depends on (seed, epoch) only; each video `repeats` times.

    `hooks.EpochSeed` calls `set_epoch` before every epoch, so a resumed run draws what an
    uninterrupted one would. Also tells the dataset which pass over the videos the epoch begins
    with; index `pass * len + video` names a video of a later one, so that workers that fetch ahead
    draw what those that do not would.
    """

    def __init__(self, dataset: Dataset[Any], *, seed: int, repeats: int = 1) -> None:
        self.dataset, self.seed, self.repeats = dataset, seed, repeats
        self.epoch = self.skip = 0

    def set_epoch(self, epoch: int, *, skip: int = 0) -> None:
        """Before a pass. skip: samples of it that have been seen, by a run that was stopped."""
        self.epoch, self.skip = epoch, skip

    def __len__(self) -> int:
        return len(self.dataset) * self.repeats  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        videos = len(self.dataset)  # type: ignore[arg-type]
        self.dataset.set_epoch(self.epoch * self.repeats)  # type: ignore[attr-defined]
        orders = (torch.randperm(videos, generator=draw) for _ in range(self.repeats))
        blocks = (
            block + repeat * videos
            for repeat, order in enumerate(orders)
            for block in order[max(self.skip - repeat * videos, 0) :].split(BLOCK)
        )
        return chain.from_iterable(block.tolist() for block in blocks)


def begin_worker(_: int) -> None:
    """Leave the parent's garbage alone: a loader among it would look for workers of its own."""
    gc.freeze()


def train_loader(
    dataset: Dataset[Any], recipe: Training, *, seed: int, workers: int
) -> DataLoader[Any]:
    """Shuffled batches; the last partial batch is dropped (batch norm and in-batch negatives).

    The recipe's batch is that of all processes together; each loads its share. A dataset with a
    curriculum is told how long the training is.
    """
    if isinstance(dataset, CurriculumDataset):
        dataset.plan(recipe.epochs * recipe.clips_per_video)
    whole = EpochSampler(dataset, seed=seed, repeats=recipe.clips_per_video)
    sampler = ShareSampler(whole, batch=min(recipe.batch_size, len(whole)))
    return DataLoader(
        dataset,
        batch_size=sampler.share,
        sampler=sampler,
        num_workers=workers,
        drop_last=True,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers > 0,
        worker_init_fn=begin_worker,
    )


def eval_loader(
    dataset: Dataset[Any], *, batch_size: int, workers: int, shared: bool = False
) -> DataLoader[Any]:
    """Every sample once, in order. shared: by one of the processes, else by each."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=distributed.every(len(dataset)) if shared else None,  # type: ignore[arg-type]
        shuffle=False,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers > 0,
        worker_init_fn=begin_worker,
    )


def build_runner(
    model: nn.Module,
    loader: DataLoader[Any],
    recipe: Training,
    *,
    work_dir: Path,
    name: str,
    seed: int,
    precision: str,
    hooks: list[Hook],
    validation: dict[str, Any] | None = None,
) -> Runner:
    """A Runner that trains `model` by `recipe`, logging below `work_dir`.

    In more parts than the recipe says where the training in this folder has run out of memory (see
    memory.py).

    validation: {"dataloader", "evaluator", "interval"} for a validation loop, else none.
    """
    steps = len(loader) * recipe.epochs
    val = validation or {}
    count = parts(work_dir, recipe.accumulate)
    parted = {"type": PartedLoop, "parts": count}
    runner = Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg={
            **(parted if count > 1 else {"type": EpochBasedTrainLoop}),
            "max_epochs": recipe.epochs,
            "val_interval": val.get("interval", recipe.epochs + 1),
        },
        val_dataloader=val.get("dataloader"),
        val_evaluator=val.get("evaluator"),
        val_cfg={} if val else None,
        optim_wrapper=optim_wrapper(model, recipe, precision, parts=count),
        param_scheduler=schedule(recipe, steps=steps, epoch=len(loader)),
        default_hooks=dict.fromkeys(UNUSED_HOOKS),
        custom_hooks=[MeanLogs(), *hooks, *gradient_hooks(recipe)],
        visualizer={"type": "Visualizer", "vis_backends": [{"type": "TensorboardVisBackend"}]},
        resume=False,
        randomness={"seed": seed},
        log_level="WARNING",
        experiment_name=name,
        default_scope="mmengine",
        **distributed.prepare(model),
    )
    quiet(runner.logger)
    return runner


def gradient_hooks(recipe: Training) -> list[ClipNorm | Larc]:
    """What is done to gradients just before the optimiser's step, in this order."""
    hooks: list[ClipNorm | Larc] = []
    if recipe.clip_grad is not None:
        hooks.append(ClipNorm(recipe.clip_grad))
    if recipe.larc is not None:
        hooks.append(Larc(trust=recipe.larc, weight_decay=recipe.weight_decay))
    return hooks


def quiet(logger: MMLogger) -> None:
    """Mmengine's log stays in its file; the terminal belongs to the progress display."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:
            handler.setLevel(logging.CRITICAL)


def optim_wrapper(
    model: nn.Module, recipe: Training, precision: str, *, parts: int = 1
) -> dict[str, Any]:
    """Config of mmengine's optimiser wrapper, without `gradient_hooks`.

    parts: backward passes whose gradients are averaged for one step. Raises UsageError for a rate
    of no parameter.
    """
    optimizer: dict[str, Any] = {
        "type": recipe.optimizer,
        "lr": recipe.lr,
        # LARC makes it part of the gradient
        "weight_decay": recipe.weight_decay if recipe.larc is None else 0.0,
    }
    if recipe.optimizer == "SGD":
        optimizer["momentum"] = 0.9
    if torch.cuda.is_available():
        # one kernel for all parameters, and no look at the gradients for overflow, which waits
        optimizer["fused"] = True
    wrapper: dict[str, Any] = {"type": "OptimWrapper", "optimizer": optimizer}
    wrapper["accumulative_counts"] = parts
    if precision == "bf16" and torch.cuda.is_available():
        wrapper |= {"type": "AmpOptimWrapper", "dtype": "bfloat16", "loss_scale": 1.0}
    elif precision == "bf16":
        wrapper["type"] = "CpuBf16OptimWrapper"
    if recipe.lr_scale or recipe.constant_lr:
        names = [name for name, p in model.named_parameters() if p.requires_grad]
        keys = parameter_rates(names, scale=recipe.lr_scale, constant=recipe.constant_lr)
        for name in names:
            keys[name]["lr_mult"] *= recipe.encoder_lr_scale if "encoder" in name else 1.0
        # mmengine looks for keys anywhere in a name, the longest first: whole names are exact
        wrapper["paramwise_cfg"] = {"custom_keys": keys}
    elif recipe.encoder_lr_scale != 1.0:
        wrapper["paramwise_cfg"] = {
            "custom_keys": {"encoder": {"lr_mult": recipe.encoder_lr_scale}}
        }
    return wrapper


def schedule(recipe: Training, *, steps: int, epoch: int) -> list[dict[str, Any]]:
    """Linear warm-up over the longer of the two settings, then the named schedule; by step."""
    warmup = min(max(recipe.warmup_steps, round(recipe.warmup_epochs * epoch)), steps // 2)
    if recipe.warmup_lr is not None or recipe.final_lr or recipe.constant_lr:
        start = WARMUP_START if recipe.warmup_lr is None else recipe.warmup_lr / recipe.lr
        return [
            {
                "type": WarmedCosine,
                "by_epoch": False,
                "end": steps,
                "warmup": warmup,
                "start": start,
                "final": recipe.final_lr / recipe.lr,
                "cosine": recipe.schedule == "cosine",
            }
        ]
    schedule = []
    if warmup == 1:  # nothing to rise over: mmengine would leave the rate at its start for good
        warmup = 0
    if warmup:
        schedule.append(
            {
                "type": "LinearLR",
                "start_factor": WARMUP_START,
                "by_epoch": False,
                "begin": 0,
                "end": warmup,
            }
        )
    if recipe.schedule == "cosine" and steps > warmup:
        schedule.append(
            {
                "type": "CosineAnnealingLR",
                "T_max": steps - warmup,
                "eta_min": 0.0,
                "by_epoch": False,
                "begin": warmup,
                "end": steps,
            }
        )
    return schedule
