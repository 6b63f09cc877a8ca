"""The momentum twin: a copy of a network that follows it slowly and is never trained itself."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn


class MomentumTwin(nn.Module):
    """theta_k <- m theta_k + (1 - m) theta_q over parameters. He et al. 2020, eq. 2.

    Buffers are not averaged: the twin's batch-norm statistics come from its own forward passes, as
    in the authors' code. Its parameters need no gradient and are part of the checkpoint.
    """

    def __init__(self, source: nn.Module) -> None:
        super().__init__()
        self.net = copy.deepcopy(source).requires_grad_(False)

    @torch.no_grad()
    def update(self, source: nn.Module, momentum: float) -> None:
        """One step towards `source`. momentum: m in [0, 1]; 1 stands still, 0 copies."""
        mine, theirs = list(self.net.parameters()), list(source.parameters())
        torch._foreach_mul_(mine, momentum)
        torch._foreach_add_(mine, [p.detach() for p in theirs], alpha=1 - momentum)

    @torch.no_grad()
    def forward(self, *inputs: Any) -> Any:  # noqa: ANN401 - whatever the source takes and gives
        """The twin's output, without gradient."""
        return self.net(*inputs)


def annealed(momentum: float, progress: float) -> float:
    """Momentum raised to 1 along a cosine: 1 - (1 - m) (1 + cos(pi progress)) / 2.

    Grill et al. 2020, sec. 3.2; Feichtenhofer et al. 2021. progress: fraction of training done.
    """
    return 1 - (1 - momentum) * (1 + math.cos(math.pi * progress)) / 2
