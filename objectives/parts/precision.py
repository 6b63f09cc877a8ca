"""Losses are computed in float32 or wider, whatever the networks run in."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """At least float32: float64 stays, half precision is raised."""
    return x if x.dtype == torch.float64 else x.float()
