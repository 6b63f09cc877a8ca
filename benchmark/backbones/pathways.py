"""Several encoders over one clip, each at its own frame rate.

    clip        frame 0 1 2 3 4 5 6 7 ...        the densest view, as the harness cuts it
    "local"     every=1 sees all of them         -> map 1
    "global"    every=4 sees frames 0, 4, ...    -> map 0

Pathways subsample inside the encoder, so that a task hands over an ordinary clip and needs no
special case.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from registries.encoder import Encoder, Inject
from registries.errors import UsageError
from registries.registry import BACKBONES
from registries.stages import check_names


@BACKBONES.register_module(name="pathways")
class Pathways(Encoder):
    """Several video encoders side by side, each on every n-th frame; one map per pathway.

    pathways: `[{"name": "global", "every": 4, "encoder": {...}}, ...]`; maps come in this order. No
    weight is shared between pathways, nor are normalisation statistics. Inner stages are named
    "global.layer3".
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
        self.places = {
            f"{n}.{s}": (n, s) for n, b in self.branches.items() for s in b.stage_channels
        }
        self.stage_channels = {
            full: self.branches[name].stage_channels[stage]
            for full, (name, stage) in self.places.items()
        }

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, T, H, W) -> (B, C, t, h, w) per pathway."""
        return tuple(
            found
            for name, branch in self.branches.items()
            for found in branch(clip[:, :, :: self.every[name]])
        )

    def intermediates(
        self, clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        """Maps of stages named "pathway.stage", in the order asked for; other pathways rest."""
        check_names(stages, self.places)
        found: dict[str, Tensor] = {}
        for name, branch in self.branches.items():
            mine = {full: self.places[full][1] for full in stages if self.places[full][0] == name}
            if mine:
                inner = None if inject is None else partial(_prefixed, inject, name)
                frames = clip[:, :, :: self.every[name]]
                maps = branch.intermediates(frames, tuple(mine.values()), inject=inner)
                found |= zip(mine, maps, strict=True)
        return tuple(found[full] for full in stages)


def _prefixed(inject: Inject, pathway: str, stage: str, found: Tensor) -> Tensor:
    return inject(f"{pathway}.{stage}", found)
