"""A backbone as a row of named stages: their maps, their widths, and a way in between them.

clip -> [stage "stem"] -> [stage "layer1"] --.--> inject("layer1", map) -> [stage "layer2"] -> ...
                                             '--> the map that is returned, as its stage left it
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from registries.encoder import Inject
from registries.errors import UsageError

Stages = Mapping[str, nn.Module] | nn.ModuleDict


def walk(
    stages: Stages,
    clip: Tensor,
    wanted: tuple[str, ...],
    *,
    inject: Inject | None = None,
) -> tuple[Tensor, ...]:
    """Run all stages in order; maps of the wanted ones, in the order asked for.

    inject: what goes on from a wanted stage to the next one. Raises UsageError for unknown names.
    """
    check_names(wanted, stages)
    found: dict[str, Tensor] = {}
    for name, stage in stages.items():
        clip = stage(clip)
        if name in wanted:
            found[name] = clip
            clip = clip if inject is None else inject(name, clip)
    return tuple(found[name] for name in wanted)


def widths(stages: Stages, *, entering: int) -> dict[str, int]:
    """Channels each stage leaves: its last convolution's, or what entered where it has none.

    True where shortcuts end as wide as the path beside them, as in every residual block.
    """
    found: dict[str, int] = {}
    for name, stage in stages.items():
        for layer in stage.modules():
            if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                entering = layer.out_channels
        found[name] = entering
    return found


def check_names(wanted: tuple[str, ...], known: Stages | Mapping[str, object]) -> None:
    """Raise UsageError for stages that a backbone does not have."""
    if missing := [name for name in wanted if name not in known]:
        raise UsageError(f"no stages {missing} in this backbone; it has {list(known)}.")
