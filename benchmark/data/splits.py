"""Hold out validation data where a dataset's owners have none; take a few training samples."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError


def hold_out(manifest: Manifest, *, fraction: float = 0.1, seed: int = 0) -> Manifest:
    """Move about `fraction` of "train" to "val" by whole groups; deterministic, roughly stratified.

    Groups are visited in a fixed random order. One is moved while the held-out set is short of
    samples of the group's classes and each of them keeps a sample in train. An empty group name
    stands for its sample alone. A manifest that has a "val" split already, or nothing to train on,
    is returned unchanged. tasks.md 6: 10 % of train by group. Raises NotReadyError where nothing
    can be moved (a single group, say).
    """
    rows = manifest.rows
    if (rows["split"] == "val").any() or not (rows["split"] == "train").any():
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


def few(train: Manifest, shots: float, *, seed: int) -> Manifest:
    """A few samples of every class: `shots` each (int), or this share of a class (float, up to 1).

    The first ones in a fixed random order, so that a smaller choice is part of a larger one; a
    share is rounded up (SEVERE's rule, tasks.md 5.12). Raises NotReadyError where a class has less.
    """
    rows = train.rows
    kept: list[int] = []
    for label, members in rows.groupby("label"):
        names = rows.loc[members.index, "id"]
        keys = [hashlib.sha1(f"few:{seed}:{name}".encode()).digest() for name in names]
        count = shots if isinstance(shots, int) else math.ceil(shots * len(members) - 1e-9)
        if count > len(members):
            raise NotReadyError(
                f"{train.name}: class {label} has {len(members)} training samples, {count} are "
                "asked for; lower fewshot:K"
            )
        order = sorted(range(len(keys)), key=keys.__getitem__)
        kept += [members.index[place] for place in order[:count]]
    return train.keep(rows.index[np.isin(rows.index, kept)])


def _shuffled(train: pd.DataFrame, groups: pd.Series, seed: int) -> list[list[int]]:
    """Row numbers of each group, in an order that depends on the names and the seed alone."""
    named = {name: list(part.index) for name, part in train.groupby(groups)}
    return [
        named[n] for n in sorted(named, key=lambda n: hashlib.sha1(f"{seed}:{n}".encode()).digest())
    ]
