"""What an objective costs beyond its encoders: a training step against the passes inside it.

    step         loss of one batch, forward and backward; the optimiser is timed after it
    reference    the same passes of the same encoders over the same tensors, and backward from the
                 mean of their maps; a pass that the step makes without gradient has none here

Both are timed in turns in one process, step, reference, step, reference, and compared within each
turn, so that how busy the machine is cancels (see clock.py). Batches are noise of the shapes that
the recipe gives, and what is done to them before the encoders is not counted.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import Tensor
from torch.utils.data import default_collate

from benchmark.data.augment import Augment
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.encoder_calls import Call, recorded
from benchmark.mock import MockClips
from benchmark.perf.clock import one_thread, quartiles, seconds
from benchmark.pretrain import build, sampling_for
from benchmark.settings import Recipe
from benchmark.training import device_name, optim_wrapper, precision_of
from registries.objective import Objective

REPEATS, WARM_UP = 9, 2  # turns that count, and turns before them that do not; chosen
PROGRESS = 0.5  # chosen: every curriculum and ramp is under way

SCORES = "adds heads and one table of scores to its encoders"
MAPS = "scores every cell of its maps, or runs a recurrent net or fusions over them"
# objective -> most that a step may cost, in passes of its encoders, and why. Heads of the papers'
# widths are dear beside a backbone of 8 channels: with them `demo` measured (batch 16, one CPU
# thread) 1.35 for crisscross (dim, hidden 2048), 2.39 for infomax (dim 512) and 1.47 for
# temporal_order (queue 16,384); with those of the CPU presets 1.00, 1.26 and 1.09.
LIMITS: Mapping[str, tuple[float, str]] = {
    "glcm": (1.25, SCORES),
    "moco": (1.25, SCORES),
    "cpc": (1.25, SCORES),
    "crisscross": (1.25, SCORES),
    "avts": (1.25, SCORES),
    "temporal_order": (1.25, SCORES),
    "dpc": (1.5, MAPS),
    "infomax": (1.5, MAPS),
    "avslowfast": (1.5, MAPS),
}


@dataclass(frozen=True)
class Pass:
    """A call as it is reported."""

    modality: str
    shape: tuple[int, ...]
    stages: tuple[str, ...] | None
    grad: bool


@dataclass(frozen=True)
class Cost:
    """Costs of one objective. ratio, with_optimiser: step / reference, median over turns."""

    objective: str
    passes: tuple[Pass, ...]
    ratio: float
    quartiles: tuple[float, float]  # of `ratio` over turns
    with_optimiser: float
    step_seconds: float  # medians
    reference_seconds: float
    limit: float | None  # None: no limit is set for this objective
    reason: str
    batch: int
    repeats: int
    device: str
    precision: str

    @property
    def above(self) -> bool:
        """Dearer than it may be."""
        return self.limit is not None and self.ratio > self.limit

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"above": self.above}


@dataclass(frozen=True)
class Turn:
    """Seconds of one turn."""

    step: float
    optimiser: float
    reference: float


def measure(
    name: str, recipe: Recipe, *, batch: int | None = None, repeats: int = REPEATS, seed: int = 0
) -> Cost:
    """Time objective `name` under a recipe. batch: None is the recipe's."""
    size = batch or recipe.pretrain.batch_size
    torch.manual_seed(seed)
    objective, data = _ready(name, recipe, size)
    precision = precision_of(recipe.precision)
    step = Step(objective, data, precision=precision)
    with recorded(objective) as calls:
        step.once()
    optimiser = _still(objective, recipe)
    reference = Reference(calls, precision=precision)
    with one_thread():
        turns = [_turn(objective, step, reference, optimiser) for _ in range(WARM_UP + repeats)]
    limit, reason = LIMITS.get(name, (None, ""))
    return Cost(
        objective=name,
        passes=tuple(
            Pass(call.encoder.modality, tuple(call.clip.shape), call.stages, call.grad)
            for call in calls
        ),
        **summarise(turns[WARM_UP:]),
        limit=limit,
        reason=reason,
        batch=size,
        repeats=repeats,
        device=device_name(),
        precision=precision,
    )


def summarise(turns: Sequence[Turn]) -> dict[str, Any]:
    """Medians and quartiles over turns, as fields of Cost."""
    ratios = [turn.step / turn.reference for turn in turns]
    return {
        "ratio": statistics.median(ratios),
        "quartiles": quartiles(ratios),
        "with_optimiser": statistics.median(
            (turn.step + turn.optimiser) / turn.reference for turn in turns
        ),
        "step_seconds": statistics.median(turn.step for turn in turns),
        "reference_seconds": statistics.median(turn.reference for turn in turns),
    }


@dataclass(frozen=True)
class Step:
    """Loss of one batch, forward and backward, as training does it."""

    objective: Objective
    data: Mapping[str, Any]
    precision: str

    def once(self) -> None:
        """Leaves gradients."""
        with _autocast(self.data["inputs"], self.precision):
            losses = self.objective(self.data["inputs"], self.data["data_samples"], mode="loss")
            total, _ = self.objective.parse_losses(losses)
        total.backward()


@dataclass(frozen=True)
class Reference:
    """The encoder passes of a step and nothing else."""

    calls: Sequence[Call]
    precision: str

    def once(self) -> None:
        """Leaves gradients in what the passes with gradient went through."""
        clips = {str(number): call.clip for number, call in enumerate(self.calls)}
        with _autocast(clips, self.precision):
            maps = [found for call in self.calls for found in call.again()]
            means = [found.float().mean() for found in maps if found.requires_grad]
        torch.autograd.backward(torch.stack(means).sum())


def _turn(objective: Objective, step: Step, reference: Reference, optimiser: OptimWrapper) -> Turn:
    """One step, its optimiser, one reference."""
    objective.zero_grad()
    stepping = seconds(step.once)
    optimising = seconds(optimiser.step)
    objective.zero_grad()
    return Turn(stepping, optimising, seconds(reference.once))


def _ready(name: str, recipe: Recipe, batch: int) -> tuple[Objective, dict[str, Any]]:
    """The objective on its device in training mode, and one batch as its loss gets it."""
    options = recipe.objectives.get(name, {})
    sampling = sampling_for(name, options, recipe)
    preprocessor = ClipPreprocessor(
        sampling.views, size=recipe.clip.size, augment=Augment.make(recipe.pretrain.augment)
    )
    objective = build(name, options, recipe=recipe, preprocessor=preprocessor)
    objective.to("cuda" if torch.cuda.is_available() else "cpu").train()
    objective.progress = PROGRESS
    clips = MockClips(sampling, size=recipe.clip.size, count=batch)
    data = default_collate([clips[index] for index in range(batch)])
    return objective, objective.data_preprocessor(data, training=True)


def _still(objective: Objective, recipe: Recipe) -> OptimWrapper:
    """The recipe's optimiser at rate zero: the same work, and every turn meets the same weights."""
    wrapper = build_optim_wrapper(objective, optim_wrapper(objective, recipe.pretrain, "fp32"))
    for group in wrapper.optimizer.param_groups:
        group["lr"] = 0.0
    return wrapper


def _autocast(inputs: Mapping[str, Tensor], precision: str) -> AbstractContextManager[Any]:
    device = next(iter(inputs.values())).device.type
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")
