"""Turning clips by quarter turns: exact, on square crops, so that no border tells the answer."""

from __future__ import annotations

import torch
from torch import Tensor

TURNS = 4  # 0, 90, 180, 270 degrees


def rotate(clip: Tensor, turns: Tensor) -> Tensor:
    """Turn each clip by turns * 90 degrees counter-clockwise, all its frames alike.

    Jing et al. 2018 (3DRotNet). Pixels are moved, never resampled: an interpolated border
    would be a watermark of the label. clip (B, ..., S, S), turns (B,) in 0..3 -> the same shape.
    Raises ValueError where frames are not square.
    """
    height, width = clip.shape[-2:]
    if height != width:
        raise ValueError(
            f"frames of {width} x {height} pixels change shape when turned, which gives the answer "
            "away; crop the clips to squares"
        )
    chosen = turns.view(-1, *[1] * (clip.dim() - 1))
    # two exact steps, so that no turn has to be known on the host: half turns, then a quarter
    clip = torch.where(chosen >= 2, clip.flip(-2, -1), clip)
    return torch.where(chosen % 2 == 1, torch.rot90(clip, 1, (-2, -1)), clip)


def all_turns(batch: int, device: torch.device) -> Tensor:
    """Labels of a batch in which each clip stands four times in a row: 0 1 2 3 0 1 2 3 ..."""
    return torch.arange(TURNS, device=device).repeat(batch)
