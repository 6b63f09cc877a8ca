"""What embeddings look like during pretraining: spread, rank, alignment, uniformity, collapse."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from benchmark.hooks import Report
from registries.objective import Objective

ROWS = 256  # chosen: embeddings of the last steps of an epoch that are looked at
LEAST_STD = 0.1  # chosen: below a tenth of the spread of directions drawn at random
LEAST_RANK = 2.0  # chosen: fewer than two directions in use


def spread(rows: Tensor) -> Tensor:
    """Deviation of unit vectors over the samples, mean over dimensions, times sqrt(D).

    Near 1 where directions fill the sphere, 0 where all samples look alike (Chen and He 2021,
    sec. 4.1). rows (N, D) -> scalar.
    """
    return F.normalize(rows, dim=1).std(dim=0).mean() * rows.shape[1] ** 0.5


def rank_me(rows: Tensor) -> Tensor:
    """Effective rank: exp of the entropy of the singular values' shares.

    Garrido et al. 2023, eq. 1, on centred rows; between 1 and min(N, D). Differs from the paper:
    centred, so that a constant offset does not count as a direction. rows (N, D) -> scalar.
    """
    values = torch.linalg.svdvals(rows - rows.mean(dim=0))
    share = values / values.sum().clamp_min(1e-12) + 1e-7
    return torch.exp(-(share * share.log()).sum())


def uniformity(rows: Tensor) -> Tensor:
    """Log mean exp(-2 ||x - y||^2) over pairs of unit vectors: 0 if all are one, -4 at random.

    Wang and Isola 2020, eq. 2. rows (N, D), N >= 2 -> scalar.
    """
    distances = torch.pdist(F.normalize(rows, dim=1))
    return (-2 * distances.square()).exp().mean().log()


def alignment(left: Tensor, right: Tensor) -> Tensor:
    """Mean squared distance of positive pairs of unit vectors, 0 to 4. Wang and Isola 2020, eq. 1.

    left, right (N, D), row i with row i -> scalar.
    """
    apart = F.normalize(left, dim=1) - F.normalize(right, dim=1)
    return apart.square().sum(dim=1).mean()


@torch.no_grad()
def describe(embeddings: Mapping[str, Tensor]) -> dict[str, float]:
    """Every number that can be had: of each name, and alignment of each pair of equal width."""
    rows = {name: value.double().cpu() for name, value in embeddings.items() if len(value) > 1}
    found: dict[str, float] = {}
    for name, value in rows.items():
        for key, measure in (("std", spread), ("rank", rank_me), ("uniformity", uniformity)):
            found[f"{name}_{key}"] = float(measure(value))
    for (one, left), (other, right) in combinations(rows.items(), 2):
        if left.shape == right.shape:
            found[f"{one}_{other}_alignment"] = float(alignment(left, right))
    return found


def collapsed(found: Mapping[str, float]) -> list[str]:
    """Names of embeddings that have all but one direction left, each with its numbers."""
    names = [key.removesuffix("_rank") for key in found if key.endswith("_rank")]
    return [
        f"{name}: std {found[f'{name}_std']:.3f} of 1, effective rank {found[f'{name}_rank']:.1f}"
        for name in names
        if found[f"{name}_std"] < LEAST_STD or found[f"{name}_rank"] < LEAST_RANK
    ]


class Diagnose(Hook):
    """Describes the embeddings of the last steps of every epoch and warns of collapse by name.

    The step itself only keeps references; measuring happens once an epoch.
    """

    def __init__(self, name: str, report: Report) -> None:
        self.name, self.report = name, report
        self.found: dict[str, float] = {}
        self.warnings: list[str] = []
        self._kept: deque[Mapping[str, Tensor]] = deque()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Keep this step's embeddings; as many steps as ROWS need."""
        model = getattr(runner.model, "module", runner.model)  # the distributed wrapper's inside
        assert isinstance(model, Objective)
        if not model.embeddings:
            return
        self._kept.append(model.embeddings)
        size = max(len(value) for value in model.embeddings.values())
        while len(self._kept) > 1 and (len(self._kept) - 1) * size >= ROWS:
            self._kept.popleft()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """What was measured last, and what the next measurement will be of."""
        kept = [{name: rows.detach() for name, rows in step.items()} for step in self._kept]
        told = {"found": self.found, "warnings": self.warnings}
        checkpoint["diagnostics"] = {"kept": kept, **told}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Go on with these."""
        stored = checkpoint["diagnostics"]
        self.found, self.warnings = stored["found"], stored["warnings"]
        self._kept = deque(stored["kept"])

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure, log, warn."""
        self.found = describe(_joined(self._kept))
        self._kept.clear()
        if not self.found:
            return
        runner.visualizer.add_scalars(
            {f"embeddings/{key}": value for key, value in self.found.items()}, step=runner.iter
        )
        self.warnings = [
            f"collapse in {self.name} at epoch {runner.epoch + 1}: {text}. The encoder may be "
            "worthless; lower pretrain.lr, or raise the batch."
            for text in collapsed(self.found)
        ]
        for warning in self.warnings:
            self.report({"warning": warning})


def _joined(kept: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Embeddings of several steps under each name that all of them have."""
    if not kept:
        return {}
    names = set.intersection(*(set(step) for step in kept))
    joined = {name: torch.cat([step[name] for step in kept]) for name in sorted(names)}
    return {name: rows for name, rows in joined.items() if torch.isfinite(rows).all()}
