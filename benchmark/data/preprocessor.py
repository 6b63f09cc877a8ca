"""From decoded clips to what the encoders see, once a batch, on the training device.

    video   uint8 (B, N, T, H, W, 3) -> float (B[, N], 3, T, S, S)    crop, flip, colour, normalise
    audio   float (B, N, samples)    -> float (B[, N], 80, T)         log-mel

The axis N is dropped where a view has one clip. Every random number is drawn for a sample and an
`augment` letter: all frames and clips of a view, and all views of the same letter, share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from benchmark.data.augment import Augment, Draw
from benchmark.data.logmel import SAMPLE_RATE, LogMel
from registries.sampling import ClipTimes, View

MEAN = (0.43216, 0.394666, 0.37645)  # Kinetics-400 training videos, torchvision's video references
STD = (0.22803, 0.22145, 0.216989)


class ClipPreprocessor(BaseDataPreprocessor):
    """Crop, augment and normalise video; compute log-mel of sound.

    views: as the dataset's sampling names them. size: side S of the output. augment: how training
    clips are changed, None for the centre only; testing always takes the centre. seed: the
    runner's; the draws depend on it and the number of training batches so far (part of the
    checkpoint), so that a resumed run equals an uninterrupted one. Processes that train together
    draw for the whole batch, and each takes the numbers of its own rows.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        views: Mapping[str, View],
        *,
        size: int,
        augment: Augment | Mapping[str, Any] | None = None,
        seed: int = 0,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        super().__init__(non_blocking=True)  # from pinned memory: the host goes on
        self.views, self.size, self.seed = dict(views), size, seed
        self.augment = Augment.make(augment)
        self.logmel = LogMel(sample_rate=sample_rate)
        self.step = 0  # no buffer: reading one waits for the device
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1, 1), persistent=False)

    def get_extra_state(self) -> Tensor:
        """What the checkpoint holds besides buffers: the number of training batches so far."""
        return torch.tensor(self.step)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from there."""
        self.step = int(state)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Process one collated batch; `data_samples` only move to the device (strings stay)."""
        data = self.cast_data(data)
        batch = {name: _stacked(value) for name, value in data["inputs"].items()}
        with torch.no_grad(), torch.autocast(self.mean.device.type, enabled=False):
            draws = self._draws(batch) if training and self.augment is not None else {}
            inputs = {}
            for name, value in batch.items():
                view = self.views[name]
                if view.modality == "audio":
                    out = self.logmel(value, steps=view.clip_len)
                else:
                    out = self._video(value, draws.get(view.augment))
                inputs[name] = out[:, 0] if view.num_clips == 1 and out.shape[1] == 1 else out
        return {**data, "inputs": inputs, "data_samples": _tensors(data["data_samples"])}

    def _draws(self, batch: Mapping[str, Tensor]) -> dict[str, Draw]:
        """One draw for each `augment` letter of the video views."""
        names = [name for name in batch if self.views[name].modality == "video"]
        seeds = np.random.SeedSequence([self.seed, 0, self.step]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seeds[0] >> np.uint64(1)))
        self.step += 1
        rank, world = get_dist_info()
        draws = {}
        for letter in sorted({self.views[name].augment for name in names}):
            count = next(len(batch[name]) for name in names if self.views[name].augment == letter)
            whole = Draw.make(count * world, generator)
            draws[letter] = Draw(*(column.chunk(world)[rank] for column in whole))
        return draws

    def _video(self, frames: Tensor, draw: Draw | None) -> Tensor:
        """(B, N, T, H, W, 3) uint8 -> (B, N, 3, T, S, S)."""
        planes = frames.permute(0, 1, 5, 2, 3, 4)  # (B, N, 3, T, H, W)
        if draw is None or self.augment is None:
            pixels = _centre(planes, self.size).float() / 255
        else:
            pixels = self.augment.colour(self.augment.crop(planes, draw, self.size), draw)
        return (pixels - self.mean) / self.std


def _centre(planes: Tensor, size: int) -> Tensor:
    """The middle (size, size) of (..., H, W)."""
    height, width = planes.shape[-2:]
    if min(height, width) < size:
        raise ValueError(
            f"frames of {width} x {height} pixels are smaller than the output's {size}; raise the "
            "dataset's size or lower the preprocessor's"
        )
    top, left = (height - size) // 2, (width - size) // 2
    return planes[..., top : top + size, left : left + size]


def _tensors(samples: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and times as tensors (B, ...), also where collate left them in lists."""
    out = dict(samples)
    for name in ("index", "target"):
        if name in samples:
            out[name] = torch.as_tensor(samples[name])
    times = samples.get("times", {})
    out["times"] = {name: ClipTimes(*map(_stacked, time)) for name, time in times.items()}
    return out


def _stacked(value: Tensor | Sequence[Tensor]) -> Tensor:
    """A batch, whether collate stacked it (default_collate) or not (pseudo_collate)."""
    return value if isinstance(value, Tensor) else torch.stack(list(value))
