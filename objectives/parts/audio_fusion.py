"""Sound added to a visual map: the lateral connection of AVSlowFast's audio pathway."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64  # AVSlowFast's code: intermediate channels
TAPS = 5  # AVSlowFast's code: temporal kernel


class AudioFusion(nn.Module):
    """Two temporal convolutions bring a map of sound to the channels and steps of a visual one.

    Xiao et al. 2020 (their code). heard, seen: channels of both. Differs from the paper: between
    the convolutions sound is averaged to the visual steps, where theirs has a fixed stride; whether
    theirs are normalised is not known, these are not.
    """

    def __init__(self, heard: int, seen: int, *, width: int = WIDTH) -> None:
        super().__init__()
        self.enter = nn.Conv1d(heard, width, TAPS, padding=TAPS // 2)
        self.leave = nn.Conv1d(width, seen, TAPS, padding=TAPS // 2)

    def forward(self, sound: Tensor, like: Tensor) -> Tensor:
        """Sound (B, C, s), like (B, C', t, h, w) -> (B, C', t, 1, 1), to be added to `like`."""
        steps = F.adaptive_avg_pool1d(F.relu(self.enter(sound)), like.shape[2])
        return self.leave(steps)[..., None, None].to(like.dtype)
