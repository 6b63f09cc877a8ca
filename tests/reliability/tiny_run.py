"""A whole run, pretraining + finetuning + report, as small as it can be; and what it leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from benchmark.results.store import RecordStore
from benchmark.results.verify import verify

RECIPE = {
    "clip.clip_len": 8,
    "clip.size": 32,
    "video.base_channels": 4,
    "audio.width": 4,
    "pretrain_clips": 16,
    "pretrain.epochs": 2,
    "pretrain.batch_size": 4,  # eight steps
    "finetune.epochs": 3,
    "finetune.batch_size": 8,  # nine steps
    "tasks.dfdc.clip_len": 4,
    "checkpoint_every": 0,  # after each step
}


def arguments(
    out: Path,
    *others: str,
    objective: str = "glcm",
    tasks: str = "dfdc",
    changes: Mapping[str, object] = MappingProxyType({}),
) -> list[str]:
    """Of `bench`. changes: to the recipe."""
    recipe = {**RECIPE, **changes}
    options = [part for name, value in recipe.items() for part in ("-o", f"{name}={value}")]
    named = ["--preset", "demo", "--objective", objective, "--tasks", tasks, "--out", str(out)]
    return ["run", *named, *options, *others]


def left_by(out: Path) -> dict:
    """Everything that must not depend on how often a run was stopped: weights, predictions, facts.

    Only of what is done; scores keep full precision.
    """
    store, found = RecordStore(out), {}
    for record in store.read_all():
        if record.status != "done":
            continue
        if record.kind == "pretrain":
            stored = torch.load(
                out / "encoders" / record.cell_key / "encoders.pt", weights_only=True
            )["encoders"]
            weights = hashlib.sha256()
            for part in stored.values():
                for name, value in sorted(part["weights"].items()):
                    weights.update(name.encode() + value.numpy().tobytes())
            facts = record.pretrain.model_dump(include={"final", "diagnostics", "steps", "clips"})
            found[record.cell_key] = [weights.hexdigest(), facts]
        else:
            with np.load(store.find_predictions(record), allow_pickle=False) as table:
                rows = {name: table[name].tobytes().hex() for name in table.files}
            scores = {name: score.value for name, score in record.scores.items()}
            found[record.cell_key] = [rows, scores, record.selection.model_dump()]
    return found


def wrong(out: Path) -> list[str]:
    """What `bench results verify` finds, and files that cannot be read."""
    store = RecordStore(out)
    faults = [problem.message for problem in verify(store) if problem.level == "error"]
    store.read_all()
    return faults + [problem.message for problem in store.problems]
