"""A backbone that is a row of named stages: what torchvision, AVID and mmaction2 trunks share."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from benchmark.backbones import strides
from registries.encoder import Encoder, Inject
from registries.stages import walk, widths


class StagedVideo(Encoder):
    """Runs its stages in order; the last one's map is the output, (B, C, t, h, w).

    temporal_stride: frames per output step over the whole net (1 keeps every frame). grid_stride:
    pixels per grid cell. Both only remove strides, from the last stage backwards; None leaves them
    as published.
    """

    modality = "video"
    pathways = ("clip",)

    def __init__(
        self,
        stages: Mapping[str, nn.Module],
        *,
        channels: int,
        temporal_stride: int | None,
        grid_stride: int | None,
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        rows = tuple(self.stages.values())
        strides.lower(rows, axes=strides.TIME, wanted=temporal_stride, option="temporal_stride")
        strides.lower(rows, axes=strides.GRID, wanted=grid_stride, option="grid_stride")
        self.channels = (channels,)
        self.stage_channels = widths(self.stages, entering=3)
        self.strides = (tuple(strides.total(rows, axis) for axis in (-3, -2, -1)),)

    def segments(self) -> tuple[nn.Module, ...]:
        """The stages."""
        return tuple(self.stages.values())

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, T, H, W) -> one map (B, C, t, h, w)."""
        for stage in self.stages.values():
            clip = stage(clip)
        return (clip,)

    def intermediates(
        self, clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        """Maps of the named stages, in the order asked for. Raises UsageError for unknown ones."""
        return walk(self.stages, clip, stages, inject=inject)
