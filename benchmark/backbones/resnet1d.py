"""One-dimensional ResNet-18 over log-mel bands: GLCM's audio trunk (Ma et al. 2021).

The mel bands are the input channels, so that a convolution runs over time only; no layer is strided
and no step is lost: (B, 80, T) -> (B, 512, T). 3,887,424 parameters with 80 bands and width 64,
which is reached by biased 3-tap convolutions, an unbiased 1x1 shortcut with normalisation at the
head of *every* stage (the first included), and a biased 7-tap stem.
"""

from __future__ import annotations

from torch import Tensor, nn

from registries.encoder import Encoder, Inject
from registries.registry import BACKBONES
from registries.stages import walk, widths

SLOPE = 0.01  # chosen: torch's default; the source names LeakyReLU, not its slope


@BACKBONES.register_module(name="resnet1d_18")
class ResNet1d18(Encoder):
    """1-D ResNet-18 over mel bands, as in GLCM; 8 * width channels, every step kept.

    in_channels: mel bands. width: channels of the first stage. Stages: stem, layer1 to layer4, of
    which `blocks` holds two blocks each.
    """

    modality = "audio"
    pathways = ("clip",)
    strides = ((1,),)

    def __init__(self, *, in_channels: int = 80, width: int = 64, slope: float = SLOPE) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(in_channels, width, 7, padding=3), nn.BatchNorm1d(width), nn.LeakyReLU(slope)
        )
        blocks, entering = [], width
        for planes in (width, 2 * width, 4 * width, 8 * width):
            blocks += [
                _Block(entering, planes, slope=slope, project=True),
                _Block(planes, planes, slope=slope, project=False),
            ]
            entering = planes
        self.blocks = nn.Sequential(*blocks)
        self.channels = (entering,)
        self.stage_channels = widths(self._stages(), entering=in_channels)

    def segments(self) -> tuple[nn.Module, ...]:
        """The stem and each block."""
        return (self.stem, *self.blocks)

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """(B, F, T) -> (B, C, T)."""
        return (self.blocks(self.stem(clip)),)

    def intermediates(
        self, clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        """Maps of the named stages, in the order asked for. Raises UsageError for unknown ones."""
        return walk(self._stages(), clip, stages, inject=inject)

    def _stages(self) -> dict[str, nn.Module]:
        """The blocks by stage; views, so that weights keep the names they have in files."""
        rows = {f"layer{n + 1}": self.blocks[2 * n : 2 * n + 2] for n in range(4)}
        return {"stem": self.stem, **rows}


class _Block(nn.Module):
    """Two 3-tap convolutions beside a shortcut."""

    def __init__(self, entering: int, planes: int, *, slope: float, project: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(entering, planes, 3, padding=1),
            nn.BatchNorm1d(planes),
            nn.LeakyReLU(slope),
            nn.Conv1d(planes, planes, 3, padding=1),
            nn.BatchNorm1d(planes),
        )
        self.shortcut = (
            nn.Sequential(nn.Conv1d(entering, planes, 1, bias=False), nn.BatchNorm1d(planes))
            if project
            else nn.Identity()
        )
        self.relu = nn.LeakyReLU(slope)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, planes, T)."""
        return self.relu(self.body(x) + self.shortcut(x))
