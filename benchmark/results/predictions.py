"""Per-sample predictions of a cell, and the scores computed from them.

A record's scores come from `recompute` on the saved file, so anybody can compute them again from
it. The validation loop measures with torchmetrics: two independent paths to one number.
"""

from __future__ import annotations

import io
import os
import secrets
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.results.keys import file_sha256
from benchmark.results.schema import Predictions, Score
from registries.errors import UsageError, VerificationError

Array = NDArray[Any]

METRIC_VERSION = 1  # bump when a definition below changes; older records become stale
EPOCH = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # the earliest time a zip can hold: bytes must not depend on the clock


@dataclass(frozen=True, kw_only=True)
class PredictionTable:
    """sample_id (N,) and group_id (N,) text, target (N,) integers, score (N, C) float32.

    One row per test sample, in the order of `sample_id`. group_id: what a bootstrap draws as a
    whole (source video, speaker, UCF group).
    """

    sample_id: Array
    group_id: Array
    target: Array
    score: Array


def write_predictions(
    path: Path,
    *,
    sample_id: Sequence[str],
    group_id: Sequence[str],
    target: Sequence[int] | Array,
    score: Sequence[Sequence[float]] | Array,
    root: Path | None = None,
) -> Predictions:
    """Save a test run as compressed npz and describe it for the record.

    score (N, C). Rows are sorted by sample, so the bytes depend on the content only. root: folder
    that the described path is relative to (the store's); without it, the file's bare name.
    Raises ValueError for a repeated sample, unequal lengths, or a score that is not finite.
    """
    table = _checked(
        PredictionTable(
            sample_id=np.asarray(sample_id, dtype=np.str_),
            group_id=np.asarray(group_id, dtype=np.str_),
            target=np.asarray(target, dtype=np.int64),
            score=np.ascontiguousarray(score, dtype=np.float32),
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(_npz_bytes(table))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    place = path.relative_to(root).as_posix() if root else path.name
    return Predictions(path=place, sha256=file_sha256(path))


def read_predictions(path: Path) -> PredictionTable:
    """The saved table. Raises VerificationError for a damaged file or one of another kind."""
    names = [field.name for field in fields(PredictionTable)]
    try:
        with np.load(path, allow_pickle=False) as stored:
            table = PredictionTable(**{name: stored[name] for name in names})
        return _checked(table)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise VerificationError(
            f"{path} is no prediction file ({error}); expected an npz with {', '.join(names)}. "
            "Invalidate its record (bench results invalidate) and run the cell again."
        ) from error


def recompute(metric_name: str, predictions: PredictionTable | Path) -> Score:
    """Score of a metric, in percent, from saved predictions.

    top1, top5: share of samples whose target is among the k highest scores; a target tied with
    others gets the chance that a random order would give it, so a constant scorer gets k / C, never
    100.
    macro_top1: mean over the classes present of their top1 (balanced accuracy).
    auc: P(score of a class-1 sample > score of a class-0 sample), ties half; score: last column.
    hard_auc: (TPR + TNR) / 2 of "class-1 score >= threshold", the number of Chugh et al. 2020;
    "hard_auc" means threshold 0.5 (chosen), "hard_auc@0.6" another.
    Raises UsageError for an unknown metric, ValueError where the metric does not exist for these
    targets.
    """
    table = read_predictions(predictions) if isinstance(predictions, Path) else predictions
    value = metric_function(metric_name)(table)
    return Score(value=100.0 * value, unit="%", n=len(table.target), version=METRIC_VERSION)


def recomputable(metric_name: str) -> bool:
    """Whether `recompute` knows the metric."""
    return metric_name.partition("@")[0] in METRICS


def metric_function(metric_name: str) -> Callable[[PredictionTable], float]:
    """The metric as a function of a table, as a fraction."""
    name, _, threshold = metric_name.partition("@")
    if name == "hard_auc" and threshold:
        return lambda table: hard_auc(table, threshold=float(threshold))
    if name not in METRICS or threshold:
        allowed = ", ".join([*METRICS, "hard_auc@THRESHOLD"])
        raise UsageError(f"no metric {metric_name!r} for saved predictions; known: {allowed}")
    return METRICS[name]


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


METRICS: dict[str, Callable[[PredictionTable], float]] = {
    "top1": top1,
    "top5": top5,
    "macro_top1": macro_top1,
    "auc": auc,
    "hard_auc": hard_auc,
}


def _binary(table: PredictionTable) -> Array:
    present = np.unique(table.target).tolist()
    if present != [0, 1] or table.score.shape[1] > 2:
        raise ValueError(
            f"an AUC needs targets 0 and 1 and one or two scores a sample; "
            f"found targets {present[:5]} and {table.score.shape[1]} scores"
        )
    return table.target


def _checked(table: PredictionTable) -> PredictionTable:
    shapes = {field.name: getattr(table, field.name).shape for field in fields(PredictionTable)}
    count = len(table.sample_id)
    flat = all(shapes[name] == (count,) for name in ("sample_id", "group_id", "target"))
    if not flat or not count or table.score.ndim != 2 or len(table.score) != count:
        raise ValueError(f"predictions need N rows in every column and scores (N, C); got {shapes}")
    if not np.isfinite(table.score).all():
        raise ValueError("predictions hold a score that is not finite")
    if (
        table.score.shape[1] > 1
        and not 0 <= table.target.min() <= table.target.max() < (table.score.shape[1])
    ):
        raise ValueError(f"a target lies outside the {table.score.shape[1]} scores")
    order = np.argsort(table.sample_id, kind="stable")
    ordered = PredictionTable(
        **{field.name: getattr(table, field.name)[order] for field in fields(PredictionTable)}
    )
    twice = ordered.sample_id[1:][ordered.sample_id[1:] == ordered.sample_id[:-1]]
    if len(twice):
        raise ValueError(f"sample {twice[0]} occurs twice; drop what the sampler padded")
    return ordered


def _npz_bytes(table: PredictionTable) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for field in fields(PredictionTable):
            part = io.BytesIO()
            np.lib.format.write_array(part, getattr(table, field.name), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{field.name}.npy", date_time=EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # chosen: the same byte on every platform
            archive.writestr(entry, part.getvalue())
    return buffer.getvalue()
