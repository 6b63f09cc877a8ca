"""A bidirectional GRU over the steps of a clip, for tasks whose label is an order in time."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from registries.task import Head


class RecurrentHead(Head):
    """BiGRU over step features, mean over steps, linear: (B, T, C) -> (B, classes).

    tasks.md 5.1: two layers of 512 units are the harness default for lip reading.
    """

    pool = "step"

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        hidden: int = 512,
        layers: int = 2,
        dropout: float = 0.2,  # chosen
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.recurrent = nn.GRU(
            channels,
            hidden,
            num_layers=layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * hidden, classes)

    def loss(self, features: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of (B, T, C) features against class indices (B,)."""
        return {"loss_task": F.cross_entropy(self._logits(features), targets)}

    def predict(self, features: Tensor) -> Tensor:
        """Class probabilities (B, classes)."""
        return self._logits(features).softmax(dim=1)

    def _logits(self, features: Tensor) -> Tensor:
        steps, _ = self.recurrent(self.norm(features))  # (B, T, 2 hidden)
        return self.output(self.dropout(steps.mean(dim=1))).float()
