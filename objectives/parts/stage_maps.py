"""Maps at the last few stages of an encoder, all its pathways side by side."""

from __future__ import annotations

from torch import Tensor

from registries.encoder import Encoder, Inject

Maps = list[tuple[Tensor, ...]]  # for each stage, one map a pathway
Names = list[tuple[str, ...]]  # for each stage, its name in every pathway; [()]: the output


def stage_maps(encoder: Encoder, clip: Tensor, names: Names, inject: Inject | None = None) -> Maps:
    """Maps of the named stages, (B, C, ...) each; the encoder's output where none is named."""
    if not names[0]:
        return [encoder(clip)]
    flat = tuple(name for stage in names for name in stage)
    found = dict(zip(flat, encoder.intermediates(clip, flat, inject=inject), strict=True))
    return [tuple(found[name] for name in stage) for stage in names]


def last_stages(encoder: Encoder, count: int) -> Names:
    """Names of the last `count` stages, in every pathway; none where the output alone will do.

    Raises ValueError where a pathway has fewer.
    """
    if count == 1:
        return [()]
    begins = ["" if pathway == "clip" else f"{pathway}." for pathway in encoder.pathways]
    rows = [[name for name in encoder.stage_channels if name.startswith(b)] for b in begins]
    if min(map(len, rows)) < count:
        raise ValueError(
            f"synchrony at the last {count} stages, but the {encoder.modality} backbone names "
            f"{[len(row) for row in rows]}: set stages=1, or choose one with stages, such as "
            "r3d_18 or resnet1d_18"
        )
    return list(zip(*(row[-count:] for row in rows), strict=True))


def stage_widths(encoder: Encoder, names: Names) -> list[tuple[int, ...]]:
    """Channels of those maps."""
    if not names[0]:
        return [encoder.channels]
    return [tuple(encoder.stage_channels[name] for name in stage) for stage in names]
