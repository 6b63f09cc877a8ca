"""A batch that does not fit the memory is trained in two halves, once, and the record says so.

The step stays one step: gradients of both halves are averaged before the optimiser sees them, so
rates, schedules, checkpoints and the order of samples are those of the whole batch. What the
objective computes across a batch (negatives, batch statistics) sees a half.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.runner import EpochBasedTrainLoop
from torch import Tensor

from registries.distributed import world_size

HALVED = "halved"  # a file beside the checkpoint, so that a run that goes on knows at once
PARTS = 2

T = TypeVar("T")


def within_memory(work_dir: Path, train: Callable[[], T]) -> T:
    """Call `train`; where memory runs out, once more from its last checkpoint in half-batches.

    Raises torch.OutOfMemoryError where the halves do not fit either, and at once where several
    processes train together: the others do not know of it.
    """
    try:
        return train()
    except torch.OutOfMemoryError:
        if is_halved(work_dir) or world_size() > 1:
            raise
    # outside the handler: its traceback holds the tensors of the step that did not fit
    gc.collect()
    torch.cuda.empty_cache()
    work_dir.mkdir(parents=True, exist_ok=True)
    (work_dir / HALVED).touch()
    return train()


def is_halved(work_dir: Path) -> bool:
    """Whether the training in this folder has run out of memory at its full batch."""
    return (work_dir / HALVED).exists()


def forget_halving(work_dir: Path) -> None:
    """The next training in this folder begins at its full batch."""
    (work_dir / HALVED).unlink(missing_ok=True)


def note(work_dir: Path, batch: int, *, across: bool) -> tuple[str, ...]:
    """What a record says of it: a warning, or nothing. across: the loss relates samples of a batch.

    batch: the effective one, which stays.
    """
    if not is_halved(work_dir):
        return ()
    half = -(-batch // PARTS)
    text = f"out of memory at batch {batch}: trained as {PARTS} x {half}, gradients accumulated; "
    text += f"batch statistics are of {half} samples"
    if across:
        text += ", and so is what the objective relates within a batch (such as in-batch negatives)"
        text += f": not the objective of batch {batch}"
    return (text,)


class HalvedLoop(EpochBasedTrainLoop):
    """mmengine's loop with every batch in two parts, accumulated by its optimiser wrapper."""

    def run(self) -> torch.nn.Module:
        """Train; the wrapper counts parts, the loop steps."""
        self.runner.optim_wrapper.initialize_count_status(
            self.runner.model, 0, PARTS * self.max_iters
        )
        return super().run()

    def run_iter(self, idx: int, data_batch: Any) -> None:  # noqa: ANN401 - as collated
        """One step: hooks hear of one batch and of the mean of its parts' logs."""
        runner = self.runner
        runner.call_hook("before_train_iter", batch_idx=idx, data_batch=data_batch)
        logs = [
            runner.model.train_step(part, optim_wrapper=runner.optim_wrapper)
            for part in split(data_batch)
        ]
        outputs = {name: sum(log[name] for log in logs) / PARTS for name in logs[0]}
        runner.call_hook("after_train_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs)
        self._iter += 1


def split(batch: Any) -> list[Any]:  # noqa: ANN401 - as collated
    """A collated batch in two: tensors and lists (B, ...) are cut, in mappings and tuples too."""
    if isinstance(batch, dict):
        parts = {name: split(value) for name, value in batch.items()}
        return [{name: cut[part] for name, cut in parts.items()} for part in range(PARTS)]
    if isinstance(batch, tuple):  # a NamedTuple
        cuts = [split(value) for value in batch]
        return [type(batch)(*(cut[part] for cut in cuts)) for part in range(PARTS)]
    assert isinstance(batch, Tensor | list)
    half = -(-len(batch) // PARTS)
    return [batch[:half], batch[half:]]
