"""A batch that does not fit the memory is trained in two halves, once, and the record says so.

The step stays one step (parted.py); a recipe that has its batch in parts already has twice as many.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from registries.distributed import world_size

HALVED = "halved"  # a file beside the checkpoint, so that a run that goes on knows at once
HALVES = 2

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


def parts(work_dir: Path, accumulate: int) -> int:
    """In how many parts a batch is trained in this folder. accumulate: the recipe's."""
    return accumulate * (HALVES if is_halved(work_dir) else 1)


def note(work_dir: Path, batch: int, *, accumulate: int, across: bool) -> tuple[str, ...]:
    """What a record says of it: a warning, or nothing. across: the loss relates samples of a batch.

    batch: the effective one, which stays. accumulate: the parts that the recipe asks for.
    """
    count = parts(work_dir, accumulate)
    if count == 1:
        return ()
    size = -(-batch // count)
    text = f"out of memory at batch {batch // accumulate}: " if is_halved(work_dir) else ""
    text += f"trained as {count} x {size}, gradients accumulated; "
    text += f"batch statistics are of {size} samples"
    if across:
        text += ", and so is what the objective relates within a batch (such as in-batch negatives)"
        text += f": not the objective of batch {batch}"
    return (text,)
