"""Audio-visual synchrony: margin loss, who lends whom a negative, and which pairs are fair.

Pure functions, float32 (float64 stays float64) with autocast off. AVTS and AVSlowFast share them;
the constants are those of AVSlowFast's authors, whose code holds the only public AVTS loss.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.precision import wide

MARGIN = 0.99  # Korbar et al. 2018; AVSlowFast's code
LEAST_VARIANCE = 0.01  # AVSlowFast's code: quieter spectrograms are silence
MOST_COSINE = 0.99999  # AVSlowFast's code: above it two spectrograms are the same sound


def half_unit(x: Tensor) -> Tensor:
    """Vectors of length 1/2, so that distances lie in [0, 1]. (..., D) -> (..., D)."""
    with torch.autocast(device_type=x.device.type, enabled=False):
        return 0.5 * F.normalize(wide(x), dim=-1)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance along the last axis; where a equals b its gradient is 0, not infinite."""
    with torch.autocast(device_type=a.device.type, enabled=False):
        square = (wide(a) - wide(b)).square().sum(dim=-1)
        same = square == 0
        return square.masked_fill(same, 1.0).sqrt().masked_fill(same, 0.0)


def margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    valid: Tensor | None = None,
    margin: float = MARGIN,
) -> Tensor:
    """Pull each anchor to its positive, push its negative away up to a margin.

        L = 1/(2N) sum_i [ |a_i - p_i|^2 + max(margin - |a_i - n_i|, 0)^2 ]

    over the N valid rows. Korbar et al. 2018, with one negative per positive (AVSlowFast's code).
    All equal: margin^2 / 2; none valid: 0, with a gradient path. anchor, positive, negative (B, D),
    valid (B,) bool -> scalar.
    """
    with torch.autocast(device_type=anchor.device.type, enabled=False):
        anchor, positive, negative = wide(anchor), wide(positive), wide(negative)
        pull = (anchor - positive).square().sum(dim=1)
        push = (margin - distance(anchor, negative)).clamp_min(0).square()
        each = pull + push
        weight = torch.ones_like(each) if valid is None else valid.to(each.dtype)
        return (each * weight).sum() / (2 * weight.sum().clamp_min(1))


@torch.no_grad()
def order_accuracy(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, valid: Tensor | None = None
) -> Tensor:
    """Share of valid rows whose positive is nearer than their negative; ties, and no row, are 1/2.

    anchor, positive, negative (B, D), valid (B,) bool -> scalar; guessing reaches 1/2.
    """
    near, far = distance(anchor, positive), distance(anchor, negative)
    hit = (near < far).to(near.dtype) + 0.5 * (near == far).to(near.dtype)
    weight = torch.ones_like(hit) if valid is None else valid.to(hit.dtype)
    count = weight.sum()
    return ((hit * weight).sum() + 0.5 * (count == 0)) / count.clamp_min(1)


def hard_fraction(progress: float, *, switch: float, fraction: float) -> float:
    """Share of hard negatives: none before `switch` (a part of training), then `fraction`.

    Korbar et al. 2018: training that starts with hard ones fails.
    """
    return fraction if progress >= switch else 0.0


def negative_source(
    batch: int, hard: float, *, order: Tensor | None = None, device: torch.device | None = None
) -> Tensor:
    """Which sample lends each one its negative audio; its own index is a hard negative.

    The first floor((1 - hard) * batch) samples pass theirs on in a circle, each taking the next
    one's; the others keep their own. order: the samples' places in that row, (B,) of indices;
    None is 0, 1, 2, ... -> (B,) int64.
    """
    if order is None:
        order = torch.arange(batch, device=device)
    easy = int((1 - hard) * batch + 1e-9)  # float error must not cost a sample
    lender = torch.cat([order[:easy].roll(-1), order[easy:]])
    return torch.empty_like(order).scatter_(0, order, lender)


@torch.no_grad()
def audible(positive: Tensor, negative: Tensor) -> Tensor:
    """Whether a pair of sounds can be told apart: neither is silent, and they are not the same.

    Spectrograms (B, ...) each -> (B,) bool. Variance > 0.01 of both, cosine < 0.99999.
    """
    with torch.autocast(device_type=positive.device.type, enabled=False):
        near, far = wide(positive).flatten(1), wide(negative).flatten(1)
        loud = (near.var(dim=1) > LEAST_VARIANCE) & (far.var(dim=1) > LEAST_VARIANCE)
        return loud & (F.cosine_similarity(near, far, dim=1) < MOST_COSINE)


def avs_pattern(kept: Tensor, *, avs: tuple[bool, ...], fused: tuple[bool, ...]) -> Tensor:
    """At which stages synchrony is asked for, 1 or 0: where there is a head and no sound came in.

    kept: scalar, 1 where sound is fused in this pass. avs, fused: stages with a head, and stages
    after which sound is added. A stage sees what was fused before it, not its own. -> (S,).
    """
    on, off = torch.ones_like(kept), torch.zeros_like(kept)
    clean = [1 - kept if any(fused[:stage]) else on for stage in range(len(avs))]
    return torch.stack([now if asked else off for now, asked in zip(clean, avs, strict=True)])
