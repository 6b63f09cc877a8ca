"""Contrast with a queue whose entries serve as positives or as negatives, as each sample needs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from objectives.parts.draws import Draws
from objectives.parts.info_nce import ranked_first
from objectives.parts.ordering import choose, supplemented_nce
from objectives.parts.queue import NOBODY, KeyQueue


class SupplementedContrast(nn.Module):
    """The queue of one relation, and the choice among its entries (`choose`, `supplemented_nce`).

    length, dim: of the queue. extra, drop, negatives, hardness: see `choose`.
    """

    def __init__(
        self,
        length: int,
        dim: int,
        *,
        temperature: float,
        extra: int,
        drop: float,
        negatives: int,
        hardness: float,
    ) -> None:
        super().__init__()
        self.queue, self.draws = KeyQueue(length, dim), Draws()
        self.temperature = temperature
        self.choice = {"extra": extra, "drop": drop, "count": negatives, "hardness": hardness}

    def forward(
        self, query: Tensor, key: Tensor, index: Tensor, *, weight: float
    ) -> dict[str, Tensor]:
        """Loss, accuracy and chance of `n` clips of each sample.

        query, key (n * B, D): the first clips of all samples, then their second ones. index (B,).
        weight: of the extra positives.
        """
        entries = self.queue.entries.clone()  # overwritten before the backward pass needs them
        clips = len(query) // len(index)
        sample, clip = index.repeat(clips)[:, None], torch.arange(clips, device=index.device)
        slots = torch.arange(self.queue.length, device=index.device)
        with torch.autocast(device_type=query.device.type, enabled=False):
            chosen = choose(
                query.detach() @ entries.t(),
                own=sample == self.queue.sources,
                empty=self.queue.sources == NOBODY,
                noise=self.draws.uniform(
                    sample, clip.repeat_interleave(len(index))[:, None], slots
                ),
                **self.choice,
            )
        loss, positive, negative = supplemented_nce(
            query, key, entries, chosen, weight=weight, temperature=self.temperature
        )
        self.draws.advance()
        return {
            "loss": loss,
            "accuracy": ranked_first(positive, negative),
            "chance": loss.new_tensor(1.0 / (1 + negative.shape[1])),
        }

    def enqueue(self, keys: Tensor, index: Tensor) -> None:
        """Remember keys (n * B, D): the first clips of all processes before their second ones."""
        for rows in keys.split(len(index)):
            self.queue.enqueue(rows, index)
