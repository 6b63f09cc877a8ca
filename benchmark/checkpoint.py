"""A training that can be stopped after any step and goes on as if it had not been.

One file, `checkpoint.pth`: weights and buffers, optimiser, schedules, torch's random state, and
what other hooks put in under their own names (mmengine's `before_save_checkpoint` and
`after_load_checkpoint`). Order and clip times follow from (seed, epoch, steps done); see
`hooks.EpochSeed`.
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from benchmark import stopping
from benchmark.hooks import Report
from benchmark.results.atomic import sweep, write_over
from registries.errors import BenchError

NAME = "checkpoint.pth"
# mmengine cannot read its own message hub back under torch's safe loading
BLANK_HUB: dict[str, Any] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}


class Checkpoint(Hook):
    """Goes on from the last checkpoint, and writes one when it is due or a stop was asked for.

    every: seconds between checkpoints, 0 for each step. A disk that is full costs no training: a
    warning, the last good file stays, and the next one that is due is tried again.
    """

    priority = "VERY_LOW"  # of a step all else is done

    def __init__(self, report: Report, *, every: float) -> None:
        self.report, self.every = report, every
        self._saved = 0.0  # when
        self._random: dict[str, Any] | None = None  # to go on with inside an epoch

    def before_train(self, runner: Runner) -> None:
        """Continue from the last checkpoint, if there is one."""
        path = Path(runner.work_dir) / NAME
        if is_main_process():
            sweep(path.parent, older_than=0.0)  # the lock of the cell is ours: no writer is alive
        if path.exists():
            _check(path)
            runner.resume(str(path))
        self._saved = time.monotonic()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Torch's draws, for the step that comes next."""
        self._random = checkpoint["random"]

    def before_train_epoch(self, runner: Runner) -> None:
        """Between epochs the seed of the epoch counts, and validation has been counted."""
        if runner.iter == runner.epoch * len(runner.train_dataloader):
            self._random = None
            self._save_if_due(runner, epoch=runner.epoch, step=runner.iter)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Only now: making the loader's iterator draws too."""
        if self._random is not None:
            torch.set_rng_state(self._random["cpu"].cpu())
            if torch.cuda.is_available() and self._random["cuda"]:
                torch.cuda.set_rng_state_all([state.cpu() for state in self._random["cuda"]])
            self._random = None

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """The step is not counted yet."""
        self._save_if_due(runner, epoch=runner.epoch, step=runner.iter + 1)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: object = None,
    ) -> None:
        """A stop goes back to the end of the epoch's last step; its epoch is counted already."""
        if _stop_asked():
            self._save(runner, epoch=runner.epoch - 1, step=runner.iter)
            stopping.stop()

    def after_train(self, runner: Runner) -> None:
        """What comes now (testing, writing) shall not cost the training."""
        self._save(runner, epoch=runner.epoch, step=runner.iter)

    def _save_if_due(self, runner: Runner, *, epoch: int, step: int) -> None:
        stop = _stop_asked()
        if stop or time.monotonic() - self._saved >= self.every:
            self._save(runner, epoch=epoch, step=step)
        if stop:
            stopping.stop()

    def _save(self, runner: Runner, *, epoch: int, step: int) -> None:
        checkpoint = _state(runner, epoch=epoch, step=step)
        runner.call_hook("before_save_checkpoint", checkpoint=checkpoint)
        path = Path(runner.work_dir) / NAME
        if is_main_process():
            try:
                save_atomically(checkpoint, path)
            except OSError as error:
                kept = "the last good one stays" if path.exists() else "there is none before it"
                self.report(
                    {
                        "warning": f"no checkpoint at step {step}: {error.strerror}, in "
                        f"{path.parent}; {kept}. Training goes on; free some space, as a stop now "
                        "costs what has been trained since"
                    }
                )
        self._saved = time.monotonic()


def _state(runner: Runner, *, epoch: int, step: int) -> dict[str, Any]:
    """What `Runner.resume` reads, and torch's random state."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "meta": {"epoch": epoch, "iter": step},
        "message_hub": BLANK_HUB,
        "state_dict": _weights(runner),
        "optimizer": runner.optim_wrapper.state_dict(),
        "param_schedulers": [part.state_dict() for part in runner.param_schedulers or ()],
        "random": {"cpu": torch.get_rng_state(), "cuda": cuda},
    }


def _weights(runner: Runner) -> dict[str, Tensor]:
    """Of the model itself, without the wrapper around it."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model.state_dict()  # type: ignore[no-any-return]


def _stop_asked() -> bool:
    """Whether any process of this training was told to stop: they all stop after the same step."""
    told = torch.tensor(float(stopping.asked()))
    all_reduce(told)
    return bool(told)


def _check(path: Path) -> None:
    """Raise BenchError for a file that is no checkpoint; torch's safe loading runs no code."""
    try:
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a damaged or hostile pickle may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise BenchError(
            f"{path} is no checkpoint that can be read safely ({reason}). Nothing in it was run. "
            "Remove it, or give --force, and this training starts from its first step."
        ) from error


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
            self.state = {k: v.detach().clone() for k, v in _weights(runner).items()}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """What it takes to carry on."""
        checkpoint["best"] = {"value": self.value, "epoch": self.epoch, "state": self.state}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take up what was kept."""
        best = checkpoint["best"]
        self.value, self.epoch, self.state = best["value"], best["epoch"], best["state"]


def forget_checkpoints(work_dir: Path) -> None:
    """Remove what a training that is recorded (or to be done again) left; its logs stay."""
    (work_dir / NAME).unlink(missing_ok=True)
    sweep(work_dir, older_than=0.0)


def save_atomically(content: dict[str, Any], path: Path) -> None:
    """torch.save that appears whole or not at all; raises OSError where there is no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()  # torch's own writer turns a full disk into a RuntimeError
    torch.save(content, buffer)
    write_over(path, buffer.getbuffer())
