"""What happens around the stock Runner's steps: progress, checkpoints, epoch choice, seeds."""

from __future__ import annotations

import copy
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from registries.errors import BenchError
from registries.objective import Objective

Report = Callable[[dict[str, Any]], None]
BLANK_HUB: dict[str, Any] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}


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
        self.logs = outputs or {}
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

    @property
    def data_wait(self) -> float:
        """Share of training time spent waiting for data, 0 to 1."""
        total = self.waiting + self.working
        return self.waiting / total if total else 0.0


def peak_memory_gb() -> float | None:
    """Most memory held so far, in GiB: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    if sys.platform == "win32":
        return None
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


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

    mmengine's own hook for the sampler is not used: it would leave torch's draws where they are.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Dropout draws from torch's state; order and clip times from the sampler's epoch."""
        runner.train_dataloader.sampler.set_epoch(runner.epoch)
        torch.manual_seed(self.seed * 100_003 + runner.epoch)


class FiniteLoss(Hook):
    """Stops at a loss that is not finite, naming the term.

    Looks every few steps, as looking waits.
    """

    def __init__(self, every: int = 10) -> None:  # chosen
        self.every = every

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Look at every term of this step."""
        if runner.iter % self.every and runner.iter + 1 < runner.max_iters:
            return
        for name, value in (outputs or {}).items():
            if "loss" in name and isinstance(value, Tensor) and not torch.isfinite(value).all():
                raise BenchError(
                    f"{name} is {float(value.detach())} at step {runner.iter + 1}. Lower the "
                    "learning rate (-o pretrain.lr=... or finetune.lr=...), or -o precision=fp32."
                )


class Scalars(Hook):
    """Writes losses, diagnostics and validation metrics to the visualisation backends."""

    def __init__(self, every: int = 10) -> None:  # chosen
        self.every = every

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
            runner.visualizer.add_scalars(scalars, step=runner.iter + 1)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Validation metrics by step."""
        runner.visualizer.add_scalars(
            {f"val/{k}": v for k, v in (metrics or {}).items()}, step=runner.iter + 1
        )


class EpochCheckpoint(Hook):
    """One resumable checkpoint, replaced only by a complete newer one.

    mmengine writes in place and deletes the old file first, and it cannot read back its own
    message hub under torch's safe loading; here the hub is left blank, the file is written under a
    temporary name, fsynced and renamed. Extra state of other hooks travels in `meta`.
    """

    priority = "VERY_LOW"

    def __init__(self, every: int = 1, best: BestEpoch | None = None) -> None:
        self.every, self.best = every, best
        self.resumed = 0  # epochs done when this process took over

    def before_train(self, runner: Runner) -> None:
        """Continue from the last checkpoint, if there is one."""
        path = self.path(runner)
        if path.exists():
            runner.resume(str(path))
            self.resumed = runner.epoch
            if self.best is not None:
                self.best.restore(path.with_name("best.pth"))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Leave out what safe loading refuses.

        Count whole epochs (validation of the last one included).
        """
        checkpoint["message_hub"] = copy.deepcopy(BLANK_HUB)
        checkpoint["meta"] |= {"epoch": runner.epoch, "iter": runner.iter}

    def before_train_epoch(self, runner: Runner) -> None:
        """Save what the epochs so far have left, validation included."""
        if runner.epoch == self.resumed or runner.epoch % self.every:
            return
        if self.best is not None and self.best.state is not None:
            save_atomically(self.best.as_file(), self.path(runner).with_name("best.pth"))
        folder = Path(runner.work_dir)
        runner.save_checkpoint(str(folder), "checkpoint.tmp", save_optimizer=True, by_epoch=True)
        replace_durably(folder / "checkpoint.tmp", self.path(runner))

    def path(self, runner: Runner) -> Path:
        """Where the last good checkpoint lies."""
        return Path(runner.work_dir) / "last.pth"


class BestEpoch(Hook):
    """Keeps the weights of the best validation epoch, the earliest of equals, in memory."""

    priority = "LOW"

    def __init__(self, metric: str, *, higher_is_better: bool) -> None:
        self.metric, self.sign = metric, 1.0 if higher_is_better else -1.0
        self.value: float | None = None
        self.epoch = 0
        self.state: dict[str, Tensor] | None = None

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Compare and keep."""
        value = float((metrics or {})[self.metric])
        if self.value is None or self.sign * value > self.sign * self.value:
            # the loop has already counted the epoch that is being validated
            self.value, self.epoch = value, runner.epoch
            self.state = {k: v.detach().clone() for k, v in runner.model.state_dict().items()}

    def as_file(self) -> dict[str, Any]:
        """What a checkpoint needs to carry on."""
        return {"value": self.value, "epoch": self.epoch, "state": self.state}

    def restore(self, path: Path) -> None:
        """Take up what `as_file` gave."""
        if path.exists():
            kept = torch.load(path, weights_only=True)
            self.value, self.epoch, self.state = kept["value"], kept["epoch"], kept["state"]


def forget_checkpoints(work_dir: Path) -> None:
    """Remove the checkpoints of a training that is recorded (or to be done again); logs stay."""
    for name in ("last.pth", "best.pth"):
        (work_dir / name).unlink(missing_ok=True)


def save_atomically(content: dict[str, Any], path: Path) -> None:
    """torch.save to a temporary name, fsync, rename: the last good file survives a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    torch.save(content, temporary)
    replace_durably(temporary, path)


def replace_durably(temporary: Path, path: Path) -> None:
    """fsync, then rename over `path`."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def standard_hooks(seed: int, report: Report) -> tuple[Progress, Sequence[Hook]]:
    """Hooks of every training run, and the one that knows the data-wait share."""
    progress = Progress(report)
    return progress, [progress, EpochSeed(seed), FiniteLoss(), Scalars()]
