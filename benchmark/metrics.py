"""Streaming metrics of the validation loop, on torchmetrics.

A record's score is computed elsewhere, from the saved predictions
(`benchmark.results.predictions`): two independent paths to one number. torchmetrics is imported
where a number is computed: it takes seconds, and a run that is planned or answered from its records
needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric


class SampleMetric(BaseMetric):
    """Collects one (score, target) pair per sample; `name` says what is computed from them.

    name "top1": share of samples whose highest score is the target, in percent. name "auc": area
    under the ROC curve of the score of class 1, in percent (ties count half).
    """

    default_prefix = ""

    def __init__(self, name: str) -> None:
        super().__init__(collect_device="cpu")
        self.name = name

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401
        """data_samples: one {"score": (classes,), "target": int} per sample."""
        self.results.extend(
            (sample["score"].cpu(), int(sample["target"])) for sample in data_samples
        )

    def compute_metrics(self, results: list[tuple[torch.Tensor, int]]) -> dict[str, float]:
        """The metric over all samples seen."""
        from torchmetrics.functional.classification import binary_auroc, multiclass_accuracy

        score = torch.stack([score for score, _ in results])
        target = torch.tensor([target for _, target in results])
        if self.name == "auc":
            value = binary_auroc(score[:, 1], target)
        elif self.name == "top1":
            value = multiclass_accuracy(
                score, target, num_classes=score.shape[1], average="micro", validate_args=False
            )
        else:
            raise ValueError(f"no streaming metric {self.name!r}; known: top1, auc")
        return {self.name: 100.0 * float(value)}
