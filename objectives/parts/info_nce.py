"""InfoNCE against a queue of earlier keys, with one or several positives a query.

float32 with autocast off; float64 stays float64. Sources: He et al. 2020 (MoCo); several positives
as in the code of Feichtenhofer et al. 2021 (rho-MoCo).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def queue_scores(
    query: Tensor,
    keys: Tensor,
    queue: Tensor,
    *,
    temperature: float,
    leave_out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Similarities to the positives and to the negatives, <q, k> / temperature.

    query (B, D), keys (B, P, D), queue (K, D), unit vectors -> (B, P) and (B, K). Keys and queue
    get no gradient. leave_out (B, K): True where an entry is no negative of that query; its score
    becomes the lowest number there is, so that it drops out of any sum of exponentials.
    """
    with torch.autocast(device_type=query.device.type, enabled=False):
        query = query if query.dtype == torch.float64 else query.float()
        keys, queue = keys.detach().to(query.dtype), queue.detach().to(query.dtype)
        positive = torch.einsum("bd,bpd->bp", query, keys) / temperature
        negative = torch.einsum("bd,kd->bk", query, queue) / temperature
        if leave_out is not None:
            # not -inf: a query with every entry left out has loss 0 and gradient 0, not nan
            negative = negative.masked_fill(leave_out, torch.finfo(negative.dtype).min)
        return positive, negative


def queue_info_nce(positive: Tensor, negative: Tensor) -> Tensor:
    """Each positive on its own against all negatives of its query.

    L = mean over b, p of  -log( exp(s_bp) / (exp(s_bp) + sum_k exp(n_bk)) ). He et al. 2020, eq. 1,
    averaged over positives; a positive is no negative of another.
    positive (B, P), negative (B, K), as `queue_scores` gives them -> scalar. All scores equal: log
    (1 + K). q = k and no q.n: log(1 + K exp(-1 / T)).
    """
    below = torch.logsumexp(negative, dim=1, keepdim=True)
    return -F.logsigmoid(positive - below).mean()


def ranked_first(positive: Tensor, negative: Tensor) -> Tensor:
    """Share of positives that beat every negative of their query; guessing gives 1 / (1 + K).

    positive (B, P), negative (B, K) -> scalar.
    """
    best = negative.detach().amax(dim=1, keepdim=True)
    return (positive.detach() > best).float().mean()
