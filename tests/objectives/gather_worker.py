"""One of two processes of test_glcm: half a batch, negatives gathered. Arguments: rank, folder."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from toys import toy_batch

from registries.registry import OBJECTIVES


def main(rank: int, folder: Path) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2
    )
    torch.manual_seed(0)
    model = OBJECTIVES.build(
        {
            "type": "glcm",
            "video": {"type": "toy_video"},
            "audio": {"type": "toy_audio"},
            "gather": True,
        }
    )
    mine = {key: value[2 * rank : 2 * rank + 2] for key, value in toy_batch().items()}
    losses = model.loss(mine, {})
    (losses["loss_global"] + losses["loss_local"]).backward()
    found = {key: losses[key].detach() for key in ("loss_global", "loss_local")}
    found["grads"] = {name: p.grad for name, p in model.named_parameters()}
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
