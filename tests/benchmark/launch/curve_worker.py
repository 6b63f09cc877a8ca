"""Pretrains as one of torchrun's processes, or alone; the first writes the losses of every step.

python curve_worker.py OBJECTIVE,... FOLDER [key=value ...]              -> FOLDER/curves.json
torchrun --nproc_per_node 2 curve_worker.py OBJECTIVE,... FOLDER [key=value ...]
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


def main(objectives: tuple[str, ...], folder: Path, overrides: tuple[str, ...]) -> None:
    torch.set_num_threads(1)
    request = RunRequest(objectives=objectives, tasks=("ucf101",), overrides=overrides, out=folder)
    plan = planned(request)
    curves: dict[str, list[dict[str, float]]] = {name: [] for name in objectives}
    alone = "RANK" not in os.environ
    with nullcontext() if alone else distributed.joined():
        first = rank() == 0
        # no order is heard here: every process begins of its own accord
        distributed.announce = lambda order: None
        for encoder in plan.encoders:
            train_encoder(encoder, plan, root=folder, report=Heard(curves[encoder.objective]))
    if first:
        (folder / "curves.json").write_text(json.dumps(curves), encoding="utf-8")


class Heard:
    """Keeps what a training logs at every step."""

    def __init__(self, curve: list[dict[str, float]]) -> None:
        self.curve = curve

    def __call__(self, event: dict) -> None:
        if "step" in event:
            self.curve.append({name: float(value) for name, value in event["logs"].items()})


if __name__ == "__main__":
    main(tuple(sys.argv[1].split(",")), Path(sys.argv[2]), tuple(sys.argv[3:]))
