"""Random numbers that belong to a sample and a step, whichever process or place in a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# splitmix64: Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", fig. 10
GAMMA, MIX1, MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
BITS = 24  # of a float32's mantissa: the largest draw stays below 1


class Draws(nn.Module):
    """Uniform numbers computed from a sample's index, a step counter and the run's salt.

    u = hash(salt, step, keys). A torch generator would give a sample other numbers when the batch
    is permuted or spread over processes; these stay, and a resumed run repeats them. The salt is
    drawn once, from the runner's seed.
    """

    salt: Tensor
    step: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("salt", torch.randint(2**62, ()))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def advance(self) -> None:
        """Other numbers from now on; call it once a step."""
        self.step += 1

    @torch.no_grad()
    def uniform(self, *keys: Tensor | int) -> Tensor:
        """Numbers in [0, 1), float32, of the shape to which the whole-number keys broadcast."""
        state = _mix(self.salt + _mix(self.step))
        for key in keys:
            state = _mix(state + _mix(torch.as_tensor(key, device=self.step.device).long()))
        return _shift(state, 64 - BITS).float() / 2**BITS


def _mix(x: Tensor) -> Tensor:
    """The finaliser: each bit of x (any int64) changes about half of the bits of the result."""
    x = x + _signed(GAMMA)
    x = (x ^ _shift(x, 30)) * _signed(MIX1)
    x = (x ^ _shift(x, 27)) * _signed(MIX2)
    return x ^ _shift(x, 31)


def _shift(x: Tensor, places: int) -> Tensor:
    """Right shift that fills with zeros: torch's fills with the sign."""
    return (x >> places) & ((1 << (64 - places)) - 1)


def _signed(constant: int) -> int:
    """The int64 with the bits of an unsigned 64-bit constant."""
    return constant - 2**64 if constant >= 2**63 else constant
