"""Toy encoders for tests of objectives: true strides and channels, a millisecond a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from registries.encoder import Encoder, Inject
from registries.registry import BACKBONES
from registries.stages import walk, widths


class ToyVideo(Encoder):
    """(B, 3, T, H, W) -> (B, 8, T, H / 8, W / 8); no batch norm, so each clip is on its own."""

    modality = "video"
    pathways = ("clip",)

    def __init__(self, *, width: int = 8, temporal_stride: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv3d(3, width, (1, 8, 8), stride=(1, 8, 8)),
            nn.Tanh(),
            nn.Conv3d(width, width, (3, 1, 1), stride=(temporal_stride, 1, 1), padding=(1, 0, 0)),
        )
        self.channels = (width,)
        self.strides = ((temporal_stride, 8, 8),)

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        return (self.net(clip),)


class ToyAudio(Encoder):
    """(B, F, T) -> (B, 6, T / stride)."""

    modality = "audio"
    pathways = ("clip",)
    channels = (6,)

    def __init__(self, *, stride: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(10, 6, 3, padding=1), nn.Tanh(), nn.Conv1d(6, 6, 1, stride=stride)
        )
        self.strides = ((stride,),)

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        return (self.net(clip),)


class ToyStaged(Encoder):
    """Three stages, "one" to "three", that know `inject`; no batch norm."""

    pathways = ("clip",)

    def __init__(self, stages: dict[str, nn.Module], *, channels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.channels, self.stage_channels = (channels,), widths(self.stages, entering=0)

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        return self.intermediates(clip, ("three",))

    def intermediates(
        self, clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        return walk(self.stages, clip, stages, inject=inject)


class ToyStagedVideo(ToyStaged):
    """(B, 3, T, H, W) -> (B, 8, T / stride, H / 8, W / 8)."""

    modality = "video"

    def __init__(self, *, width: int = 8, temporal_stride: int = 1) -> None:
        one = nn.Sequential(nn.Conv3d(3, 4, (1, 8, 8), stride=(1, 8, 8)), nn.Tanh())
        two = nn.Sequential(nn.Conv3d(4, 6, (3, 1, 1), padding=(1, 0, 0)), nn.Tanh())
        three = nn.Conv3d(6, width, 1, stride=(temporal_stride, 1, 1))
        super().__init__({"one": one, "two": two, "three": three}, channels=width)
        self.strides = ((temporal_stride, 8, 8),)


class ToyStagedAudio(ToyStaged):
    """(B, F, T) -> (B, 6, T)."""

    modality = "audio"
    strides = ((1,),)

    def __init__(self) -> None:
        one = nn.Sequential(nn.Conv1d(10, 4, 3, padding=1), nn.Tanh())
        two = nn.Sequential(nn.Conv1d(4, 5, 3, padding=1), nn.Tanh())
        super().__init__({"one": one, "two": two, "three": nn.Conv1d(5, 6, 1)}, channels=6)


BACKBONES.register_module(name="toy_video", module=ToyVideo, force=True)
BACKBONES.register_module(name="toy_staged_video", module=ToyStagedVideo, force=True)
BACKBONES.register_module(name="toy_staged_audio", module=ToyStagedAudio, force=True)
BACKBONES.register_module(name="toy_audio", module=ToyAudio, force=True)


def toy_batch(batch: int = 4, frames: int = 8, *, window: int = 3, seed: int = 0) -> dict:
    """inputs of an audio-visual batch, drawn."""
    rng = torch.Generator().manual_seed(seed)
    return {
        "video": torch.randn(batch, 3, frames, 16, 24, generator=rng),
        "audio": torch.randn(batch, 10, window * frames, generator=rng),
    }
