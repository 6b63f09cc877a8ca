"""Hold out validation data where a dataset's owners have none; take a few training samples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
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
    is returned unchanged. 10 % of train by group: chosen. Raises NotReadyError where nothing
    can be moved (a single group, say).
    """
    split = manifest.rows["split"]
    if (split == "val").any() or not (split == "train").any():
        return manifest
    places = np.flatnonzero(split == "train")
    train = manifest.rows[["id", "group", "label"]].iloc[places]
    group, names = pd.factorize(train["group"].where(train["group"] != "", train["id"]))
    label, _ = pd.factorize(train["label"])
    left = np.bincount(label).tolist()
    need = [max(1.0, fraction * count) for count in left]  # one at least
    moved = np.zeros(len(names), bool)
    for number, counts in _shuffled(group, label, names, seed):
        short = sum(min(max(need[label], 0.0), count) for label, count in counts)
        keeps = all(left[label] > count for label, count in counts)
        # worth it where at least half of the group's samples are still wanted
        if keeps and 2 * short >= sum(count for _, count in counts):
            moved[number] = True
            for label, count in counts:
                left[label] -= count
                need[label] -= count
            if max(need) <= 0:
                break
    if not moved.any():
        raise NotReadyError(
            f"{manifest.name}: no validation data can be held out of {len(train)} training samples "
            f"in {len(names)} groups without splitting a group or emptying a class; add data to "
            f"{manifest.root}"
        )
    held = np.zeros(len(split), bool)
    held[places] = moved[group]
    return replace(manifest, rows=manifest.rows.assign(split=split.mask(held, "val")), checked=True)


def few(train: Manifest, shots: float, *, seed: int) -> Manifest:
    """A few samples of every class: `shots` each (int), or this share of a class (float, up to 1).

    The first ones in a fixed random order, so that a smaller choice is part of a larger one; a
    share is rounded up (SEVERE's rule). Raises NotReadyError where a class has less.
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


def _shuffled(
    group: np.ndarray, label: np.ndarray, names: Iterable[str], seed: int
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each group's number and its samples by label, the most first.

    The order depends on the names and the seed alone. group, label: (rows,) numbers from 0 on.
    """
    keys = np.fromiter((hashlib.sha1(f"{seed}:{n}".encode()).digest() for n in names), "S20")
    labels = int(label.max()) + 1
    pairs, first, counts = np.unique(group * labels + label, return_index=True, return_counts=True)
    order = np.argsort(keys)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    sort = np.lexsort((first, -counts, rank[pairs // labels]))
    owner, kind, counts = pairs[sort] // labels, pairs[sort] % labels, counts[sort]
    begin = 0
    for end in (np.flatnonzero(np.diff(owner, append=-1)) + 1).tolist():
        found = zip(kind[begin:end].tolist(), counts[begin:end].tolist(), strict=True)
        yield int(owner[begin]), list(found)
        begin = end
