"""What a contrastive pretext gets right: logged beside its losses, never minimised.

A bag (the cells of a clip, the slices of a window) is ranked as cross_modal_mil_nce ranks it, by
log-sum-exp over its members; ties go to the first.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def clips_found(audio: Tensor, cells: Tensor, *, temperature: float = 1.0) -> dict[str, Tensor]:
    """How many clips are found by their audio in the batch, and how many guessing would find.

    audio (B, D), cells (B, P, D) -> accuracy and chance 1 / B.
    """
    with torch.autocast(device_type=audio.device.type, enabled=False):
        score = torch.einsum("id,jpd->ijp", audio.float(), cells.float()) / temperature
        return _share("retrieval", score.logsumexp(dim=2)[None])


@torch.no_grad()
def windows_found(steps: Tensor, slices: Tensor, *, temperature: float = 1.0) -> dict[str, Tensor]:
    """How many visual steps find their own window of sound among those of their clip.

    Timing alone can tell: timbre and scene are the same in every window. steps (B, T, D), slices
    (B, T, M, D) -> accuracy and chance 1 / T.
    """
    with torch.autocast(device_type=steps.device.type, enabled=False):
        score = torch.einsum("btd,bsmd->btsm", steps.float(), slices.float()) / temperature
        return _share("local", score.logsumexp(dim=3))


def _share(term: str, score: Tensor) -> dict[str, Tensor]:
    """Rows whose largest score is on the diagonal. score (G, N, N)."""
    own = torch.arange(score.shape[1], device=score.device)
    return {
        f"{term}_accuracy": (score.argmax(dim=2) == own).float().mean(),
        f"{term}_chance": torch.full_like(score[0, 0, 0], 1 / score.shape[1]),
    }
