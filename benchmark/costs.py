"""What a run took: seconds, clips a second, memory at its peak."""

from __future__ import annotations

from datetime import timedelta

import torch

from benchmark.evaluation import Evaluation
from benchmark.peak_memory import peak_memory_gb
from benchmark.pretrain import PretrainResult
from benchmark.results.schema import Cost
from registries.distributed import world_size


def cost(spent: timedelta, trained: PretrainResult | Evaluation, batch_size: int) -> Cost:
    """What a run took on this device.

    spent: wall time of all phases, since a training was resumed at most; the training itself is
    counted from its first step, so that the wall time is at least that. Clips a second are those of
    the training steps and of waiting for their data, without validation; None where nothing was
    trained.
    """
    gpu, train_s = torch.cuda.is_available(), trained.train_s
    seconds = max(spent.total_seconds(), train_s)
    return Cost(
        wall_s=seconds,
        phases={"train": train_s} if train_s else {},
        gpu_hours=seconds / 3600 * world_size() if gpu else None,
        peak_mem_gb=peak_memory_gb(),
        clips_per_s=trained.steps * batch_size / train_s if train_s else None,
        data_wait_share=trained.data_wait,
    )
