"""Hold out validation data where a dataset's owners have none."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pandas as pd

from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError


def hold_out(manifest: Manifest, *, fraction: float = 0.1, seed: int = 0) -> Manifest:
    """Move about `fraction` of "train" to "val" by whole groups; deterministic, roughly stratified.

    Groups are visited in a fixed random order. One is moved while the held-out set is short of
    samples of the group's classes and each of them keeps a sample in train. An empty group name
    stands for its sample alone. A manifest that has a "val" split already is returned unchanged.
    tasks.md 6: 10 % of train by group. Raises NotReadyError where nothing can be moved (a single
    group, say).
    """
    rows = manifest.rows
    if (rows["split"] == "val").any():
        return manifest
    train = rows[rows["split"] == "train"]
    groups = train["group"].where(train["group"] != "", train["id"])
    left = train["label"].value_counts().to_dict()
    need = {label: max(1.0, fraction * count) for label, count in left.items()}  # one at least
    moved: list[int] = []
    for members in _shuffled(train, groups, seed):
        counts = train.loc[members, "label"].value_counts().to_dict()
        short = sum(min(max(need[label], 0.0), count) for label, count in counts.items())
        keeps = all(left[label] > count for label, count in counts.items())
        # worth it where at least half of the group's samples are still wanted
        if keeps and 2 * short >= len(members):
            moved += members
            for label, count in counts.items():
                left[label] -= count
                need[label] -= count
    if not moved:
        raise NotReadyError(
            f"{manifest.name}: no validation data can be held out of {len(train)} training samples "
            f"in {groups.nunique()} groups without splitting a group or emptying a class; add data "
            f"to {manifest.root}"
        )
    held = rows.copy()
    held.loc[moved, "split"] = "val"
    return replace(manifest, rows=held)


def _shuffled(train: pd.DataFrame, groups: pd.Series, seed: int) -> list[list[int]]:
    """Row numbers of each group, in an order that depends on the names and the seed alone."""
    named = {name: list(part.index) for name, part in train.groupby(groups)}
    return [
        named[n] for n in sorted(named, key=lambda n: hashlib.sha1(f"{seed}:{n}".encode()).digest())
    ]
