"""Asks a trained objective about batches, without leaving a trace in it.

    accuracy    every <term>_accuracy that `loss` logs, beside its <term>_chance
    cosine      where it logs none: of the two embeddings of one clip, beside those of two clips

Asked in evaluation mode, about clips as they are. What an objective remembers (a queue) is then
filled anew in that mode: keys that training left were normalised by their batch and augmented, and
could be told from the right one by that alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from registries.errors import BenchError
from registries.objective import Objective

LEAST_Z = 3.0  # chosen: guessing gets there once in 740 times
LEAST_ERROR = 1e-6  # where all clips agree
LEAST_SHIFT = 0.25  # of a clip; the roll is circular, so the most is 1 minus this
SHIFT = 1  # key of the random draws of shifts
MOST_PASSES = 16  # over clips that fill a memory; chosen
ACCURACY, CHANCE = "_accuracy", "_chance"


@dataclass(frozen=True)
class Score:
    """A value, what guessing reaches, and the standard error of their difference.

    Of an accuracy it is that of guessing over the clips, sqrt(c (1 - c) / n): several answers about
    one clip do not count as several clips. Of a cosine it is that of the mean difference.
    """

    value: float
    chance: float
    error: float

    @property
    def z(self) -> float:
        """Standard errors above guessing."""
        return (self.value - self.chance) / max(self.error, LEAST_ERROR)

    @property
    def beats(self) -> bool:
        """Clearly better than guessing."""
        return self.z >= LEAST_Z


@dataclass(frozen=True)
class Shift:
    """Rolls the sound of every clip in time, by a share of it that is drawn for each clip."""

    views: Sequence[str]
    seed: int

    def __call__(self, inputs: Mapping[str, Tensor], index: Tensor) -> dict[str, Tensor]:
        """All audio views of a clip by the same share. (B[, N], F, T) each."""
        draws = [self.draw(number) for number in index.tolist()]
        return {
            name: _rolled(clips, draws) if name in self.views else clips
            for name, clips in inputs.items()
        }

    def draw(self, index: int) -> float:
        """Of the clip with this index: 0 is the least shift, 1 the most."""
        return float(np.random.default_rng([self.seed, SHIFT, index]).random())


def _rolled(clips: Tensor, draws: Sequence[float]) -> Tensor:
    """(B[, N], F, T) rolled along T, each clip on its own."""
    length = clips.shape[-1]
    least, most = math.ceil(LEAST_SHIFT * length), math.floor((1 - LEAST_SHIFT) * length)
    steps = [least + round(draw * (most - least)) for draw in draws]
    return torch.stack([clip.roll(by, dims=-1) for clip, by in zip(clips, steps, strict=True)])


Change = Callable[[Mapping[str, Tensor], Tensor], dict[str, Tensor]]
Batches = Iterable[dict[str, Any]]


def examine(
    objective: Objective,
    known: Batches,
    asked: Batches,
    *,
    change: Change | None = None,
) -> dict[str, Score]:
    """Scores of every pretext task over the batches of `asked`, each in the same state.

    known: what fills the memory first. change: of (inputs, index), for both. Raises BenchError
    where an objective logs no accuracy and leaves no two embeddings of one width.
    """
    objective.eval()
    sizes: list[int] = []
    logs: list[dict[str, float]] = []
    pairs: list[tuple[Tensor, Tensor]] = []
    with torch.no_grad(), undisturbed(objective):
        _remember(objective, known, change)
        for batch in asked:
            with undisturbed(objective):
                logs.append(_ask(objective, batch, change))
            pairs += _cosines(objective.embeddings)
            sizes.append(len(batch["data_samples"]["index"]))
    return _accuracies(logs, sizes) or {"cosine": _paired(pairs)}


def _ask(objective: Objective, batch: dict[str, Any], change: Change | None) -> dict[str, float]:
    """What `loss` says of a batch."""
    data = objective.data_preprocessor(batch, training=False)
    inputs, samples = data["inputs"], data["data_samples"]
    given = inputs if change is None else change(inputs, samples["index"])
    losses = objective(given, samples, mode="loss")
    return {key: float(value.float().mean()) for key, value in losses.items()}


def _remember(objective: Objective, batches: Batches, change: Change | None) -> None:
    """Show these batches to an objective that remembers, until nothing older is left in it."""
    # counters are not memory; statistics stand still in evaluation
    tables = {key: value for key, value in objective.named_buffers() if value.dim() > 1}
    old = {key: value.clone() for key, value in tables.items()}
    for _ in range(MOST_PASSES):
        for batch in batches:
            _ask(objective, batch, change)
            left = [(tables[key] == was).flatten(1).all(dim=1) for key, was in old.items()]
            if not any(rows.any() and not rows.all() for rows in left):
                return


@contextmanager
def undisturbed(objective: Objective) -> Iterator[None]:
    """Queues, twins, counters and statistics are afterwards as they were."""
    saved = {key: value.clone() for key, value in objective.state_dict().items()}
    try:
        yield
    finally:
        objective.load_state_dict(saved)


def _accuracies(logs: Sequence[Mapping[str, float]], sizes: Sequence[int]) -> dict[str, Score]:
    """Means over clips of each accuracy that is logged with its chance."""
    names = [key.removesuffix(ACCURACY) for key in logs[0] if key.endswith(ACCURACY)]
    count, found = sum(sizes), {}
    for name in names:
        if name + CHANCE in logs[0]:
            value = float(np.average([log[name + ACCURACY] for log in logs], weights=sizes))
            chance = float(np.average([log[name + CHANCE] for log in logs], weights=sizes))
            error = math.sqrt(max(chance * (1 - chance), 0.0) / count)
            found[name] = Score(value, chance, error)
    return found


def _cosines(embeddings: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """For each clip: the cosine of its own two embeddings, and the mean one with other clips'."""
    rows = [F.normalize(found.float(), dim=1) for found in [*embeddings.values()][:2]]
    if len(rows) < 2 or rows[0].shape != rows[1].shape or len(rows[0]) < 2:
        return []
    table = rows[0] @ rows[1].t()
    own = table.diagonal()
    return [(own.cpu(), ((table.sum(dim=1) - own) / (len(table) - 1)).cpu())]


def _paired(pairs: Sequence[tuple[Tensor, Tensor]]) -> Score:
    """Mean cosine of one clip's embeddings beside that of different clips'."""
    if not pairs:
        raise BenchError(
            "it logs no <term>_accuracy with <term>_chance and leaves no two embeddings of one "
            "width: nothing says whether it learnt. Log one of them in `loss`."
        )
    own, other = (torch.cat(side).double() for side in zip(*pairs, strict=True))
    error = float((own - other).std()) / math.sqrt(len(own))
    return Score(float(own.mean()), float(other.mean()), error)
