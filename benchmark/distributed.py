"""Several processes train one model, each with its share of every batch; the first one leads.

    process 0   execute -> cells -> announce(Order) -> train -> records, checkpoints, encoders
    process r                       heard() ---------> train -> (nothing is written)

Only the training of encoders and their finetuning are shared out. All else is the first process's,
which alone takes locks, looks up records and writes. What a process sees of a batch:

    batch of 8   0 1 2 3 4 5 6 7   ->   process 0: 0 1 2 3   process 1: 4 5 6 7
    test set     0 1 2 3 4         ->   process 0: 0 2 4     process 1: 1 3
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, zip_longest
from typing import Any, Literal

import torch
import torch.distributed as dist
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import BatchSampler, Sampler

from benchmark.plan_request import RunRequest
from registries.distributed import world_size
from registries.errors import UsageError
from registries.synced_norm import sync_norms

PATIENCE = timedelta(days=7)  # the others wait while the first process does what is its alone
# an objective need not use every parameter at every step; buffers are equal as they see all rows
WRAPPER = {
    "type": "MMDistributedDataParallel",
    "device_ids": None,
    "broadcast_buffers": False,
    "find_unused_parameters": True,
}


@dataclass(frozen=True)
class Order:
    """A training that all processes take part in. key: of the encoder, or of the cell."""

    kind: Literal["pretrain", "evaluate"]
    key: str
    request: RunRequest


@dataclass
class _World:
    broken: bool = False  # a training has failed: the others are at another point than this one


_world = _World()


@contextmanager
def joined() -> Iterator[int]:
    """Meet the other processes that torchrun has started; yields this one's rank.

    Raises UsageError where the machine has fewer GPUs than processes.
    """
    backend = "gloo"
    if torch.cuda.is_available():
        local, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= found:
            raise UsageError(
                f"process {local} of this machine has no GPU of its own: {found} found. Give "
                f"-L nproc_per_node={found}, or CUDA_VISIBLE_DEVICES= to train on the CPU."
            )
        torch.cuda.set_device(local)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=PATIENCE)
    _world.broken = False
    try:
        yield dist.get_rank()
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Of this process, 0 for the first and where there is no other."""
    return dist.get_rank() if world_size() > 1 else 0


@contextmanager
def together(order: Order) -> Iterator[None]:
    """Of the first process: have the others begin the same training. Of the others: nothing."""
    if rank() == 0:
        announce(order)
    try:
        yield
    except Exception:
        _world.broken = world_size() > 1
        raise


def out_of_step() -> bool:
    """Whether a training has failed that several processes took part in.

    They cannot train together again: what is left is for the next call.
    """
    return _world.broken


def announce(order: Order | None) -> None:
    """Of the first process: what all do next, None for the end."""
    if world_size() > 1:
        dist.broadcast_object_list([order])


def heard() -> Order | None:
    """Of the others: wait for the next order."""
    orders: list[Order | None] = [None]
    dist.broadcast_object_list(orders)
    return orders[0]


def collect(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that each process made of every W-th sample, in the order of the samples; to all."""
    if world_size() == 1:
        return rows
    here = [
        {key: value.cpu() if isinstance(value, Tensor) else value for key, value in row.items()}
        for row in rows
    ]
    parts: list[list[dict[str, Any]]] = [[] for _ in range(world_size())]
    dist.all_gather_object(parts, here)
    return [row for row in chain.from_iterable(zip_longest(*parts)) if row is not None]


def share_of(batch: int) -> int:
    """This process's part of a batch. Raises UsageError where the parts would not be equal."""
    share, rest = divmod(batch, world_size())
    if rest or not share:
        raise UsageError(
            f"a batch of {batch} cannot be cut into {world_size()} equal parts. The batch of a "
            "recipe is that of all processes together: give a number of processes that divides "
            "it, or -o pretrain.batch_size=... (finetune.batch_size=...)."
        )
    return share


def every(length: int) -> range:
    """Which of `length` samples this process evaluates: each sample is one process's."""
    return range(rank(), length, world_size())


class ShareSampler(Sampler[int]):
    """This process's rows of every batch of another sampler, whose last partial batch is dropped.

    batch: of all processes together.
    """

    def __init__(self, whole: Sampler[int], *, batch: int) -> None:
        self.whole, self.batch, self.share = whole, batch, share_of(batch)

    def set_epoch(self, epoch: int, *, skip: int = 0) -> None:
        """Before a pass. skip: samples of it that this process has seen."""
        self.whole.set_epoch(epoch, skip=skip * world_size())  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self.whole) // self.batch * self.share  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        begin = rank() * self.share
        batches: Iterable[list[int]] = BatchSampler(self.whole, self.batch, drop_last=True)
        return chain.from_iterable(rows[begin : begin + self.share] for rows in batches)


def prepare(model: nn.Module) -> dict[str, Any]:
    """Make batch norms see all processes; what mmengine's Runner has to be told besides."""
    if world_size() == 1:
        return {}
    sync_norms(model)
    return {"launcher": "pytorch", "cfg": {"model_wrapper_cfg": dict(WRAPPER)}}


class MeanLogs(Hook):
    """Losses and diagnostics of a step are means over the processes, for all hooks after this."""

    priority = "VERY_HIGH"

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """One exchange a step; alone, none."""
        if world_size() == 1 or not outputs:
            return
        names = sorted(name for name, value in outputs.items() if isinstance(value, Tensor))
        means = torch.stack([outputs[name].detach().float().mean() for name in names])
        dist.all_reduce(means)
        outputs.update(zip(names, (means / world_size()).unbind(), strict=True))
