"""One linear layer on pooled features."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from registries.task import Head


class LinearHead(Head):
    """Dropout and a linear layer on clip features: (B, C) -> (B, classes); cross-entropy."""

    pool = "clip"

    def __init__(self, channels: int, classes: int, *, dropout: float = 0.5) -> None:  # 0.5: AVID
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, classes)

    def loss(self, features: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of (B, C) features against class indices (B,)."""
        return {"loss_task": F.cross_entropy(self._logits(features), targets)}

    def predict(self, features: Tensor) -> Tensor:
        """Class probabilities (B, classes)."""
        return self._logits(features).softmax(dim=1)

    def _logits(self, features: Tensor) -> Tensor:
        return self.output(self.dropout(features)).float()
