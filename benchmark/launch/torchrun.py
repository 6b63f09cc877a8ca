"""One model in several processes: `--launcher torchrun`, or `torchrun -m benchmark.cli.main run`.

torchrun starts the same command in every process. The first one leads and is the only one that
writes; the others take part in the trainings that it announces (see benchmark.distributed).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from benchmark import distributed, stopping
from benchmark.cells import encoder_path, evaluate_cell, train_encoder
from benchmark.distributed import Order
from benchmark.plan import Plan
from benchmark.planning import planned


def start(arguments: Sequence[str], options: Mapping[str, str]) -> NoReturn:
    """Become torchrun, which runs `bench` with `arguments` in every process; does not return."""
    chosen = {"nproc_per_node": "gpu" if _gpus() else "1", **options}
    meeting = () if set(options) - {"nproc_per_node"} else ("--standalone",)
    flags = [f"--{name}={value}" for name, value in chosen.items()]
    command = ["-m", "torch.distributed.run", *meeting, *flags, "-m", "benchmark.cli.main"]
    os.execv(sys.executable, [sys.executable, *command, *arguments])


def take_part(lead: Callable[[], int]) -> int:
    """Of every process: the first one leads, the others follow; the exit code."""
    with distributed.joined() as rank:
        if rank > 0:
            return _follow()
        code = lead()
        if not distributed.out_of_step():
            distributed.announce(None)
        return code


def _follow() -> int:
    plans: list[Plan] = []
    while (order := distributed.heard()) is not None:
        try:
            with stopping.heeded():
                _obey(order, plans)
        except Exception:
            traceback.print_exc()
            break
    return 0  # also after a failure: torchrun would end the first process, which has to record it


def _obey(order: Order, plans: list[Plan]) -> None:
    """Train what is asked for; plans: the one that was made last, kept for the next order."""
    if not plans or plans[0].request != order.request:
        plans[:] = [planned(order.request)]
    plan, root = plans[0], order.request.out
    if order.kind == "pretrain":
        encoder = next(cell.encoder for cell in plan.cells if cell.encoder.key == order.key)
        train_encoder(encoder, plan, root=root, report=_unheard)
        return
    cell = next(cell for cell in plan.cells if cell.key == order.key)
    path = encoder_path(cell.encoder, plan, root)
    evaluate_cell(cell, path, plan=plan, root=root, report=_unheard)


def _unheard(event: dict[str, Any]) -> None:
    """The first process reports."""


def _gpus() -> bool:
    import torch

    return torch.cuda.is_available()
