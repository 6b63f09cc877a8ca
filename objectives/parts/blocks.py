"""A clip cut into consecutive blocks, of which the last ones are predicted from the first.

blocks  |--0--|--1--|--2--|--3--|--4--|--5--|--6--|--7--|     no gap, no overlap
         [------- observed: N - P -----][- future: P ---]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from registries.encoder import Encoder
from registries.sampling import ClipSampling, View

Statistics = Literal["separate", "joint"]


def block_sampling(*, clip_len: int, seconds: float, blocks: int) -> ClipSampling:
    """One view "video" of `blocks` clips that together span the standard clip.

    A block has clip_len // blocks frames over seconds / blocks; where that does not divide, frames
    lie a little further apart. Raises ValueError where a block would have no frame.
    """
    if not 1 <= blocks <= clip_len:
        raise ValueError(
            f"blocks must be between 1 and the clip's {clip_len} frames, got {blocks}: raise "
            "clip_len or lower blocks"
        )
    view = View(
        modality="video",
        clip_len=clip_len // blocks,
        seconds=seconds / blocks,
        num_clips=blocks,
    )
    return ClipSampling(views={"video": view})


def check_blocks(*, blocks: int, predict: int, statistics: str) -> None:
    """Raise ValueError for options that leave nothing to see or nothing to predict."""
    if not 1 <= predict < blocks:
        raise ValueError(
            f"predict must be between 1 and blocks - 1 = {blocks - 1}, got {predict}: the blocks "
            "before the predicted ones are what is seen"
        )
    if statistics not in get_args(Statistics):
        raise ValueError(f"statistics must be one of {get_args(Statistics)}, got {statistics!r}")


def encode_blocks(encoder: Encoder, video: Tensor, scopes: Sequence[int]) -> Tensor:
    """Feature map of each block, averaged over its steps; pathways side by side in C.

    scopes: numbers of consecutive blocks that pass the encoder together, so that they share batch
    statistics where it has batch norms; their sum is N. video (B, N, 3, T, H, W) -> (B, N, C, h,
    w). Raises ValueError for another N, and where the pathways' grids differ.
    """
    if video.dim() != 6 or video.shape[1] != sum(scopes):
        raise ValueError(
            f"expected {sum(scopes)} blocks, (B, {sum(scopes)}, 3, T, H, W), got "
            f"{tuple(video.shape)}: pass the same `blocks` to sampling() and to the constructor"
        )
    found = []
    for part in video.split(list(scopes), dim=1):
        maps = [one.mean(dim=2) for one in encoder(part.flatten(0, 1))]
        if len({one.shape[2:] for one in maps}) > 1:
            raise ValueError(
                f"pathways with grids {[tuple(one.shape[2:]) for one in maps]} cannot be put side "
                "by side; use a video backbone whose pathways share one grid stride"
            )
        found.append(torch.cat(maps, dim=1).unflatten(0, part.shape[:2]))
    return torch.cat(found, dim=1)
