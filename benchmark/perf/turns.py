"""What the framework adds to a step: the Runner's step in turns with a bare one, same batches.

    bare      zero_grad, preprocess, loss, backward, clip, step: as one would write it by hand
    Runner    the same through mmengine's loop, optimiser wrapper and schedules, and all our hooks

Each turn is one step of either, on a batch that is there already, by models that began with the
same weights; which goes first alternates. Batches are small, since what a framework adds does not
depend on their size, and drowns in what a busy machine adds to long steps. What happens between
epochs is not part of a step.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from mmengine.optim import build_optim_wrapper
from torch.utils.data import DataLoader, Dataset

from benchmark.perf.clock import now, quartiles, seconds
from benchmark.settings import Training
from benchmark.training import EpochSampler, optim_wrapper
from registries.objective import Objective


@dataclass(frozen=True)
class Turn:
    """Seconds of one step, either way."""

    bare: float
    runner: float


class Batches(Dataset[Any]):
    """Collated batches, each a sample of its own."""

    def __init__(self, batches: Sequence[Mapping[str, Any]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """The same object every time."""
        return self.batches[index]

    def set_epoch(self, epoch: int) -> None:
        """Nothing is drawn."""


class InTurns(DataLoader[Any]):
    """Hands the Runner its batches, and makes a bare step with each, before or after the Runner's.

    turns: what was timed so far.
    """

    def __init__(self, batches: Batches, bare: BareLoop) -> None:
        # of one sample, as hooks count what was seen in samples
        super().__init__(batches, batch_size=1, sampler=EpochSampler(batches, seed=0))
        self.bare = bare
        self.turns: list[Turn] = []

    def __iter__(self) -> Iterator[Mapping[str, Any]]:  # type: ignore[override]
        """Each batch once; the Runner comes back for the next when all of its step is done."""
        for index in self.sampler:
            batch, late = self.dataset[index], len(self.turns) % 2
            bare = 0.0 if late else seconds(partial(self.bare.once, batch))
            began = now()
            yield batch
            runner = now() - began
            if late:
                bare = seconds(partial(self.bare.once, batch))
            self.turns.append(Turn(bare, runner))


class BareLoop:
    """One step after the other without a framework."""

    def __init__(self, objective: Objective, recipe: Training, *, precision: str) -> None:
        self.objective, self.clip = objective, recipe.clip_grad
        objective.to("cuda" if torch.cuda.is_available() else "cpu").train()
        self.device, self.half = objective.data_preprocessor.device.type, precision == "bf16"
        wrapper = build_optim_wrapper(objective, optim_wrapper(objective, recipe, "fp32"))
        self.optimizer = wrapper.optimizer

    def once(self, batch: Mapping[str, Any]) -> None:
        """One step."""
        self.optimizer.zero_grad()
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.half):
            data = self.objective.data_preprocessor(batch, training=True)
            terms = self.objective.loss(data["inputs"], data["data_samples"])
            loss = torch.stack([value for name, value in terms.items() if "loss" in name]).sum()
        torch.autograd.backward(loss)
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.objective.parameters(), self.clip)
        self.optimizer.step()


def summarise(turns: Sequence[Turn]) -> dict[str, Any]:
    """Medians over turns, and quartiles of the ratio, as fields of `perf.run.RunCost`."""
    ratios = [turn.runner / turn.bare for turn in turns]
    return {
        "small_step": statistics.median(ratios),
        "small_step_quartiles": quartiles(ratios),
        "small_step_ms": 1e3 * statistics.median(turn.bare for turn in turns),
        "overhead_ms": 1e3 * statistics.median(turn.runner - turn.bare for turn in turns),
    }
