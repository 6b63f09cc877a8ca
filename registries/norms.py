"""Batch norms of another kind put in the place of those of a network."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class AdoptedBatchNorm(_BatchNorm):
    """A batch norm that takes over weights, statistics and their names: a checkpoint fits either.

    (B, C, ...) -> (B, C, ...). Raises ValueError for one without running statistics or momentum.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, norm: _BatchNorm) -> None:
        if norm.momentum is None or not norm.track_running_stats:
            raise ValueError(
                f"cannot take the place of {norm}: it needs running statistics and a momentum. "
                "Give it both, or leave it as it is."
            )
        super().__init__(
            norm.num_features, eps=norm.eps, momentum=norm.momentum, affine=norm.affine
        )
        self.weight, self.bias = norm.weight, norm.bias
        self._buffers.update(norm._buffers)
        self.train(norm.training)


def swap_norms(net: nn.Module, make: Callable[[_BatchNorm], nn.Module]) -> int:
    """Replace every batch norm inside `net` in place; returns how many there were.

    Left alone: torch's synchronised ones, and those that took another one's place before.
    """
    count = 0
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            special = isinstance(child, nn.SyncBatchNorm | AdoptedBatchNorm)
            if isinstance(child, _BatchNorm) and not special:
                setattr(parent, name, make(child))
                count += 1
    return count
