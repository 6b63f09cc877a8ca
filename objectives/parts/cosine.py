"""Negative cosine similarity against a target that is held still: SimSiam's and CrissCross's loss.

    D(p, z) = -<p, sg(z)> / (|p| |z|)        S(x, y) = (D(p_x, z_y) + D(p_y, z_x)) / 2

p: the predictor's output, z: the projector's, sg: no gradient. BYOL's squared distance of unit
vectors is 2 + 2 D. Computed in float32 (float64 stays float64) with autocast off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.precision import wide

# family of pairs -> its pairs of views. Sarkar and Etemad 2023, sec. 3
PAIRS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "intra": (("video_1", "video_2"), ("audio_1", "audio_2")),
    "sync": (("video_1", "audio_1"), ("video_2", "audio_2")),
    "async": (("video_1", "audio_2"), ("video_2", "audio_1")),
}
FAMILIES = tuple(PAIRS)


def negative_cosine(predicted: Tensor, target: Tensor) -> Tensor:
    """D: minus the cosine between each prediction and its target, mean over rows; in [-1, 1].

    Chen and He 2021, eq. 1; the gradient stops at `target`. predicted, target (B, D) -> scalar.
    """
    with torch.autocast(device_type=predicted.device.type, enabled=False):
        predicted, target = wide(predicted), wide(target.detach())
        return -(F.normalize(predicted, dim=1) * F.normalize(target, dim=1)).sum(dim=1).mean()


def symmetric_cosine(
    predicted_x: Tensor, target_x: Tensor, predicted_y: Tensor, target_y: Tensor
) -> Tensor:
    """S: each of two views predicts the other. Chen and He 2021, eq. 2. All (B, D) -> scalar."""
    there, back = negative_cosine(predicted_x, target_y), negative_cosine(predicted_y, target_x)
    return (there + back) / 2


def crisscross(
    predicted: Mapping[str, Tensor],
    projected: Mapping[str, Tensor],
    *,
    families: Sequence[str] = FAMILIES,
) -> dict[str, Tensor]:
    """Shares of the families of pairs in the mean of S over the active pairs.

        L = (1/n) sum over the n pairs (x, y) of the families of S(x, y)

    predicted, projected: view -> (B, D), views as in PAIRS. Returns family -> its pairs' sum / n,
    so that the sum over families is L, -1 where every prediction points at its target.
    """
    check_families(families)
    active = sum(len(PAIRS[name]) for name in families)
    return {
        name: _sum(
            [
                symmetric_cosine(predicted[x], projected[x], predicted[y], projected[y])
                for x, y in PAIRS[name]
            ]
        )
        / active
        for name in families
    }


def check_families(families: Sequence[str]) -> None:
    """Raise ValueError for an unknown family, a repeated one, or none at all."""
    known = set(families) <= set(FAMILIES)
    if isinstance(families, str) or not families or not known or len(set(families)) < len(families):
        raise ValueError(f"families must be some of {FAMILIES}, each once, got {families!r}")


def _sum(terms: Sequence[Tensor]) -> Tensor:
    """Sum of scalars."""
    return torch.stack(list(terms)).sum()
