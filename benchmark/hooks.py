"""What happens around the stock Runner's steps: progress, curves, seeds, finite losses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from benchmark.peak_memory import peak_memory_gb
from registries.errors import BenchError
from registries.objective import Objective

Report = Callable[[dict[str, Any]], None]


class Progress(Hook):
    """Tells `report` about every step.

    Phase, step, losses, the share of time spent waiting for data.
    """

    priority = "LOW"

    def __init__(self, report: Report) -> None:
        self.report = report
        self.waiting = self.working = 0.0
        self.logs: dict[str, Any] = {}  # of the last step
        self._last = math.nan
        self._began = math.nan

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self._last = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """The batch has arrived."""
        self._began = time.perf_counter()
        self.waiting += self._began - self._last

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """The step is done."""
        self._last = time.perf_counter()
        self.working += self._last - self._began
        self.logs = {name: value.detach() for name, value in (outputs or {}).items()}
        self.report(
            {
                "step": runner.iter + 1,
                "steps": runner.max_iters,
                "epoch": runner.epoch + 1,
                "epochs": runner.max_epochs,
                "logs": self.logs,
                "data_wait": self.data_wait,
                "memory_gb": peak_memory_gb(),
            }
        )

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Validation is neither waiting nor working."""
        self._last = time.perf_counter()
        self.report({"val": dict(metrics or {})})

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """What the record tells of the whole training."""
        checkpoint["progress"] = {
            "waiting": self.waiting,
            "working": self.working,
            "logs": self.logs,
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Go on counting."""
        done = checkpoint["progress"]
        self.waiting, self.working, self.logs = done["waiting"], done["working"], done["logs"]

    @property
    def data_wait(self) -> float:
        """Share of training time spent waiting for data, 0 to 1."""
        return self.waiting / self.train_s if self.train_s else 0.0

    @property
    def train_s(self) -> float:
        """Seconds of training so far, waiting for data included, validation not."""
        return self.waiting + self.working


class FractionDone(Hook):
    """Sets `Objective.progress`, which schedules inside objectives read."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Fraction of all steps done."""
        model = runner.model
        objective = getattr(model, "module", model)  # the distributed wrapper holds it in `module`
        assert isinstance(objective, Objective)
        objective.progress = runner.iter / runner.max_iters


class EpochSeed(Hook):
    """Tells torch and the sampler the epoch, so that a resumed run repeats an uninterrupted one.

    mmengine's own hook for the sampler is not used: it would leave torch's draws where they are,
    and begin an epoch anew that was left in its middle.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Dropout draws from torch's state; order and clip times from the sampler's epoch."""
        loader = runner.train_dataloader
        done = runner.iter - runner.epoch * len(loader)
        loader.sampler.set_epoch(runner.epoch, skip=done * loader.batch_size)
        torch.manual_seed(self.seed * 100_003 + runner.epoch)


class FiniteLoss(Hook):
    """Stops at a loss that is not finite, naming the term and its first such step.

    Looks every few steps, as looking waits for the device, and before a checkpoint is written.
    """

    def __init__(self, every: int = 10) -> None:  # chosen
        self.every = every
        self._unseen: dict[int, dict[str, Tensor]] = {}  # by step

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Keep every term of this step; look when it is time."""
        self._unseen[runner.iter + 1] = {
            name: value.detach()
            for name, value in (outputs or {}).items()
            if name.startswith("loss_") and isinstance(value, Tensor)
        }
        if len(self._unseen) >= self.every or runner.iter + 1 >= runner.max_iters:
            self._look()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """No checkpoint of weights that are lost."""
        self._look()

    def _look(self) -> None:
        unseen, self._unseen = self._unseen, {}
        for step, terms in unseen.items():
            for name, value in terms.items():
                if not torch.isfinite(value).all():
                    raise BenchError(
                        f"{name} is {float(value)} at step {step}. Lower the learning rate "
                        "(-o pretrain.lr=... or finetune.lr=...), or -o precision=fp32."
                    )


class Scalars(Hook):
    """Writes losses, diagnostics and validation metrics to the visualisation backends.

    Curves are worth no training: where they cannot be written, a warning says so once.
    """

    def __init__(self, report: Report, every: int = 10) -> None:  # chosen
        self.report, self.every, self.writable = report, every, True

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """One point per term."""
        if (runner.iter + 1) % self.every == 0:
            scalars = {key: float(value.detach()) for key, value in (outputs or {}).items()}
            self._add(runner, scalars)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Validation metrics by step."""
        self._add(runner, {f"val/{k}": v for k, v in (metrics or {}).items()})

    def _add(self, runner: Runner, scalars: dict[str, float]) -> None:
        if not self.writable:
            return
        try:
            runner.visualizer.add_scalars(scalars, step=runner.iter + 1)
        except OSError as error:
            self.writable = False
            self.report({"warning": f"no more curves in {runner.work_dir}: {error.strerror}"})


def standard_hooks(seed: int, report: Report) -> tuple[Progress, Sequence[Hook]]:
    """Hooks of every training run, and the one that knows the data-wait share."""
    progress = Progress(report)
    return progress, [progress, EpochSeed(seed), FiniteLoss(), Scalars(report)]
