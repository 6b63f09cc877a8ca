"""Features of every sample of a task from frozen encoders, computed once and kept.

encoders.pt + task + how it is read  ->  one table, shared by linear, svm, knn and retrieval, by
all folds of the task and all seeds of a probe
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from filelock import FileLock
from torch import Tensor
from torch.utils.data import DataLoader

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.encoder_file import load_encoder
from benchmark.hooks import Report
from benchmark.protocols.pooling import chosen_pathways, clips_of
from benchmark.protocols.retrieval import unit
from benchmark.results.keys import digest
from benchmark.settings import Recipe
from benchmark.training import device_name, eval_loader, precision_of
from registries.encoder import Encoder, Modality
from registries.errors import UsageError
from registries.task import MODALITIES, Task

FORMAT = 1  # raised whenever stored numbers would change


@dataclass(frozen=True)
class FeatureTable:
    """One row a sample, in the order of the manifest it was asked for.

    values: by modality, or by modality and stage ("video layer2"), (n, C) float32.
    """

    manifest: Manifest
    values: dict[str, np.ndarray]

    def joined(self) -> np.ndarray:
        """All columns side by side, each part of unit length first where there are several."""
        parts = list(self.values.values())
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([unit(part) for part in parts], axis=1)

    def rows(self, split: str) -> np.ndarray:
        """Places of a split's samples."""
        return np.flatnonzero((self.manifest.rows["split"] == split).to_numpy())


@dataclass(frozen=True)
class Reading:
    """How features come about, apart from the encoders and the samples.

    clips: spans a sample, whose features are averaged, each of unit length first where `unit_clips`
    is set. segments: stretches of time kept apart. stages: means of every named stage, not of the
    output. pooling, pathways: as in finetuning.
    """

    clips: int
    segments: int = 1
    stages: bool = False
    pooling: str = "average"
    pathways: str = "all"
    unit_clips: bool = False


def feature_table(
    encoders: Path,
    source: str,
    task: Task,
    *,
    fold: int,
    reading: Reading,
    recipe: Recipe,
    cache: Path,
    report: Report,
) -> FeatureTable:
    """Features of all samples of a task's fold, from `cache` where they are there already.

    source: hash of the encoders, part of the cache's key. Raises NotApplicableError for encoders
    that lack a modality of the task's inputs, UsageError for a task whose clips this cannot read.
    """
    manifest = task.manifest(fold)
    dataset = task.dataset("test", fold, clips=reading.clips)
    if not isinstance(dataset, ClipDataset):
        raise UsageError(
            f"{task.card.name} reads its own clips ({type(dataset).__name__}); frozen features "
            "need a ClipDataset. Use --protocol finetune."
        )
    dataset = dataset.over(manifest)
    path = cache / "features" / f"{_key(source, task, dataset, reading, recipe)}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):  # folds side by side: one extracts, the others wait for it
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                kept = dict(stored)
        else:
            kept = _extract(encoders, task, dataset, reading=reading, recipe=recipe, report=report)
            _write(path, kept)
    place = {name: row for row, name in enumerate(kept.pop("id").tolist())}
    order = np.array([place[name] for name in manifest.rows["id"]])
    return FeatureTable(manifest, {name: values[order] for name, values in kept.items()})


def _key(source: str, task: Task, dataset: ClipDataset, reading: Reading, recipe: Recipe) -> str:
    return digest(
        {
            "format": FORMAT,
            "encoders": source,
            "task": [task.card.name, task.card.version, task.inputs],
            "views": repr(dataset.sampling),
            "crop": [dataset.crop.key, dataset.size],
            "data": dataset.manifest.content,
            "reading": vars(reading),
            "precision": precision_of(recipe.precision),
            "device": "cpu" if device_name() == "cpu" else "gpu",
        }
    )[:32]


@torch.inference_mode()
def _extract(
    encoders: Path,
    task: Task,
    dataset: ClipDataset,
    *,
    reading: Reading,
    recipe: Recipe,
    report: Report,
) -> dict[str, np.ndarray]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    views = task.sampling().views
    nets = {
        name: load_encoder(encoders, name).to(device).eval() for name in MODALITIES[task.inputs]
    }
    prepare = ClipPreprocessor(views, size=dataset.size, augment=None).to(device)
    batch = max(1, recipe.finetune.batch_size // reading.clips)
    loader: DataLoader[Any] = eval_loader(dataset, batch_size=batch, workers=recipe.workers)
    ids: list[str] = []
    found: dict[str, list[np.ndarray]] = {}
    for done, data in enumerate(loader, start=1):
        data = prepare(data, training=False)
        for name, encoder in nets.items():
            for part, rows in _features(encoder, name, data["inputs"][name], reading).items():
                found.setdefault(part, []).append(rows.cpu().numpy())
        ids += data["data_samples"]["id"]
        report({"test": done, "tests": len(loader)})
    return {"id": np.array(ids), **{part: np.concatenate(rows) for part, rows in found.items()}}


def _features(
    encoder: Encoder, modality: Modality, clips: Tensor, reading: Reading
) -> dict[str, Tensor]:
    """Mean features of a batch, by name: clips (B[, N], ...) -> (B, C) each."""
    several = clips_of(modality, clips)
    count, flat = (1, clips) if several is None else (several, clips.flatten(0, 1))
    if reading.stages:
        if not encoder.stage_channels:
            raise UsageError(
                f"the {modality} encoder names no stages to mix; use --protocol linear, or a "
                "backbone with stages (`bench list backbones`)"
            )
        names = tuple(encoder.stage_channels)
        maps = dict(zip(names, encoder.intermediates(flat, names), strict=True))
        parts = {f"{modality} {name}": [found] for name, found in maps.items()}
    else:
        output = encoder(flat)
        parts = {modality: [output[i] for i in chosen_pathways(encoder, reading.pathways)]}
    rows = {name: _pooled(found, reading) for name, found in parts.items()}
    if reading.unit_clips:
        rows = {name: F.normalize(values, dim=1) for name, values in rows.items()}
    return {name: values.unflatten(0, (-1, count)).mean(dim=1) for name, values in rows.items()}


def _pooled(maps: list[Tensor], reading: Reading) -> Tensor:
    """Over the grid and each stretch of time: (B, C, t[, h, w]) -> (B, sum C * segments)."""
    steps = []
    for found in maps:
        grid = found.float().flatten(3) if found.dim() > 3 else found.float()[..., None]
        row = grid.amax(dim=3) if reading.pooling == "max" else grid.mean(dim=3)
        steps.append(F.adaptive_avg_pool1d(row, reading.segments).flatten(1))
    return torch.cat(steps, dim=1)


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Under a temporary name, then renamed: a file that exists is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)
