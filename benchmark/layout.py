"""Three ways to have the same encoders computed: channels last, in less memory, compiled.

    channels_last              weights of 3-D convolutions in that order; activations follow them
    activation_checkpointing   of each segment of an encoder only what goes in is kept; the backward
                               pass computes the rest anew (Chen et al. 2016, arXiv 1604.06174)
    compile                    torch.compile of every encoder's `forward`

The second changes no number, the others the order in which sums are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from benchmark.settings import Recipe
from registries.encoder import Encoder
from registries.errors import NotReadyError, UsageError


def lay_out(model: nn.Module, recipe: Recipe) -> nn.Module:
    """The model, changed in place as the recipe says. Names of weights stay as they are.

    Raises UsageError for an encoder without segments, NotReadyError without a compiler.
    """
    encoders = outermost(model)
    if recipe.channels_last:
        _channels_last(model)
    if recipe.activation_checkpointing:
        for encoder in encoders:
            recompute(encoder)
    if recipe.compile:
        need_compiler()
        for encoder in encoders:
            encoder.compile()
    return model


def outermost(model: nn.Module) -> list[Encoder]:
    """Encoders of a model, twins included, without those that are parts of another."""
    found = [module for module in model.modules() if isinstance(module, Encoder)]
    inner = {part for encoder in found for part in encoder.modules() if part is not encoder}
    return [encoder for encoder in found if encoder not in inner]


def recompute(encoder: Encoder) -> None:
    """Keep only what goes into each segment; buffers (statistics of batch norm) move once.

    Raises UsageError for an encoder that names no segments, in itself or in the encoders inside it.
    """
    parts = [part for part in encoder.modules() if isinstance(part, Encoder)]
    segments = [segment for part in parts for segment in part.segments()]
    if not segments:
        raise UsageError(
            f"activation_checkpointing: {type(encoder).__name__} names no segments that could be "
            "computed anew. Leave the option out, or have its `segments()` return them."
        )
    for segment in segments:
        segment.forward = _kept_light(segment)


def _kept_light(segment: nn.Module) -> Callable[[Tensor], Tensor]:
    """The segment's `forward`, whose activations are not kept."""
    forward, stateful = segment.forward, [part for part in segment.modules() if part._buffers]

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _unmoved(stateful)

    def light(x: Tensor) -> Tensor:
        found: Tensor = (
            checkpoint(forward, x, use_reentrant=False, context_fn=contexts)
            if torch.is_grad_enabled()
            else forward(x)
        )
        return found

    return light


@contextmanager
def _unmoved(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let a second pass change copies of the buffers, which the first one has moved already."""
    kept = [dict(module._buffers) for module in modules]
    for module in modules:
        for name, value in module._buffers.items():
            module._buffers[name] = None if value is None else value.clone()
    try:
        yield
    finally:  # torch leaves as soon as it has what the backward pass needs
        for module, buffers in zip(modules, kept, strict=True):
            module._buffers.update(buffers)


@cache
def need_compiler() -> None:
    """Raise NotReadyError where torch.compile cannot make code for this machine."""
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def probe(x: Tensor) -> Tensor:
        return x.sin() + 1

    try:
        torch.compile(probe)(torch.ones(8, device=device))
    except Exception as error:  # of torch, of the compiler, of the operating system
        needed = "Triton" if device == "cuda" else "a C++ compiler (such as g++, or CXX=...)"
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise NotReadyError(
            f"compile=True: torch.compile does not work here ({reason}). It needs {needed}; "
            "install that, or leave the option out."
        ) from error


def _channels_last(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
