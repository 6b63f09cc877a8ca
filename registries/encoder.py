"""Contract of an encoder: what an objective hands down and what every task is evaluated on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from mmengine.model import BaseModule
from torch import Tensor, nn

Modality = Literal["video", "audio"]
Inject = Callable[[str, Tensor], Tensor]  # (stage, its map) -> what the next stage gets


class Encoder(BaseModule, ABC):
    """Maps one clip to feature maps; several maps where there are several pathways.

    modality: what a clip is. pathways: a name for each map ("clip" where there is only one).
    channels: C of each map. strides: input steps per output step of each map, (t, h, w) for video,
    (t,) for audio. config: what `BACKBONES.build` was given, set by it; travels in `encoders.pt`.
    stage_channels: C of each inner stage that `intermediates` knows, in order; empty where none.
    """

    modality: Modality
    pathways: tuple[str, ...]
    channels: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    config: dict[str, Any]
    stage_channels: Mapping[str, int] = {}

    def segments(self) -> tuple[nn.Module, ...]:
        """Parts that run one after another (optional); none of a part inside another part.

        Each takes one tensor and gives one, so that what it holds for the backward pass can be
        computed anew from what went in. Encoders inside this one name their own.
        """
        return ()

    @abstractmethod
    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """Video (B, 3, T, H, W) -> (B, C, t, h, w) per pathway.

        Audio (B, F, T) -> (B, C, t) per pathway.
        """

    def intermediates(
        self, clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        """Maps of named inner stages (optional capability), as those stages leave them.

        inject: called with the name and map of each stage asked for; what it returns goes on to the
        next stage, so that another modality can be fused in training. `forward` knows nothing of
        it. Raises NotImplementedError where there are none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no named stages, asked for {stages}")
