"""Scores computed from saved predictions: what a record says, and what anybody can compute again.

The validation loop measures with torchmetrics: two independent paths to one number. A metric is a
function of a `PredictionTable`; its name may carry a threshold (hard_auc@0.6) or a tag
(auc:splice).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.results import scores_boxes, scores_match, scores_rank, scores_text
from benchmark.results.predictions import PredictionTable, read_predictions
from benchmark.results.schema import Score
from registries.errors import UsageError

Array = NDArray[Any]
Metric = Callable[[PredictionTable], float]

METRIC_VERSION = 1  # bump when a definition below changes; older records become stale
PLAIN = {"median_rank": "rank"}  # metrics that are no share of anything -> their unit


def recompute(metric_name: str, predictions: PredictionTable | Path) -> Score:
    """Score of a metric, in percent, from saved predictions.

    top1, top5: share of samples whose target is among the k highest scores; a target tied with
    others gets the chance that a random order would give it, so a constant scorer gets k / C, never
    100. macro_top1: mean over the classes present of their top1 (balanced accuracy).
    auc: P(score of a class-1 sample > score of a class-0 sample), ties half; score: last column.
    hard_auc: (TPR + TNR) / 2 of "class-1 score >= threshold", the number of Chugh et al. 2020;
    "hard_auc" means threshold 0.5 (chosen), "hard_auc@0.6" another.
    wer, cer: see `scores_text`. r1, r5, ..., median_rank: see `scores_rank`.
    ciou, pointing, disc_ciou, ...: see `scores_boxes`. tpr_at_fpr1, class_r1: see `scores_match`.
    METRIC:TAG: over the samples of that tag; an AUC over them and all of class 0.
    Raises UsageError for an unknown metric, ValueError where the metric does not exist for these
    targets.
    """
    table = read_predictions(predictions) if isinstance(predictions, Path) else predictions
    value = metric_function(metric_name)(table)
    unit = PLAIN.get(metric_name.partition(":")[0])
    rows = _tagged(table, metric_name) if ":" in metric_name else table
    return Score(
        value=100.0 * value if unit is None else value,
        unit=unit or "%",
        n=len(rows.target),
        version=METRIC_VERSION,
    )


def recomputable(metric_name: str) -> bool:
    """Whether `recompute` knows the metric."""
    return metric_name.partition(":")[0].partition("@")[0] in METRICS


def metric_function(metric_name: str) -> Metric:
    """The metric as a function of a table, as a fraction."""
    whole, _, tag = metric_name.partition(":")
    name, _, threshold = whole.partition("@")
    if tag:
        inner = metric_function(whole)
        return lambda table: inner(_tagged(table, metric_name))
    if name == "hard_auc" and threshold:
        return lambda table: hard_auc(table, threshold=float(threshold))
    if name not in METRICS or threshold:
        allowed = ", ".join([*METRICS, "hard_auc@THRESHOLD", "METRIC:TAG"])
        raise UsageError(f"no metric {metric_name!r} for saved predictions; known: {allowed}")
    return METRICS[name]


def _tagged(table: PredictionTable, metric_name: str) -> PredictionTable:
    """Rows that METRIC:TAG is about."""
    whole, _, tag = metric_name.partition(":")
    if table.tag is None:
        raise ValueError(f"{metric_name} needs predictions with tags; these have none")
    chosen = table.tag == tag
    if not chosen.any():
        raise ValueError(f"no sample has the tag {tag!r}; found {sorted(set(table.tag.tolist()))}")
    roc = whole.partition("@")[0] in ("auc", "hard_auc")
    return table.take(chosen | (table.target == 0) if roc else chosen)


def hits(table: PredictionTable, k: int = 1) -> Array:
    """(N,) chance that each target is among the k highest scores under a random order of ties."""
    score = table.score.astype(np.float64)
    own = score[np.arange(len(score)), table.target][:, None]
    above = (score > own).sum(axis=1)
    tied = (score == own).sum(axis=1)  # counts the target itself
    chance: Array = np.clip((k - above) / tied, 0.0, 1.0)
    return chance


def top1(table: PredictionTable) -> float:
    """Accuracy."""
    return float(hits(table).mean())


def top5(table: PredictionTable) -> float:
    """Share of targets among the five highest scores."""
    return float(hits(table, 5).mean())


def macro_top1(table: PredictionTable) -> float:
    """Mean over classes of their accuracy."""
    hit = hits(table)
    return float(np.mean([hit[table.target == label].mean() for label in np.unique(table.target)]))


def auc(table: PredictionTable) -> float:
    """Area under the ROC curve of class 1."""
    from sklearn.metrics import (
        roc_auc_score,
    )  # a second to import; reports without records need none

    return float(roc_auc_score(_binary(table), table.score[:, -1].astype(np.float64)))


def hard_auc(table: PredictionTable, *, threshold: float = 0.5) -> float:
    """Balanced accuracy of decisions at one threshold."""
    target = _binary(table)
    called = table.score[:, -1].astype(np.float64) >= threshold
    return float((called[target == 1].mean() + (~called[target == 0]).mean()) / 2)


METRICS: dict[str, Metric] = {
    "top1": top1,
    "top5": top5,
    "macro_top1": macro_top1,
    "auc": auc,
    "hard_auc": hard_auc,
    **scores_text.METRICS,
    **scores_rank.METRICS,
    **scores_boxes.METRICS,
    **scores_match.METRICS,
}


def _binary(table: PredictionTable) -> Array:
    present = np.unique(table.target).tolist()
    if present != [0, 1] or table.score.shape[1] > 2:
        raise ValueError(
            f"an AUC needs targets 0 and 1 and one or two scores a sample; "
            f"found targets {present[:5]} and {table.score.shape[1]} scores"
        )
    return table.target
