"""A recurrent network over feature maps, and predictions that are fed back to it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ConvGRU(nn.Module):
    """One step of a gated recurrent unit whose products are convolutions.

    u = sigma(W_u [x, h]), r = sigma(W_r [x, h]), o = tanh(W_o [x, r h]), h' = (1 - u) h + u o.
    Ballas et al. 2016, as Han et al. 2019's code has it. x, h, h' (B, D, h, w); no h is h = 0.
    dropout: share of the new state that is zeroed, which is what the next step sees too. Weights
    are orthogonal times `gain`, biases 0.
    """

    def __init__(self, dim: int, *, kernel: int = 1, dropout: float = 0.1, gain: float = 1) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that the grid keeps its size; got {kernel}")
        self.reset_gate, self.update_gate, self.out_gate = (
            nn.Conv2d(2 * dim, dim, kernel, padding=kernel // 2) for _ in range(3)
        )
        self.dropout = nn.Dropout(dropout)
        orthogonal(self, gain=gain)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """The next state."""
        state = torch.zeros_like(x) if state is None else state
        both = torch.cat([x, state], dim=1)
        update, reset = self.update_gate(both).sigmoid(), self.reset_gate(both).sigmoid()
        fresh = self.out_gate(torch.cat([x, reset * state], dim=1)).tanh()
        return self.dropout((1 - update) * state + update * fresh)


def predict_ahead(
    step: Callable[[Tensor, Tensor | None], Tensor],
    predict: Callable[[Tensor], Tensor],
    observed: Tensor,
    count: int,
) -> tuple[Tensor, Tensor]:
    """Context of the observed blocks, and `count` predictions, each fed back to reach the next.

    h = step(ReLU(F_n), h) over the observed blocks; then p_k = predict(h), h = step(ReLU(p_k), h).
    Han et al. 2019, sec. 3. observed (B, N, D, h, w) -> (B, D, h, w), (B, count, D, h, w).
    """
    state = None
    for block in observed.unbind(dim=1):
        state = step(block.relu(), state)
    assert state is not None
    context, found = state, [predict(state)]
    while len(found) < count:
        state = step(found[-1].relu(), state)
        found.append(predict(state))
    return context, torch.stack(found, dim=1)


def orthogonal(net: nn.Module, *, gain: float = 1.0) -> None:
    """Orthogonal weights times `gain`, and zero biases, in every layer of a network."""
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1:
            nn.init.orthogonal_(parameter, gain=gain)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
