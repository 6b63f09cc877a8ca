"""Several encoders over one clip, each at its own frame rate.

    clip        frame 0 1 2 3 4 5 6 7 ...        the densest view, as the harness cuts it
    "local"     every=1 sees all of them         -> map 1
    "global"    every=4 sees frames 0, 4, ...    -> map 0

Pathways subsample inside the encoder, so that a task hands over an ordinary clip and needs no
special case.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from registries.encoder import Encoder
from registries.errors import UsageError
from registries.registry import BACKBONES


@BACKBONES.register_module(name="pathways")
class Pathways(Encoder):
    """Several video encoders side by side, each on every n-th frame; one map per pathway.

    pathways: `[{"name": "global", "every": 4, "encoder": {...}}, ...]`; maps come in this order. No
    weight is shared between pathways, nor are normalisation statistics.
    """

    modality = "video"

    def __init__(self, *, pathways: list[dict[str, Any]]) -> None:
        super().__init__()
        for entry in pathways:
            if set(entry) != {"name", "every", "encoder"} or entry["every"] < 1:
                raise UsageError(
                    f"a pathway is {{name, every, encoder}} with every >= 1, got {entry}."
                )
        self.every = {str(entry["name"]): int(entry["every"]) for entry in pathways}
        if not pathways or len(self.every) != len(pathways):
            raise UsageError(f"pathways need different names, got {[e['name'] for e in pathways]}.")
        self.branches = nn.ModuleDict(
            {
                name: BACKBONES.build(e["encoder"])
                for name, e in zip(self.every, pathways, strict=True)
            }
        )
        names, channels, strides = [], [], []
        for name, branch in self.branches.items():
            if branch.modality != "video":
                raise UsageError(
                    f"pathway {name!r} is an {branch.modality} encoder; give a video one."
                )
            single = len(branch.pathways) == 1
            names += [name if single else f"{name}.{inner}" for inner in branch.pathways]
            channels += branch.channels
            strides += [(time * self.every[name], *grid) for time, *grid in branch.strides]
        self.pathways, self.channels = tuple(names), tuple(channels)
        self.strides = tuple(strides)

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, T, H, W) -> (B, C, t, h, w) per pathway."""
        return tuple(
            found
            for name, branch in self.branches.items()
            for found in branch(clip[:, :, :: self.every[name]])
        )
