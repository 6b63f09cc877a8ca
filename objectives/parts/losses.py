"""Losses as pure functions: tensors in, a scalar out; no module, no device, no state.

Everything is computed in float32 (float64 stays float64) with autocast off: unnormalised logits of
contrastive losses start above 20 (Ma et al. 2021, training log), where bfloat16 has steps of 0.125.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from objectives.parts.precision import wide

Denominator = Literal["one_way", "symmetric", "official"]
DENOMINATORS: tuple[Denominator, ...] = ("one_way", "symmetric", "official")


def cross_modal_mil_nce(
    anchor: Tensor,
    bag: Tensor,
    *,
    denominator: Denominator = "symmetric",
    temperature: float = 1.0,
) -> Tensor:
    """Contrast each anchor with its own bag of positives; other anchors' bags are the negatives.

        L = (1/N) sum_i [ LSE over D_i of s  -  LSE_k s_iik ],   s_ijk = <anchor_i, bag_jk> /
        temperature

    one_way: D_i = {(i, j, k)}, all bags against anchor i. symmetric: plus {(j, i, k), j != i}, all
    other anchors against bag i, each positive once (Miech et al. 2020, eq. 1; Ma et al. 2021, eq. 1
    and 2). official: plus {(j, i, k)} for every j, so that each positive counts twice, as both
    authors' code has it. All similarities equal: log N, log(2N - 1), log 2N. Perfect separation: 0,
    0, log 2. anchor (N, D), bag (N, K, D) -> scalar. Raises ValueError for N = 1, where no negative
    exists, and for an unknown denominator.
    """
    if denominator not in DENOMINATORS:
        raise ValueError(f"denominator must be one of {DENOMINATORS}, got {denominator!r}")
    if anchor.shape[0] < 2:
        raise ValueError(
            f"{anchor.shape[0]} anchor has no negative to contrast with; give a batch of at least 2"
        )
    with torch.autocast(device_type=anchor.device.type, enabled=False):
        anchor, bag = wide(anchor), wide(bag)
        score = torch.einsum("nd,mkd->nmk", anchor, bag) / temperature
        # a bag answers as a whole, so each (anchor, bag) pair becomes one number: (N, N)
        pair = torch.logsumexp(score, dim=2)
        rows = [pair]
        if denominator == "symmetric":
            rows.append(pair.t().masked_fill(_eye(pair), -torch.inf))
        elif denominator == "official":
            rows.append(pair.t())
        return (torch.logsumexp(torch.cat(rows, dim=1), dim=1) - pair.diagonal()).mean()


def glcm_global(
    audio: Tensor,
    cells: Tensor,
    *,
    denominator: Denominator = "symmetric",
    temperature: float = 1.0,
) -> Tensor:
    """Contrast a clip's audio with the cells of its own video: any cell may be the one that sounds.

    Ma et al. 2021, eq. 1. audio (B, D), cells (B, P, D), both averaged over time -> scalar.
    """
    return cross_modal_mil_nce(audio, cells, denominator=denominator, temperature=temperature)


def glcm_local(
    steps: Tensor,
    slices: Tensor,
    *,
    denominator: Denominator = "symmetric",
    temperature: float = 1.0,
) -> Tensor:
    """Contrast each visual step with its own window of audio slices, against every other window.

    Ma et al. 2021, eq. 2; windows of the same video are negatives too. steps (B, T, D), slices (B,
    T, M, D) -> scalar; equal similarities give log(2BT - 1) (symmetric) or log 2BT (official).
    Raises ValueError for a batch of one clip.
    """
    if steps.shape[0] < 2:
        raise ValueError("a batch of one clip has no other clip to contrast with; raise it to 2")
    return cross_modal_mil_nce(
        steps.flatten(0, 1),
        slices.flatten(0, 1),
        denominator=denominator,
        temperature=temperature,
    )


def attention_over_cells(query: Tensor, cells: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Where a query looks: softmax over cells of <query, cell> / temperature.

    Ma et al. 2021, sec. 3.2. query (B, D), cells (B, P, D) -> (B, P), rows sum to 1. A zero query
    looks everywhere alike, which is average pooling.
    """
    with torch.autocast(device_type=query.device.type, enabled=False):
        score = torch.einsum("bd,bpd->bp", wide(query), wide(cells)) / temperature
        return torch.softmax(score, dim=1)


def even_attention(cells: Tensor) -> Tensor:
    """Weights of average pooling over the cells of (B, P, D): (B, P), never in half precision."""
    return torch.full(cells.shape[:2], 1.0 / cells.shape[1], device=cells.device)


def attention_pool(attention: Tensor, cells: Tensor) -> Tensor:
    """Weighted mean over cells at each step. attention (B, P), cells (B, T, P, D) -> (B, T, D)."""
    with torch.autocast(device_type=attention.device.type, enabled=False):
        return torch.einsum("bp,btpd->btd", attention, wide(cells))


def windows(audio: Tensor, steps: int) -> Tensor:
    """Cut audio into one window per visual step: window t holds slices tM .. tM + M - 1.

    No overlap. audio (B, T_a, D) -> (B, steps, M, D) with M = T_a // steps. A remainder is cut off
    at the end of each clip; the authors' code cuts it off the flattened batch, which shifts every
    later clip's windows. Raises ValueError where the audio is shorter than the video.
    """
    length = audio.shape[1]
    if length < steps:
        raise ValueError(
            f"{length} audio steps cannot fill one window for each of {steps} visual steps; use "
            "an audio "
            "encoder that keeps more steps, or a longer audio view"
        )
    size = length // steps
    return audio[:, : steps * size].unflatten(1, (steps, size))


def _eye(square: Tensor) -> Tensor:
    return torch.eye(len(square), dtype=torch.bool, device=square.device)
