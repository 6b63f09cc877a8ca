"""Batch norm over the rows of all processes, on CPU too, where torch's own refuses.

process 0   | 0 1 2 3 |  mean, variance --.
process 1   | 4 5 6 7 |  mean, variance --'--> of all eight, with gradients to every process
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from registries.distributed import gather, world_size
from registries.norms import AdoptedBatchNorm, swap_norms


class SyncedBatchNorm(AdoptedBatchNorm):
    """Equal to batch norm on the rows of all processes at once; each must bring the same number.

    One process, and evaluation, are plain batch norm.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalised rows, (B, C, ...) -> (B, C, ...)."""
        mean, var, rest = self.running_mean, self.running_var, (self.weight, self.bias)
        if self.training:
            self.num_batches_tracked.add_(1)
        if not self.training or world_size() == 1:
            return F.batch_norm(x, mean, var, *rest, self.training, self.momentum, self.eps)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # or wider
        flat = wide.flatten(2) if x.dim() > 2 else wide[..., None]  # (B, C, P)
        var_here, mean_here = torch.var_mean(flat, dim=(0, 2), correction=0)
        means, vars_ = gather(torch.stack([mean_here, var_here])[None]).unbind(1)  # (W, C) each
        whole = means.mean(dim=0)
        spread = (vars_ + (means - whole).square()).mean(dim=0)
        self._remember(whole, spread, rows=flat.shape[0] * flat.shape[2] * world_size())
        scale = torch.rsqrt(spread + self.eps) * (1.0 if rest[0] is None else rest[0])
        offset = (0.0 if rest[1] is None else rest[1]) - whole * scale
        return (flat * scale[:, None] + offset[:, None]).view_as(x).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, var: Tensor, *, rows: int) -> None:
        """Running statistics, as batch norm keeps them: of the unbiased variance."""
        unbiased = var * rows / max(rows - 1, 1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def sync_norms(net: nn.Module) -> int:
    """Give every batch norm inside `net` the statistics of all processes; returns how many."""
    return swap_norms(net, SyncedBatchNorm)
