"""How cells of sight and pooled sound come into one space, where an objective has such a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from torch import Tensor

from registries.encoder import Encoder, Modality


class Projection(TypedDict):
    """A linear map of one modality's features; plain data, part of `encoders.pt`.

    weight (D, C * S), bias (D,): of the C channels of `pathway`. segments: S stretches of time that
    are averaged apart, the inner axis of the columns (channel 0 at times 0 to S - 1, channel 1,
    ...); 1 is the mean over time. unit: vectors are brought to length one after it.
    """

    weight: Tensor
    bias: Tensor
    pathway: str
    segments: int
    unit: bool


Alignment = Mapping[Modality, Projection]


def check_alignment(alignment: Alignment, encoders: Mapping[Modality, Encoder]) -> None:
    """Raise ValueError for maps that do not fit the encoders they are handed down with."""
    if set(alignment) != {"video", "audio"} or not set(alignment) <= set(encoders):
        raise ValueError(
            f"an alignment is of video and audio, got {sorted(alignment)} beside encoders of "
            f"{sorted(encoders)}; return None where there is none"
        )
    for modality, found in alignment.items():
        encoder = encoders[modality]
        if found["pathway"] not in encoder.pathways:
            raise ValueError(
                f"the alignment of {modality} names pathway {found['pathway']!r}; the encoder has "
                f"{encoder.pathways}"
            )
        channels = encoder.channels[encoder.pathways.index(found["pathway"])]
        rows, columns = found["weight"].shape
        if columns != channels * found["segments"] or found["bias"].shape != (rows,):
            raise ValueError(
                f"the alignment of {modality} has weight {tuple(found['weight'].shape)} and bias "
                f"{tuple(found['bias'].shape)}; weight (D, {channels} * {found['segments']}) and "
                "bias (D,) are needed"
            )
    sizes = {modality: len(found["weight"]) for modality, found in alignment.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"the alignment maps into spaces of different sizes, {sizes}")
