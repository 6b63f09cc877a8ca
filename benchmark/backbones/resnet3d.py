"""3D ResNets of mmaction2 with their knobs as keywords, so that a small variant is a config."""

from __future__ import annotations

from torch import nn

from benchmark.backbones import compat
from benchmark.backbones.staged import StagedVideo
from registries.errors import UsageError
from registries.registry import BACKBONES

WIDENING = {18: 1, 34: 1, 50: 4, 101: 4}  # output planes per base plane, He et al. 2016, tab. 1


@BACKBONES.register_module(name="resnet3d")
class ResNet3d(StagedVideo):
    """mmaction2's ResNet3d; 8 * base_channels channels at depth 18, native stride (1, 32, 32).

    inflate: 1 for stages with 3-D kernels, 0 for stages that look at single frames. conv1_kernel,
    strides and inflate are (time, height, width) or one value per stage. With conv1_kernel=(7, 7,
    7) it is the R3D-18 of Hara et al. 2018, 33,203,904 parameters. Differs from mmaction2's
    default: without `pool2`, whose kernel of two frames cannot keep every frame; and with one total
    stride per axis as an option.
    """

    def __init__(
        self,
        *,
        depth: int = 18,
        base_channels: int = 64,
        inflate: tuple[int, int, int, int] = (1, 1, 1, 1),
        conv1_kernel: tuple[int, int, int] = (3, 7, 7),
        conv1_stride: tuple[int, int] = (1, 2),  # time, grid
        pool1: bool = True,
        pool1_stride: tuple[int, int] = (1, 2),  # time, grid
        temporal_strides: tuple[int, int, int, int] = (1, 1, 1, 1),
        spatial_strides: tuple[int, int, int, int] = (1, 2, 2, 2),
        temporal_stride: int | None = None,
        grid_stride: int | None = None,
    ) -> None:
        if depth not in WIDENING:
            raise UsageError(f"resnet3d has depths {sorted(WIDENING)}, got depth={depth}.")
        net = compat.mmaction_models().backbones.ResNet3d(
            depth=depth,
            pretrained=None,
            base_channels=base_channels,
            inflate=tuple(inflate),
            conv1_kernel=tuple(conv1_kernel),
            conv1_stride_t=conv1_stride[0],
            conv1_stride_s=conv1_stride[1],
            with_pool1=pool1,
            pool1_stride_t=pool1_stride[0],
            pool1_stride_s=pool1_stride[1],
            with_pool2=False,
            temporal_strides=tuple(temporal_strides),
            spatial_strides=tuple(spatial_strides),
        )
        compat.initialise(net)
        stages: dict[str, nn.Module] = {"conv1": net.conv1}
        if pool1:
            stages["maxpool"] = net.maxpool
        stages |= {name: net.get_submodule(name) for name in net.res_layers}
        super().__init__(
            stages,
            channels=8 * base_channels * WIDENING[depth],
            temporal_stride=temporal_stride,
            grid_stride=grid_stride,
        )
