"""Pretrains as one of torchrun's processes, or alone; the first writes the loss of every step.

python curve_worker.py OBJECTIVE FOLDER [key=value ...]                  -> FOLDER/curve.json
torchrun --nproc_per_node 2 curve_worker.py OBJECTIVE FOLDER [key=value ...]
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path

import torch

from benchmark import distributed
from benchmark.cells import train_encoder
from benchmark.distributed import rank
from benchmark.plan_request import RunRequest
from benchmark.planning import planned


def main(objective: str, folder: Path, overrides: tuple[str, ...]) -> None:
    torch.set_num_threads(1)
    request = RunRequest(
        objectives=(objective,), tasks=("ucf101",), overrides=overrides, out=folder
    )
    plan = planned(request)
    curve: list[dict[str, float]] = []

    def hear(event: dict) -> None:
        if "step" in event:
            curve.append({name: float(value.detach()) for name, value in event["logs"].items()})

    alone = "RANK" not in os.environ
    with nullcontext() if alone else distributed.joined():
        first = rank() == 0
        # no order is heard here: every process begins of its own accord
        distributed.announce = lambda order: None
        train_encoder(plan.cells[0].encoder, plan, root=folder, report=hear)
    if first:
        (folder / "curve.json").write_text(json.dumps(curve), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), tuple(sys.argv[3:]))
