"""Video ResNets of Tran et al. 2018 ("A Closer Look at Spatiotemporal Convolutions").

From torchvision, drawn afresh (`weights=None`): a pretrained trunk would decide the comparison
before it starts. Shapes at 16 x 112 x 112, native strides: stem 64 x 16 x 56 x 56, layer4 512 x 2 x
7 x 7 (MC3 keeps all 16 steps).
"""

from __future__ import annotations

from torchvision.models.video import VideoResNet, mc3_18, r2plus1d_18, r3d_18

from benchmark.backbones.staged import StagedVideo
from registries.registry import BACKBONES

CHANNELS = 512  # width of layer4, Tran et al. 2018, tab. 1


def _stages(net: VideoResNet) -> dict:
    """The trunk without pooling and classifier."""
    return {
        name: net.get_submodule(name) for name in ("stem", "layer1", "layer2", "layer3", "layer4")
    }


@BACKBONES.register_module(name="r3d_18")
class R3D18(StagedVideo):
    """3D ResNet-18 of torchvision, 33,166,272 parameters; 512 channels, stride (8, 16, 16)."""

    def __init__(
        self, *, temporal_stride: int | None = None, grid_stride: int | None = None
    ) -> None:
        super().__init__(
            _stages(r3d_18(weights=None)),
            channels=CHANNELS, temporal_stride=temporal_stride, grid_stride=grid_stride,
        )  # fmt: skip


@BACKBONES.register_module(name="mc3_18")
class MC318(StagedVideo):
    """Mixed 3D/2D ResNet-18 of torchvision, 11,490,240 parameters; stride (1, 16, 16)."""

    def __init__(
        self, *, temporal_stride: int | None = None, grid_stride: int | None = None
    ) -> None:
        super().__init__(
            _stages(mc3_18(weights=None)),
            channels=CHANNELS, temporal_stride=temporal_stride, grid_stride=grid_stride,
        )  # fmt: skip


@BACKBONES.register_module(name="r2plus1d_18")
class R2Plus1D18(StagedVideo):
    """R(2+1)D-18 of torchvision, 31,300,125 parameters; 512 channels, stride (8, 16, 16)."""

    def __init__(
        self, *, temporal_stride: int | None = None, grid_stride: int | None = None
    ) -> None:
        super().__init__(
            _stages(r2plus1d_18(weights=None)),
            channels=CHANNELS, temporal_stride=temporal_stride, grid_stride=grid_stride,
        )  # fmt: skip
