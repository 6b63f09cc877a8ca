"""One step over a batch in several parts, one after the other: gradient accumulation.

    batch 0 1 2 3 4 5 6 7   ->   0 1 | 2 3 | 4 5 | 6 7   ->   mean of their gradients, one step

Rates, schedules, checkpoints and the order of samples are those of the whole batch. What is
computed across a batch sees a part: in-batch negatives, batch statistics. What an objective keeps
(a queue, a momentum twin) moves with every part.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor
from torch.utils.data import DataLoader


class PartedLoop(EpochBasedTrainLoop):
    """mmengine's loop with every batch in parts, accumulated by its optimiser wrapper.

    parts: how many; the wrapper's `accumulative_counts` too.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader[Any],
        *,
        parts: int,
        max_epochs: int,
        val_interval: int,
    ) -> None:
        super().__init__(runner, dataloader, max_epochs=max_epochs, val_interval=val_interval)
        self.parts = parts

    def run(self) -> torch.nn.Module:
        """Train; the wrapper counts parts, the loop steps."""
        self.runner.optim_wrapper.initialize_count_status(
            self.runner.model, 0, self.parts * self.max_iters
        )
        return super().run()

    def run_iter(self, idx: int, data_batch: Any) -> None:  # noqa: ANN401 - as collated
        """One step: hooks hear of one batch and of the mean of its parts' logs."""
        runner = self.runner
        runner.call_hook("before_train_iter", batch_idx=idx, data_batch=data_batch)
        logs = [
            runner.model.train_step(part, optim_wrapper=runner.optim_wrapper)
            for part in split(data_batch, self.parts)
        ]
        outputs = {name: sum(log[name] for log in logs) / self.parts for name in logs[0]}
        runner.call_hook("after_train_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs)
        self._iter += 1


def split(batch: Any, parts: int) -> list[Any]:  # noqa: ANN401 - as collated
    """A collated batch in parts of nearly equal size, the larger ones first.

    Tensors and lists (B, ...) are cut, in mappings and tuples too.
    """
    if isinstance(batch, dict):
        cut = {name: split(value, parts) for name, value in batch.items()}
        return [{name: pieces[part] for name, pieces in cut.items()} for part in range(parts)]
    if isinstance(batch, tuple):  # a NamedTuple
        columns = [split(value, parts) for value in batch]
        return [type(batch)(*(pieces[part] for pieces in columns)) for part in range(parts)]
    assert isinstance(batch, Tensor | list)
    size, larger = divmod(len(batch), parts)
    begins = [part * size + min(part, larger) for part in range(parts + 1)]
    return [batch[begin:end] for begin, end in pairwise(begins)]
