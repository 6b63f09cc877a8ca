"""Predicting what comes next: scores of predictions against targets, and InfoNCE over them.

A prediction is a row, a target a column; the softmax of InfoNCE runs over the columns of a row:
which of these targets does the prediction mean? Pure functions, float32 at least, autocast off.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from objectives.parts.precision import wide

Score = Literal["dot", "mean", "cosine"]
Negatives = Literal["set", "other_videos", "same_video", "all"]
TEMPERATURES = {"dot": 1.0, "mean": 1.0, "cosine": 0.1}  # dot, mean: none in any source; .1 chosen


class Choice(NamedTuple):
    """Rows that each choose one column.

    scores: (R, C), -inf where a column is no candidate of a row. positive: (R,) the right column.
    """

    scores: Tensor
    positive: Tensor


def similarity(
    predicted: Tensor, targets: Tensor, *, score: Score = "dot", temperature: float | None = None
) -> Tensor:
    """Score of every prediction with every target, divided by the temperature.

    dot: <p, z> (Oord et al. 2018, eq. 3; Han et al. 2019, sec. 3). mean: <p, z> / D. cosine: <p, z>
    / (|p| |z|). temperature: None is 1, and .1 for cosine. predicted (..., R, D), targets (..., C,
    D) -> (..., R, C).
    """
    temperature = TEMPERATURES[score] if temperature is None else temperature
    with torch.autocast(device_type=predicted.device.type, enabled=False):
        predicted, targets = wide(predicted), wide(targets)
        if score == "cosine":
            predicted, targets = F.normalize(predicted, dim=-1), F.normalize(targets, dim=-1)
        scale = targets.shape[-1] if score == "mean" else 1
        return predicted @ targets.transpose(-1, -2) / (scale * temperature)


def cpc_choice(
    predicted: Tensor,
    targets: Tensor,
    *,
    start: int,
    negatives: Negatives = "set",
    score: Score = "dot",
    temperature: float | None = None,
) -> Choice:
    """Every prediction of a vector, against the blocks that `negatives` allows.

    predicted (B, T, K, D): p[b, t, k] means block start + t + k of video b, so that `start` blocks
    were seen before the first prediction. targets (B, N, D) -> rows (b, t, k), columns (b, n).

    Candidates of row (b, t, k) besides its positive. set: the K blocks that are predicted at t, in
    all videos (DPC's rule). other_videos: the same block of the others (Oord's minibatch).
    same_video: the other blocks of the video. all: every other block of every video. Raises
    ValueError where a row is left without a negative.
    """
    (videos, times, steps), blocks = predicted.shape[:3], targets.shape[1]
    counts = {"set": videos * steps, "other_videos": videos, "same_video": blocks}
    _check_count(counts.get(negatives, videos * blocks))
    scores = similarity(
        predicted.flatten(0, 2), targets.flatten(0, 1), score=score, temperature=temperature
    )
    place = scores.device
    now = start + torch.arange(times, device=place)[:, None, None]  # blocks seen, (T, 1, 1)
    ahead = torch.arange(steps, device=place)[:, None]  # (K, 1)
    block = torch.arange(blocks, device=place)  # (N,)
    allowed = {
        "set": (block >= now) & (block < now + steps),
        "other_videos": block == now + ahead,
    }.get(negatives, torch.ones_like(block, dtype=torch.bool))
    own = torch.eye(videos, dtype=torch.bool, device=place)[:, None, None, :, None]
    candidate = own if negatives == "same_video" else torch.ones_like(own)
    candidate = candidate & allowed.expand(times, steps, blocks)[None, :, :, None, :]
    scores = scores.masked_fill(~candidate.flatten(3).flatten(0, 2), -torch.inf)
    first = blocks * torch.arange(videos, device=place)[:, None, None]  # of the row's own video
    return Choice(scores, (first + (now + ahead)[..., 0]).flatten())


def dpc_choice(
    predicted: Tensor,
    targets: Tensor,
    *,
    score: Score = "dot",
    temperature: float | None = None,
) -> Choice:
    """Every predicted cell, against all cells of all predicted blocks of all videos.

    Han et al. 2019, sec. 3. predicted, targets (B, P, D, h, w) -> (R, R) with R = B P h w, rows and
    columns in the order (b, p, cell); the positives are the diagonal. Besides it, a row has P - 1
    temporal negatives (same cell, other block), P (h w - 1) spatial ones (other cells of the video)
    and (B - 1) P h w easy ones (other videos), all in one softmax. Raises ValueError where there
    are none.
    """
    rows, columns = (x.flatten(3).transpose(2, 3).flatten(0, 2) for x in (predicted, targets))
    _check_count(len(columns))
    scores = similarity(rows, columns, score=score, temperature=temperature)
    return Choice(scores, torch.arange(len(scores), device=scores.device))


def info_nce(choice: Choice) -> Tensor:
    """L = mean over rows of [ LSE_j s_ij - s_i,positive ]. Oord et al. 2018, eq. 4.

    Equal scores: the log of the number of candidates.
    """
    with torch.autocast(device_type=choice.scores.device.type, enabled=False):
        return F.cross_entropy(choice.scores, choice.positive)


@torch.no_grad()
def accuracy(choice: Choice, *, top: int = 1) -> Tensor:
    """Share of rows whose positive is among their `top` best columns; ties go to the first."""
    right = choice.positive[:, None]
    value = choice.scores.gather(1, right)
    earlier = torch.arange(choice.scores.shape[1], device=right.device) < right
    better = (choice.scores > value) | ((choice.scores == value) & earlier)
    return (better.sum(dim=1) < top).float().mean()


@torch.no_grad()
def chance(choice: Choice) -> Tensor:
    """What guessing among the candidates reaches at top 1."""
    return (choice.scores > -torch.inf).sum(dim=1).float().reciprocal().mean()


def within_video(choice: Choice, videos: int) -> Choice:
    """The same rows, choosing among the columns of their own video only.

    Blank and static videos keep this low: their other blocks equal the positive. Rows and columns
    must be in the order of `cpc_choice` and `dpc_choice`, videos first.
    """
    columns = choice.scores.shape[1] // videos
    split = choice.scores.unflatten(1, (videos, columns)).unflatten(0, (videos, -1))
    own = split.diagonal(dim1=0, dim2=2).permute(2, 0, 1)  # (B, rows, columns)
    return Choice(own.flatten(0, 1), choice.positive % columns)


def recall(address: Tensor, memory: Tensor) -> Tensor:
    """Mixture of the memory's slots, softmax(address) M, at every cell.

    Han et al. 2020 (MemDPC), sec. 3. address (B, M, h, w), memory (M, D) -> (B, D, h, w).
    """
    with torch.autocast(device_type=address.device.type, enabled=False):
        weights = torch.softmax(wide(address), dim=1)
        return torch.einsum("bmhw,md->bdhw", weights, wide(memory))


def check_choice(*, score: str, temperature: float | None, negatives: str = "set") -> None:
    """Raise ValueError for an option that `cpc_choice` and `dpc_choice` do not know."""
    for name, value, allowed in (
        ("score", score, get_args(Score)),
        ("negatives", negatives, get_args(Negatives)),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
    if temperature is not None and temperature <= 0:
        raise ValueError(f"temperature must be positive, got {temperature}")


def _check_count(candidates: int) -> None:
    if candidates < 2:
        raise ValueError(
            "a single target has no negative to contrast with; raise the batch to 2 videos, or "
            "`predict`"
        )
