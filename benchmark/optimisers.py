"""How gradients become steps: rates of groups, LARC's of each layer, clipping, bf16 on a CPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, _ParamScheduler
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from registries.errors import UsageError

EPS = 1e-8  # You et al. 2017 have none; keeps a layer without gradient and weights from 0 / 0


def larc(weight: Tensor, grad: Tensor, *, lr: float, weight_decay: float, trust: float) -> Tensor:
    """The gradient as an inner optimiser at rate `lr` should see it: layer-wise rate, clipped.

        g = min(trust |w| / (|grad| + weight_decay |w|) / lr, 1) (grad + weight_decay w)

    You, Gitman, Ginsburg 2017 (arXiv 1708.03888), eq. 6, clipped at the global rate. Weights that
    are all zero have no size to go by: factor 1, or they would never leave zero.
    """
    size = weight.norm()
    local = trust * size / (grad.norm() + weight_decay * size + EPS)
    # at the first step of a warm-up from zero the quotient is infinite: clipped like any other
    factor = (local / lr).clamp(max=1.0) if lr > 0 else torch.ones_like(local)
    return torch.where(size > 0, factor, 1.0) * (grad + weight_decay * weight)


@OPTIM_WRAPPERS.register_module()
class CpuBf16OptimWrapper(OptimWrapper):
    """Forward passes in bf16 on a CPU, where mmengine's own wrapper for it refuses to be made.

    Weights, gradients and the optimiser stay fp32; bf16 has the range of fp32: nothing is scaled.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast inside the context that accumulation needs."""
        with super().optim_context(model), torch.autocast("cpu", torch.bfloat16), TwoFramesInFp32():
            yield


class TwoFramesInFp32(TorchFunctionMode):
    """Convolutions over two frames leave bf16: their weight gradients are wrong on CPUs.

    Seen with torch 2.11 (oneDNN) and kernels of three frames; other depths are right.
    """

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 - any function of torch
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what `func` returns
        """The function itself but for these convolutions."""
        if func is not torch.conv3d or args[0].shape[2] != 2:
            return func(*args, **(kwargs or {}))
        with torch.autocast("cpu", enabled=False):
            exact = (part.float() if isinstance(part, Tensor) else part for part in args)
            return func(*exact, **(kwargs or {}))


class ClipNorm(Hook):
    """Scales all gradients down to a total norm, just before the optimiser's step.

    mmengine's own reads the norm at every step, which waits for the device, and keeps each.
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = max_norm

    def before_train(self, runner: Runner) -> None:
        """Hang on to the optimiser."""
        runner.optim_wrapper.optimizer.register_step_pre_hook(self.clip)

    def clip(
        self, optimizer: torch.optim.Optimizer, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> None:
        """What the optimiser calls before its step."""
        weights = chain.from_iterable(group["params"] for group in optimizer.param_groups)
        torch.nn.utils.clip_grad_norm_(weights, self.max_norm)


class Larc(Hook):
    """Rescales every gradient by LARC just before the optimiser's step (after `ClipNorm`).

    The optimiser itself must have no weight decay: it is part of the gradient here.
    """

    def __init__(self, *, trust: float, weight_decay: float) -> None:
        self.trust, self.weight_decay = trust, weight_decay

    def before_train(self, runner: Runner) -> None:
        """Hang on to the optimiser."""
        runner.optim_wrapper.optimizer.register_step_pre_hook(self.rescale)

    @torch.no_grad()
    def rescale(
        self, optimizer: torch.optim.Optimizer, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> None:
        """What the optimiser calls before its step."""
        for group in optimizer.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    scaled = larc(
                        weight,
                        weight.grad,
                        lr=group["lr"],
                        weight_decay=self.weight_decay,
                        trust=self.trust,
                    )
                    weight.grad.copy_(scaled)


def warmed_cosine(
    step: int, *, steps: int, warmup: int, start: float, final: float, cosine: bool = True
) -> float:
    """Share of the rate at a step: up a line from `start` to 1, then down a cosine to `final`.

    Step 0 is at `start` and step warmup - 1 at 1; with k steps gone since then of K, it is final +
    (1 - final) (1 + cos(pi k / K)) / 2, so `final` itself is never reached. cosine: False stays
    at 1.
    """
    if step < warmup:
        return start + (1.0 - start) * step / max(warmup - 1, 1)
    if not cosine:
        return 1.0
    done = (step - warmup) / max(steps - warmup, 1)
    return final + (1.0 - final) * (1.0 + math.cos(math.pi * done)) / 2


class WarmedCosine(_ParamScheduler):
    """`warmed_cosine` on every group but those marked `constant`, which keep their own rate.

    From the step's number alone, so a rate of zero is possible: mmengine's own schedulers multiply
    the rate before and cannot leave zero.
    """

    def __init__(
        self,
        optimizer: Any,  # noqa: ANN401 - mmengine's wrapper or torch's optimiser
        *,
        end: int,
        warmup: int = 0,
        start: float = 0.0,
        final: float = 0.0,
        cosine: bool = True,
        by_epoch: bool = False,
    ) -> None:
        self.warmup, self.start, self.final, self.cosine = warmup, start, final, cosine
        super().__init__(optimizer, "lr", end=end, by_epoch=by_epoch)

    def _get_value(self) -> list[float]:
        share = warmed_cosine(
            self.last_step,
            steps=self.end,
            warmup=self.warmup,
            start=self.start,
            final=self.final,
            cosine=self.cosine,
        )
        pairs = zip(self.base_values, self.optimizer.param_groups, strict=True)
        return [base if group.get("constant") else base * share for base, group in pairs]


def parameter_rates(
    names: Iterable[str], *, scale: Mapping[str, float], constant: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Settings of each parameter's group: `lr_mult`, and `constant` where the rate stands still.

    scale, constant: by the beginning of a parameter's name, whole parts only ("predictors",
    "trunks.video"); the longest that fits counts. Raises UsageError for one that fits nothing.
    """
    names = list(names)
    for begin in (*scale, *constant):
        if not any(_begins(name, begin) for name in names):
            parts = sorted({name.split(".")[0] for name in names})
            raise UsageError(
                f"lr_scale or constant_lr names {begin!r}, with which no parameter's name begins. "
                f"Names of this model begin with: {', '.join(parts)}."
            )
    found = {}
    for name in names:
        fitting = [begin for begin in scale if _begins(name, begin)]
        found[name] = {
            "lr_mult": scale[max(fitting, key=len)] if fitting else 1.0,
            "constant": any(_begins(name, begin) for begin in constant),
        }
    return found


def _begins(name: str, begin: str) -> bool:
    return f"{name}.".startswith(f"{begin}.")
