"""What comes of evaluating encoders on a task, whatever the protocol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Predictions of every test sample, and how the tested state was chosen.

    sample_id, group_id (n,) str; target (n,) int; score (n, classes) float32; tag, reference,
    hypothesis (n,) str where the task has them. metrics: main one first, empty for those of the
    task's card. chance: of the main one, None for the task's. notes: for the record's warnings.
    """

    sample_id: np.ndarray
    group_id: np.ndarray
    target: np.ndarray
    score: np.ndarray
    tag: np.ndarray | None = None
    reference: np.ndarray | None = None
    hypothesis: np.ndarray | None = None
    rule: str = "none"
    epoch: int = 0
    val: float | None = None
    steps: int = 0
    train_s: float = 0.0
    data_wait: float = 0.0
    params_total: int | None = None
    params_trainable: int | None = None
    metrics: tuple[str, ...] = ()
    chance: float | None = None
    notes: tuple[str, ...] = ()
