"""Check a dataset as it lies on disk: listed files, sizes, hashes, whether it decodes, doubles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data import links, reader
from benchmark.data.manifest import Manifest

HEAD = 4096  # bytes; chosen: enough to tell media of one size apart, one read from a disk
Row = dict[str, Any]


def counts(manifest: Manifest) -> dict[str, int]:
    """Samples of each split."""
    found = manifest.rows["split"].value_counts().to_dict()
    return {name: int(found[name]) for name in ("train", "val", "test") if name in found}


def of_expected(manifest: Manifest) -> str:
    """How much of the complete dataset this is, in words."""
    whole = f" of {manifest.expected} expected" if manifest.expected else ""
    return f"{manifest.kind}, {len(manifest)}{whole}"


def duplicates(manifest: Manifest) -> Iterator[str]:
    """What is in more than one split, one sentence each: overlapping spans of a file, equal files.

    Files are equal by sha256 where the manifest has it; otherwise those of one size are compared by
    their first bytes, and read to the end where these are equal.
    """
    rows = manifest.rows
    mixed = rows.groupby("path")["split"].transform("nunique") > 1
    for path, part in rows[mixed].groupby("path"):
        spans = sorted(zip(part["start"], part["stop"].fillna(np.inf), part["split"], strict=True))
        for (_, stop, one), (start, _, other) in pairwise(spans):
            if one != other and start < stop - 1e-6:
                yield f"{path}: what begins at {start:.2f} s is in {one} and in {other}"
    for one, other in _equal(manifest.root, rows.drop_duplicates("path")):
        yield (
            f"{one['path']} ({one['split']}) and {other['path']} ({other['split']}) are the same "
            "file"
        )


def problems(
    manifest: Manifest, *, decode: int | None, follow_links: bool = False
) -> Iterator[str]:
    """Everything that differs from the manifest, one sentence each.

    decode: how many samples are decoded to their end, spread evenly over the rows; None: all.
    follow_links: links that lead out of the root are no problem.
    """
    for path in manifest.missing:
        yield f"{path} is listed by the owners and missing"
    files = manifest.rows.drop_duplicates("path")
    if not follow_links:
        for path in sorted(links.outside(manifest.root, files["path"])):
            yield links.refusal(manifest.root, path)
    for row in files.itertuples():
        yield from _file(manifest.root / str(row.path), row)
    count = len(manifest) if decode is None else min(decode, len(manifest))
    for index in np.linspace(0, len(manifest) - 1, count).round().astype(int):
        yield from _decoded(manifest, int(index))
    yield from duplicates(manifest)


def _file(path: Path, row: tuple) -> Iterator[str]:
    if not path.is_file():
        yield f"{row.path} is missing"
        return
    size = path.stat().st_size
    if row.bytes and size != row.bytes:
        yield f"{row.path} has {size} bytes, the manifest says {row.bytes}"
    elif row.sha256 and _sha256(path) != row.sha256:
        yield f"{row.path} differs from its hash"


def _decoded(manifest: Manifest, index: int) -> Iterator[str]:
    """Decode one sample; compare its sound with what the manifest says about it."""
    row = manifest.rows.iloc[index]
    stop = None if pd.isna(row["stop"]) else float(row["stop"])
    try:
        clip = reader.read_all(manifest.media(index), start=float(row["start"]), stop=stop)
    except (reader.MediaError, FileNotFoundError) as error:
        yield f"{row['path']} does not decode: {error}"
        return
    if len(clip.frames) == 0 and len(clip.wave) == 0:
        yield f"{row['path']} holds neither picture nor sound"
    if not pd.isna(row["has_audio"]) and bool(row["has_audio"]) != (len(clip.wave) > 0):
        yield f"{row['path']}: sound is {len(clip.wave) > 0}, the manifest says {row['has_audio']}"


def _equal(root: Path, rows: pd.DataFrame) -> Iterator[tuple[Row, Row]]:
    """Pairs of files of different splits that hold the same bytes."""
    files: list[Row] = rows[["path", "split", "sha256"]].to_dict("records")
    if all(file["sha256"] for file in files):
        groups = _alike(files, lambda file: file["sha256"])
    else:
        groups = [[file for file in files if (root / file["path"]).is_file()]]
        # only what is alike in more than one split is looked at further
        for key in (_size, _head, _sha256):
            groups = [part for group in groups for part in _alike(group, _of_file(root, key))]
    for group in groups:
        yield from (pair for pair in combinations(group, 2) if len({p["split"] for p in pair}) > 1)


def _alike(files: list[Row], key: Callable[[Row], str]) -> list[list[Row]]:
    """Files with one key, of those keys that occur in more than one split."""
    found: dict[str, list[Row]] = {}
    for file in files:
        found.setdefault(key(file), []).append(file)
    return [part for part in found.values() if len({file["split"] for file in part}) > 1]


def _of_file(root: Path, key: Callable[[Path], str]) -> Callable[[Row], str]:
    return lambda file: key(root / file["path"])


def _size(path: Path) -> str:
    return str(path.stat().st_size)


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(HEAD)).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
