"""Linear maps into the space in which an objective compares sight and sound, cell by cell.

    <W_v x[p] + b_v, W_a y + b_a>,  x[p] a visual cell, y the pooled sound

says how well cell p fits the sound. `bench run --tasks localise` and `bench viz attention` draw it
(Ma et al. 2021, fig. 3). Maps with a nonlinearity have no such form: comparing pooled clips says
nothing about their cells.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from registries.alignment import Alignment, Projection
from registries.encoder import Encoder, Modality


def aligned(
    seen: nn.Linear | nn.Conv1d,
    heard: nn.Linear | nn.Conv1d,
    encoders: Mapping[Modality, Encoder],
    *,
    unit: bool = False,
    segments: int = 1,
) -> Alignment:
    """What two layers (1 x 1 where they are convolutions) do to a cell and to the pooled sound.

    Of the first pathway of each encoder. unit, segments: see `registries.alignment.Projection`.
    """
    layers: dict[Modality, nn.Linear | nn.Conv1d] = {"video": seen, "audio": heard}
    found: dict[Modality, Projection] = {}
    for modality, layer in layers.items():
        weight = layer.weight.detach().flatten(1)
        bias = layer.bias.detach() if layer.bias is not None else weight.new_zeros(len(weight))
        found[modality] = Projection(
            weight=weight,
            bias=bias,
            pathway=encoders[modality].pathways[0],
            segments=segments,
            unit=unit,
        )
    return found


def project_cells(project: nn.Conv1d, maps: Tensor) -> Tensor:
    """Project each position of a map: (B, C, t, h, w) -> (B, t, h * w, D)."""
    flat = project(maps.flatten(2))
    return flat.unflatten(2, (maps.shape[2], -1)).permute(0, 2, 3, 1)
