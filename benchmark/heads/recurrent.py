"""A bidirectional GRU over the steps of a clip, for tasks whose label is an order in time."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from registries.task import Head

GRID = 3  # chosen: cells a side that a step's map is averaged to


class RecurrentHead(Head):
    """Per step: the map flattened and projected; then a BiGRU, the mean over steps, a linear layer.

    (B, T, C, H, W) -> (B, classes). Two layers of 512 units: chosen, for lip reading. The map is
    averaged to 3 x 3 cells and not further: a crop of the lips is aligned, so where in it something
    happens is signal; with the plain mean, mini-LRW was learnt far more slowly. grid: cells a side.
    """

    pool = "step_grid"

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        width: int = 256,  # chosen
        hidden: int = 512,
        layers: int = 2,
        dropout: float = 0.2,  # chosen
        grid: int = GRID,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.project = nn.Linear(channels * grid * grid, width)
        self.norm = nn.BatchNorm1d(width)
        self.recurrent = nn.GRU(
            width,
            hidden,
            num_layers=layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * hidden, classes)

    def loss(self, features: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of (B, T, C, H, W) features against class indices (B,)."""
        return {"loss_task": F.cross_entropy(self._logits(features), targets)}

    def predict(self, features: Tensor) -> Tensor:
        """Class probabilities (B, classes)."""
        return self._logits(features).softmax(dim=1)

    def _logits(self, features: Tensor) -> Tensor:
        cells = F.adaptive_avg_pool2d(features.flatten(0, 1), self.grid)  # (B*T, C, 3, 3)
        steps = self.norm(self.project(cells.flatten(1)))
        steps, _ = self.recurrent(steps.view(*features.shape[:2], -1))  # (B, T, 2 hidden)
        return self.output(self.dropout(steps.mean(dim=1))).float()
