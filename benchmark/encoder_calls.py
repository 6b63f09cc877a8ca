"""Which passes of its encoders an objective makes: noted while it runs, and made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from registries.encoder import Encoder, Inject


@dataclass(frozen=True)
class Call:
    """One pass of an encoder: over which clips, up to which stages, with gradient or without."""

    encoder: Encoder
    clip: Tensor
    stages: tuple[str, ...] | None  # None: `forward`
    grad: bool

    def again(self) -> tuple[Tensor, ...]:
        """The maps of the same pass."""
        with torch.set_grad_enabled(self.grad):
            if self.stages is None:
                maps: tuple[Tensor, ...] = self.encoder(self.clip)
                return maps
            return self.encoder.intermediates(self.clip, self.stages)


@contextmanager
def recorded(model: nn.Module) -> Iterator[list[Call]]:
    """Collect the outermost calls of every encoder inside `model`: trunks, twins, all of them.

    `forward` and `intermediates` alike; what an encoder calls inside itself is part of its pass.
    """
    calls: list[Call] = []
    encoders = [module for module in model.modules() if isinstance(module, Encoder)]
    for encoder in encoders:
        _watch(encoder, calls)
    try:
        yield calls
    finally:
        for encoder in encoders:
            del encoder.forward, encoder.intermediates


def _watch(encoder: Encoder, calls: list[Call]) -> None:
    """Shadow both ways into an encoder by ones that note the call first."""
    forward, intermediates = encoder.forward, encoder.intermediates
    inner = [other for other in encoder.modules() if isinstance(other, Encoder)]

    def noted(
        clip: Tensor, stages: tuple[str, ...] | None, run: Callable[[], tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        again = clip.detach().requires_grad_(clip.requires_grad)
        calls.append(Call(encoder, again, stages, torch.is_grad_enabled()))
        at = len(calls)
        found = run()
        # drop what the encoder called inside itself; passes of others stay
        calls[at:] = [call for call in calls[at:] if call.encoder not in inner]
        return found

    def watched_forward(clip: Tensor) -> tuple[Tensor, ...]:
        return noted(clip, None, lambda: forward(clip))

    def watched_intermediates(
        clip: Tensor, stages: tuple[str, ...], *, inject: Inject | None = None
    ) -> tuple[Tensor, ...]:
        return noted(clip, stages, lambda: intermediates(clip, stages, inject=inject))

    encoder.forward = watched_forward  # type: ignore[method-assign]
    encoder.intermediates = watched_intermediates  # type: ignore[method-assign]
