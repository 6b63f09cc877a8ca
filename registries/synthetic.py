"""Clips and encoders without files or weights, for the contract checks and mock runs.

    sample i     base picture and tone of its own
    time t       three levels: a saw-tooth (it has a direction) and two sines, each with its own
                 rate and phase; they drive patches of the picture and bands of the spectrum alike

So what is seen goes with what is heard at the same moment, overlapping views agree, and order,
speed, direction and synchrony can all be learnt. A step of the encoders takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, default_collate

from registries.encoder import Encoder, Inject
from registries.registry import BACKBONES
from registries.sampling import ClipSampling, ClipTimes, View
from registries.stages import walk, widths

SIZE = 32  # pixels a side; chosen: the smallest whose map keeps 4 x 4 cells
BANDS = 80  # mel bands, as the harness's spectrograms have them
SECONDS = 3.2  # length of a video, that of the miniature pretraining set
LEVELS = 3
NOISE = 0.1  # chosen: spread of the gain and offset that views of different letters differ by


class SyntheticClips(Dataset[dict[str, Any]]):
    """`count` samples as the preprocessor leaves them, cut where `sampling` draws.

    One item: {"inputs": {view: (N, 3, T, S, S) or (N, F, T), without N for one clip},
    "data_samples": what the harness's dataset gives}. Equal for equal (seed, epoch, index).
    """

    def __init__(self, sampling: ClipSampling, *, count: int = 8, seed: int = 0) -> None:
        self.sampling, self.count, self.seed, self.epoch = sampling, count, seed, 0
        self.duration = max(SECONDS, sampling.min_duration)

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        """Draw other times."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One sample."""
        later, index = divmod(int(index), self.count)
        epoch = self.epoch + later
        times = self.sampling.draw(self.duration, np.random.default_rng([self.seed, epoch, index]))
        source = _Source(self.seed, index)
        draw = _generator(self.seed, epoch, index)
        letters = sorted({view.augment for view in self.sampling.views.values()})
        noise = {letter: NOISE * torch.randn(2, generator=draw) for letter in letters}
        inputs = {}
        for name, view in self.sampling.views.items():
            clip = source.clip(view, times[name]) * (1 + noise[view.augment][0])
            clip = (clip + noise[view.augment][1]).float()
            inputs[name] = clip if view.num_clips > 1 else clip[0]
        return {
            "inputs": inputs,
            "data_samples": {
                "index": index,
                "id": f"clips/synthetic{index}.mp4@0.0",
                "group": "",
                "target": 0,
                "times": times,
                "valid": dict.fromkeys(self.sampling.views, 1.0),
            },
        }

    def batch(self, indices: Sequence[int]) -> dict[str, Any]:
        """The samples as one batch."""
        collated: dict[str, Any] = default_collate([self[index] for index in indices])
        return collated


class _Source:
    """The endless video of one sample."""

    def __init__(self, seed: int, index: int) -> None:
        shared = _generator(seed)
        own = _generator(seed, index)
        coarse = torch.randn(LEVELS, 3, 4, 4, generator=shared)  # the same for all samples
        self.patches = nn.functional.interpolate(coarse, size=SIZE)
        self.bands = torch.randn(LEVELS, BANDS, generator=shared)
        picture = torch.randn(1, 3, 4, 4, generator=own)
        self.picture = nn.functional.interpolate(picture, size=SIZE)[0]
        self.tone = torch.randn(BANDS, generator=own)
        self.rate = 0.3 + 1.7 * torch.rand(LEVELS, 1, generator=own)  # cycles a second; chosen
        self.phase = torch.rand(LEVELS, 1, generator=own)

    def clip(self, view: View, times: ClipTimes) -> Tensor:
        """The clips of a view, (N, 3, T, S, S) or (N, F, T), at the moments the harness takes."""
        steps = (torch.arange(view.clip_len) + 0.5) * view.seconds / view.clip_len
        rows = []
        for start, speed, backwards in zip(*(part.tolist() for part in times), strict=True):
            levels = self.levels(start + steps * speed)  # (L, T)
            levels = levels.flip(1) if backwards else levels
            if view.modality == "video":
                moving = torch.einsum("lt,lchw->cthw", levels, self.patches)
                rows.append(self.picture[:, None] + moving)
            else:
                rows.append(self.tone[:, None] + self.bands.T @ levels)
        return torch.stack(rows)

    def levels(self, moments: Tensor) -> Tensor:
        """The hidden levels at these seconds, (L, T)."""
        turn = self.rate * moments.float() + self.phase
        wave = torch.sin(2 * math.pi * turn)
        return torch.cat([2 * (turn[:1] % 1) - 1, wave[1:]])


class _Staged(Encoder):
    """A row of named stages; the last one's map is the output."""

    pathways = ("clip",)
    stages: nn.ModuleDict

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """One map."""
        for stage in self.stages.values():
            clip = stage(clip)
        return (clip,)

    def intermediates(
        self, clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        """Maps of the named stages, in the order asked for."""
        return walk(self.stages, clip, stages, inject=inject)


@BACKBONES.register_module(name="synthetic_video")
class SyntheticVideo(_Staged):
    """(B, 3, T, H, W) -> (B, 2 * width, T / temporal_stride, H / grid_stride, W / grid_stride).

    Stages "stem", "layer1" to "layer4", with batch norm. temporal_stride, grid_stride: powers of
    two, grid_stride at least 4; None is 1 and 8.
    """

    modality = "video"

    def __init__(
        self,
        *,
        width: int = 8,
        temporal_stride: int | None = None,
        grid_stride: int | None = None,
    ) -> None:
        super().__init__()
        time, grid = temporal_stride or 1, grid_stride or 8
        self.channels, self.strides = (2 * width,), ((time, grid, grid),)
        late = 2 if grid >= 8 else 1  # the grid stride of layer3
        stem = grid // late
        half = 2 if time > 1 else 1  # the time stride of layer2
        wide = 2 * width
        self.stages = nn.ModuleDict(
            {
                "stem": _block3d(3, width, (1, stem, stem), stride=(1, stem, stem), pad=(0, 0, 0)),
                "layer1": _block3d(width, width, (3, 1, 1), stride=(1, 1, 1), pad=(1, 0, 0)),
                "layer2": _block3d(width, wide, (3, 1, 1), stride=(half, 1, 1), pad=(1, 0, 0)),
                "layer3": _block3d(
                    wide, wide, (1, 3, 3), stride=(time // half, late, late), pad=(0, 1, 1)
                ),
                "layer4": _block3d(wide, wide, (1, 1, 1), stride=(1, 1, 1), pad=(0, 0, 0)),
            }
        )
        self.stage_channels = widths(self.stages, entering=3)


@BACKBONES.register_module(name="synthetic_audio")
class SyntheticAudio(_Staged):
    """(B, F, T) -> (B, 2 * width, T). Stages "stem", "layer1" to "layer4", with batch norm."""

    modality = "audio"
    strides = ((1,),)

    def __init__(self, *, in_channels: int = BANDS, width: int = 8) -> None:
        super().__init__()
        wide = 2 * width
        self.channels = (wide,)
        self.stages = nn.ModuleDict(
            {
                "stem": _block1d(in_channels, width, 5),
                "layer1": _block1d(width, width, 3),
                "layer2": _block1d(width, wide, 3),
                "layer3": _block1d(wide, wide, 3),
                "layer4": _block1d(wide, wide, 1),
            }
        )
        self.stage_channels = widths(self.stages, entering=in_channels)


def _generator(*key: int) -> torch.Generator:
    """Random numbers that depend on these integers only."""
    (state,) = np.random.SeedSequence(key).generate_state(1)
    return torch.Generator().manual_seed(int(state))


def _block3d(
    entering: int,
    leaving: int,
    kernel: tuple[int, int, int],
    *,
    stride: tuple[int, int, int],
    pad: tuple[int, int, int],
) -> nn.Sequential:
    convolution = nn.Conv3d(entering, leaving, kernel, stride=stride, padding=pad, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(leaving), nn.ReLU())


def _block1d(entering: int, leaving: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv1d(entering, leaving, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(leaving), nn.ReLU())
