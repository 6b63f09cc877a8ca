"""A linear layer on a learned mix of all stages of a frozen encoder.

    f = sum_l softmax(w)_l * P_l LN(h_l),   scores = softmax(V f + b)

Tseng et al. 2024 (AV-SUPERB): there all layers have one width and P_l is left out; the stages of a
residual network differ, so each gets a linear layer of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.protocols.probes import Fitted

Array = np.ndarray[Any, Any]

WIDTH, RATE = 256, 1e-3  # AV-SUPERB's Kinetics-Sound config
STEPS, EVERY, BATCH = 1000, 50, 256  # chosen: it has 50,000 steps of 16


class WeightedStages(nn.Module):
    """Scores of samples from the features of every stage, (B, C_l) each -> (B, classes)."""

    def __init__(self, widths: list[int], classes: int) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(len(widths)))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.project = nn.ModuleList(nn.Linear(width, WIDTH) for width in widths)
        self.output = nn.Linear(WIDTH, classes)

    @property
    def weights(self) -> Tensor:
        """Share of each stage, summing to one."""
        return self.mix.softmax(dim=0)

    def forward(self, stages: list[Tensor]) -> Tensor:
        """Logits."""
        parts = zip(self.weights, self.norms, self.project, stages, strict=True)
        return self.output(sum(share * project(norm(x)) for share, norm, project, x in parts))


def weighted(
    values: Mapping[str, Array],
    labels: Array,
    *,
    train: Array,
    val: Array,
    test: Array,
    classes: int,
    seed: int,
) -> tuple[Fitted, dict[str, float]]:
    """Fit on `train` rows, keep the step that is best on `val`, score `test`.

    values: stage -> (n, C_l); train, val, test: rows. Also returns the share of every stage.
    """
    stages = [torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in values.values()]
    target = torch.from_numpy(labels.astype(np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = WeightedStages([part.shape[1] for part in stages], classes)
        best, step, state = _fit(net, stages, target, train=train, val=val)
    net.load_state_dict(state)
    with torch.inference_mode():
        score = net([part[test] for part in stages]).softmax(dim=1).numpy()
    shares = dict(zip(values, net.weights.tolist(), strict=True))
    return Fitted(score, f"step {step} of {STEPS} on val", 100.0 * best), shares


def _fit(
    net: WeightedStages, stages: list[Tensor], target: Tensor, *, train: Array, val: Array
) -> tuple[float, int, dict[str, Tensor]]:
    """Best accuracy on val, the step that had it first, and the weights of then."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE)
    best, at, state = -1.0, 0, {}
    rows = torch.from_numpy(train)
    for step in range(1, STEPS + 1):
        drawn = rows[torch.randint(len(rows), (min(BATCH, len(rows)),))]
        loss = F.cross_entropy(net([part[drawn] for part in stages]), target[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % EVERY == 0:
            with torch.inference_mode():
                hit = net([part[val] for part in stages]).argmax(dim=1) == target[val]
            if (accuracy := float(hit.float().mean())) > best:
                best, at = accuracy, step
                state = {name: value.clone() for name, value in net.state_dict().items()}
    return best, at, state
