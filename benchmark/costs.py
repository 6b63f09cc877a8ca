"""What a run took: seconds, clips a second, memory at its peak."""

from __future__ import annotations

import torch

from benchmark.peak_memory import peak_memory_gb
from benchmark.results.schema import Cost
from registries.distributed import world_size


def cost(seconds: float, *, train_s: float, data_wait: float, clips: int) -> Cost:
    """What a run took on this device.

    seconds: of wall time, all phases. train_s: of them between the first step and the last, without
    validation; clips went through in it. data_wait: share of `train_s`, 0 to 1.
    """
    gpu = torch.cuda.is_available()
    return Cost(
        wall_s=seconds,
        phases={"train": train_s} if train_s else {},
        gpu_hours=seconds / 3600 * world_size() if gpu else None,
        peak_mem_gb=peak_memory_gb(),
        clips_per_s=clips / train_s if train_s else None,
        data_wait_share=data_wait,
    )
