"""Check a dataset as it lies on disk: listed files, sizes, hashes, and whether it decodes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data import reader
from benchmark.data.manifest import Manifest


def problems(manifest: Manifest, *, decode: int | None) -> Iterator[str]:
    """Everything that differs from the manifest, one sentence each.

    decode: how many samples are decoded to their end, spread evenly over the rows; None: all.
    """
    for path in manifest.missing:
        yield f"{path} is listed by the owners and missing"
    files = manifest.rows.drop_duplicates("path")
    for row in files.itertuples():
        yield from _file(manifest.root / str(row.path), row)
    count = len(manifest) if decode is None else min(decode, len(manifest))
    for index in np.linspace(0, len(manifest) - 1, count).round().astype(int):
        yield from _decoded(manifest, int(index))


def _file(path: Path, row: tuple) -> Iterator[str]:
    if not path.is_file():
        yield f"{row.path} is missing"
        return
    size = path.stat().st_size
    if row.bytes and size != row.bytes:
        yield f"{row.path} has {size} bytes, the manifest says {row.bytes}"
    elif row.sha256:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != row.sha256:
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
