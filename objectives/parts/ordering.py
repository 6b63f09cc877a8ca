"""Order of spans in time, and contrast with positives and negatives that depend on the sample.

-----[ first )---------------      overlap 0:  each begins before the other ends
----------[ second )---------      before  1:  first ends before second begins, or just then
                                   after   2:  the other way round
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.info_nce import queue_info_nce, queue_scores

OVERLAP, BEFORE, AFTER = 0, 1, 2
TOUCH = 1e-6  # seconds; chosen: float error of sums of seconds


class Spans(NamedTuple):
    """What part of its video each clip shows, [start, stop) in seconds."""

    start: Tensor  # (B,)
    stop: Tensor  # (B,)


class Chosen(NamedTuple):
    """Slots of a queue that one query is contrasted with; `valid` says which of them count."""

    positives: Tensor  # (B, P)
    positives_valid: Tensor  # (B, P)
    negatives: Tensor  # (B, n)
    negatives_valid: Tensor  # (B, n)


def order_labels(first: Spans, second: Spans) -> Tensor:
    """OVERLAP, BEFORE or AFTER for each pair of spans, (B,). Touching spans do not overlap.

    Direction and speed play no part: a clip played backwards keeps its span.
    """
    before = (first.stop <= second.start + TOUCH).long()
    after = (second.stop <= first.start + TOUCH).long()
    return BEFORE * before + AFTER * after


def choose(
    similarity: Tensor,
    *,
    own: Tensor,
    empty: Tensor,
    noise: Tensor,
    extra: int,
    drop: float,
    count: int,
    hardness: float,
) -> Chosen:
    """Extra positives and negatives of each query among the entries of a queue.

    Positives: the `extra` most similar entries. Negatives: without the share `drop` of the most
    similar entries (likely false negatives) and without the positives, `count` of the rest, drawn
    without replacement with chances proportional to exp(hardness * similarity). The sample's own
    entries are neither; slots not filled yet are no positives.

    similarity, own, noise (B, K), empty (K,); noise uniform in [0, 1). Gumbel noise added to log
    chances and the largest taken is that draw (Kool et al. 2019). count >= K takes all.
    """
    slots = similarity.shape[1]
    similarity = similarity.detach()
    best = similarity.masked_fill(own | empty, -torch.inf).topk(min(extra, slots), dim=1)
    taken = torch.zeros_like(own).scatter(1, best.indices, best.values.isfinite())
    nearest = similarity.masked_fill(own, -torch.inf).topk(round(drop * slots), dim=1).indices
    out = (own | taken).scatter(1, nearest, True)
    if count >= slots:
        rest, valid = torch.arange(slots, device=own.device).expand_as(own), ~out
    else:
        tiny = torch.finfo(torch.float32).tiny
        gumbel = -torch.log(-torch.log(noise.clamp_min(tiny)))
        drawn = (hardness * similarity + gumbel).masked_fill(out, -torch.inf).topk(count, dim=1)
        rest, valid = drawn.indices, drawn.values.isfinite()
    return Chosen(best.indices, best.values.isfinite(), rest, valid)


def supplemented_nce(
    query: Tensor,
    key: Tensor,
    queue: Tensor,
    chosen: Chosen,
    *,
    weight: float,
    temperature: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """InfoNCE with the key as positive, plus a weighted mean of it over the chosen extra positives.

    L = mean_i [ l(q_i, k_i, N_i) + weight * mean_{p in P_i} l(q_i, p, N_i) ],
    l(q, k, N) = -log( exp(q.k / T) / (exp(q.k / T) + sum_{n in N} exp(q.n / T)) ).
    A query without extra positives has none of the second term. query, key (B, D), queue (K, D),
    unit vectors; key and queue get no gradient. Returns the loss and the scores of keys (B, 1) and
    negatives (B, n). All scores equal: log(1 + n) for each l.
    """
    positive, scores = queue_scores(query, key[:, None], queue, temperature=temperature)
    with torch.autocast(device_type=query.device.type, enabled=False):
        lowest = torch.finfo(scores.dtype).min
        negative = scores.gather(1, chosen.negatives)
        negative = negative.masked_fill(~chosen.negatives_valid, lowest)
        loss = queue_info_nce(positive, negative)
        if chosen.positives.shape[1] and weight:
            below = torch.logsumexp(negative, dim=1, keepdim=True)
            each = -F.logsigmoid(scores.gather(1, chosen.positives) - below)
            share = chosen.positives_valid.to(each.dtype)
            share = share / share.sum(dim=1, keepdim=True).clamp_min(1.0)
            loss = loss + weight * (each * share).sum(dim=1).mean()
        return loss, positive, negative


def masked_cross_entropy(scores: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy averaged over the batch, invalid rows counting as zero.

    L = (1/B) sum_{valid i} -log softmax(scores_i)[labels_i]. Dividing by B, not by the number of
    valid rows, keeps the mean over processes equal to one process's. scores (B, classes).
    """
    with torch.autocast(device_type=scores.device.type, enabled=False):
        wide = scores if scores.dtype == torch.float64 else scores.float()
        each = F.cross_entropy(wide, labels, reduction="none")
        return (each * valid.to(each.dtype)).mean()


@torch.no_grad()
def recognised(scores: Tensor, labels: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Share of valid rows answered right, and that of their commonest label (guessing)."""
    rows = valid.float()
    total = rows.sum().clamp_min(1.0)
    hit = (scores.argmax(dim=1) == labels).float()
    classes = torch.arange(scores.shape[1], device=labels.device)
    counts = ((labels[:, None] == classes) * rows[:, None]).sum(dim=0)
    return (hit * rows).sum() / total, counts.amax() / total


def audible(audio: Tensor, silence: float | None) -> Tensor:
    """Which spectrograms (B, F, T) deviate by more than `silence`, (B,); None: all of them."""
    if silence is None:
        return torch.ones(len(audio), dtype=torch.bool, device=audio.device)
    return audio.flatten(1).float().std(dim=1) > silence


def swapped(rows: Tensor) -> Tensor:
    """Second clips before first ones: (2B, ...) with its halves exchanged."""
    return rows.roll(len(rows) // 2, dims=0)
