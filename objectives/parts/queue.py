"""A first-in-first-out memory of keys from earlier batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from registries.distributed import gather

NOBODY = -1  # source of a slot that no sample has filled yet


class KeyQueue(nn.Module):
    """K unit vectors; new ones overwrite the oldest. He et al. 2020, sec. 3.1 and alg. 1.

    entries (K, D) start as random directions. sources (K,) say which sample each key came from, so
    that an objective can leave out a sample's own keys; NOBODY where still random. Keys of all
    processes are enqueued in rank order, so every process holds the same queue. Differs from the
    paper's code: any batch size is right; K need not be a multiple of it.
    """

    entries: Tensor
    sources: Tensor
    cursor: Tensor

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("entries", F.normalize(torch.randn(length, dim), dim=1))
        self.register_buffer("sources", torch.full((length,), NOBODY, dtype=torch.int64))
        self.register_buffer("cursor", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys: Tensor, sources: Tensor | None = None) -> None:
        """Put keys (B, D) of samples `sources` (B,) in the oldest slots; call it after the loss."""
        keys = gather(keys.detach().float())
        if sources is None:
            sources = torch.full((len(keys),), NOBODY, device=keys.device)
        else:
            sources = gather(sources)
        keys, sources = keys[-self.length :], sources[-self.length :]
        slot = (self.cursor + torch.arange(len(keys), device=keys.device)) % self.length
        self.entries[slot] = keys
        self.sources[slot] = sources.to(self.sources.dtype)
        self.cursor.copy_((self.cursor + len(keys)) % self.length)
