"""Bounds on mutual information between a clip's summary and the locations of a map.

    summary (B, M, D) ---- score u[i, j, a, b] = <summary_i[b], local_j[a]> ---- local (B, L, D)
                           i = j: positive      i != j: negative

As in losses.py everything is float32 (float64 stays float64), with autocast off: scores of an
unclipped bound grow until bfloat16 no longer tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.precision import wide

Transform = Callable[[Tensor], Tensor]
LOG2 = math.log(2.0)

# measure -> (E+, E-), the variational bound of an f-divergence: E_joint[E+(u)] - E_product[E-(u)].
# JSD: Hjelm et al. 2019, eq. 4, shifted by log 2; the others: Nowozin et al. 2016, tab. 2 and 6.
MEASURES: dict[str, tuple[Transform, Transform]] = {
    "jsd": (lambda u: LOG2 - F.softplus(-u), lambda u: F.softplus(-u) + u - LOG2),
    "gan": (lambda u: -F.softplus(-u), lambda u: F.softplus(-u) + u),
    "kl": (lambda u: u, lambda u: torch.exp(u - 1)),
    "rkl": (lambda u: -torch.exp(-u), lambda u: u - 1),
    "h2": (lambda u: 1 - torch.exp(-u), lambda u: torch.exp(u) - 1),
    "w1": (lambda u: u, lambda u: u),
}


def fenchel_mi(local: Tensor, summary: Tensor, *, measure: str = "jsd") -> Tensor:
    """Negated f-divergence bound between pairs of one clip and pairs of different clips.

    L = mean over i != j of E-(u) - mean over i = j of E+(u), each also over locations and
    summaries. Hjelm et al. 2019, sec. 3.1. "gan" is "jsd" + 2 log 2. local (B, L, D), summary (B,
    M, D) -> scalar. Raises ValueError for an unknown measure and for B = 1.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {tuple(MEASURES)}, got {measure!r}")
    _needs_negatives(local)
    with torch.autocast(device_type=local.device.type, enabled=False):
        score = _scores(local, summary)  # (B, B, L, M)
        joint, product = MEASURES[measure]
        own = _eye(score)[:, :, None, None]
        others = score.shape[0] ** 2 - score.shape[0]
        cells = score.shape[2] * score.shape[3]
        # zeros where the other kind stands: their transform is finite, and so is its gradient
        positive = joint(score.masked_fill(~own, 0.0)).masked_fill(~own, 0.0).sum()
        negative = product(score.masked_fill(own, 0.0)).masked_fill(own, 0.0).sum()
        return negative / (others * cells) - positive / (score.shape[0] * cells)


def infonce_mi(local: Tensor, summary: Tensor, *, own_logit: float | None = None) -> Tensor:
    """Contrast each location of a clip with all locations of the other clips, for each summary.

    L = mean_{i, a, b} -log( exp u_iiab / (exp u_iiab + sum_{j != i, a'} exp u_ija'b) ). Hjelm et
    al. 2019, eq. 5. own_logit: None leaves the clip's own locations out of the sum; the authors'
    code puts them in with this score (-10) instead. local (B, L, D), summary (B, M, D) -> scalar;
    equal scores give log(1 + (B - 1) L). Raises ValueError for B = 1.
    """
    _needs_negatives(local)
    with torch.autocast(device_type=local.device.type, enabled=False):
        score = _scores(local, summary)
        return -_own_denominator(score, own_logit=own_logit).mean()


def tanh_clip(x: Tensor, bound: float) -> Tensor:
    """Scores squeezed into (-bound, bound): bound * tanh(x / bound). Bachman et al. 2019."""
    return bound * torch.tanh(x / bound)


def scaled_scores(source: Tensor, target: Tensor) -> Tensor:
    """<source_i, target_ja> / sqrt(D), in full precision. Bachman et al. 2019, sec. 3.2.

    source (B, D), target (B, L, D) -> (B, B, L).
    """
    with torch.autocast(device_type=source.device.type, enabled=False):
        return _scores(target, source[:, None])[..., 0] / math.sqrt(source.shape[1])


def location_log_odds(score: Tensor) -> Tensor:
    """Log-probability of each location of a clip's own map against all maps of the other clips.

    c_iia - log( exp c_iia + sum_{j != i, a'} exp c_ija' ): the other locations of the same map are
    neither positives nor negatives. Bachman et al. 2019, eq. 2 and sec. 3.3. score (B, B, L) -> (B,
    L); zeros for B = 1.
    """
    return _own_denominator(score[..., None])[..., 0]


def amdim_nce(source: Tensor, target: Tensor, *, clip: float = 20.0) -> tuple[Tensor, Tensor]:
    """AMDIM's bound and the mean squared score that it is regularised by.

    NCE = -mean of `location_log_odds` of the clipped scores; the second value is mean(raw^2),
    before clipping, to be weighted by the caller (0.05 in Bachman et al. 2019, sec. 3.2). source
    (B, D), target (B, L, D) -> two scalars; equal scores give log(1 + (B - 1) L), one clip 0.
    """
    raw = scaled_scores(source, target)
    return -location_log_odds(tanh_clip(raw, clip)).mean(), raw.square().mean()


def _own_denominator(score: Tensor, *, own_logit: float | None = None) -> Tensor:
    """(B, B, L, M) -> (B, L, M): each own location against those of others (and a constant)."""
    own = _eye(score)[:, :, None, None]
    fill = -torch.inf if own_logit is None else own_logit
    others = torch.logsumexp(score.masked_fill(own, fill), dim=(1, 2))  # (B, M)
    positive = score.diagonal(dim1=0, dim2=1).permute(2, 0, 1)  # (B, L, M)
    return positive - torch.logaddexp(positive, others[:, None])


def _scores(local: Tensor, summary: Tensor) -> Tensor:
    """u[i, j, a, b], (B, B, L, M)."""
    return torch.einsum("ibd,jad->ijab", wide(summary), wide(local))


def _needs_negatives(local: Tensor) -> None:
    if local.shape[0] < 2:
        raise ValueError(
            f"{local.shape[0]} clip has no other clip to contrast with; give a batch of at least 2"
        )


def _eye(square: Tensor) -> Tensor:
    return torch.eye(len(square), dtype=torch.bool, device=square.device)
