"""Contract of an encoder: what an objective hands down and what every task is evaluated on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from mmengine.model import BaseModule
from torch import Tensor

Modality = Literal["video", "audio"]


class Encoder(BaseModule, ABC):
    """Maps one clip to feature maps; several maps where there are several pathways.

    modality: what a clip is. pathways: a name for each map ("clip" where there is only one).
    channels: C of each map. strides: input steps per output step of each map, (t, h, w) for video,
    (t,) for audio. config: what `BACKBONES.build` was given, set by it; travels in `encoders.pt`.
    """

    modality: Modality
    pathways: tuple[str, ...]
    channels: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    config: dict[str, Any]

    @abstractmethod
    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """Video (B, 3, T, H, W) -> (B, C, t, h, w) per pathway.

        Audio (B, F, T) -> (B, C, t) per pathway.
        """

    def intermediates(self, clip: Tensor, stages: tuple[str, ...]) -> tuple[Tensor, ...]:
        """Maps of named inner stages (optional capability).

        Raises NotImplementedError where there are none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no named stages, asked for {stages}")
