"""Batch norm over virtual sub-batches, so that a sample's statistics do not tell its whole batch.

With ordinary batch norm a query and its key are normalised by the same clips, and the network can
tell the positive by that signature alone (He et al. 2020, sec. 3.3: shuffling BN). Their remedy
sends keys to other devices. On one device shuffling alone changes nothing, since the statistics of
a set do not depend on its order; what helps is splitting the batch, differently for queries and
keys:

    queries   | 0 1 2 3 | 4 5 6 7 | 8 9 10 11 | 12 13 14 15 |     sub-batches of neighbours
    keys      | 0 4 8 12 | 1 5 9 13 | 2 6 10 14 | 3 7 11 15 |     sub-batches of every 4th

Query i and key i then share no clip but i itself, as long as a sub-batch holds no more clips than
there are sub-batches.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from registries.norms import AdoptedBatchNorm, swap_norms

LEAST = 2  # clips in a sub-batch: one clip's norm would erase its mean; chosen


def sub_batches(batch: int, splits: int) -> int:
    """How many sub-batches a batch of this size is cut into: `splits`, fewer where it is small."""
    return max(1, min(splits, batch // LEAST))


def spread_order(batch: int, splits: int, *, device: torch.device | str = "cpu") -> Tensor:
    """Order (B,) in which neighbours fall into different sub-batches: 0, S, 2S, ..., 1, S + 1, ...

    Put clips in this order, and the result back with its argsort.
    """
    place = torch.arange(batch, device=device)
    return torch.argsort(place % sub_batches(batch, splits), stable=True)


class SplitBatchNorm(AdoptedBatchNorm):
    """Batch norm that normalises each of `splits` consecutive parts of a batch by itself.

    Running statistics are the mean over parts; in evaluation nothing differs. (B, C, ...) -> (B, C,
    ...), any B: the parts differ by one clip at most.
    """

    def __init__(self, norm: _BatchNorm, splits: int) -> None:
        super().__init__(norm)
        self.splits = splits

    def forward(self, x: Tensor) -> Tensor:
        """Normalised clips."""
        mean, var, rest = self.running_mean, self.running_var, (self.weight, self.bias)
        if not self.training:
            return F.batch_norm(x, mean, var, *rest, False, self.momentum, self.eps)
        parts = x.tensor_split(sub_batches(len(x), self.splits))
        means, variances = mean.repeat(len(parts), 1), var.repeat(len(parts), 1)
        done = [
            F.batch_norm(part, *tracked, *rest, True, self.momentum, self.eps)  # updates `tracked`
            for part, *tracked in zip(parts, means, variances, strict=True)
        ]
        with torch.no_grad():
            mean.copy_(means.mean(dim=0))
            var.copy_(variances.mean(dim=0))
            self.num_batches_tracked.add_(1)
        return torch.cat(done)


def split_norms(net: nn.Module, splits: int) -> int:
    """Replace every batch norm inside `net` in place; returns how many there were.

    Synchronised batch norm is left alone: its statistics cover all devices.
    """
    return swap_norms(net, lambda norm: SplitBatchNorm(norm, splits))
