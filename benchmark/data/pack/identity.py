"""Two numbers of 64 bits for each sample: which it is, and what is in it.

A sample is found in a pack by its name: path below the root, segment, and the box of a crop that
has one. It is the one that was packed where its content is the same: the file's hash where the
manifest has it, size and time of change where it was not hashed, and those of its landmarks where
the crop looks at them.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.container import MediaError
from benchmark.data.crops import CropRecipe
from benchmark.data.landmarks.places import resolve
from benchmark.data.manifest import Boxes, Manifest
from benchmark.data.opened import Sample

BYTES = 8  # of a digest: among 10 million names, two are alike with a chance of 3 in a million


def name_of(sample: Sample) -> int:
    """Which sample it is."""
    box = ""
    if sample.crop.provider == "box" and sample.box is not None:
        box = sample.box.text()
    return _name(sample.name, sample.start, sample.stop, box)


def content_of(sample: Sample) -> int:
    """What is in it. Raises MediaError where a file that has to be looked at is missing."""
    return _content(sample.path, sample.sha256, sample.landmarks, sample.crop)


def names(manifest: Manifest, crop: CropRecipe) -> np.ndarray:
    """`name_of` every sample, uint64 (N,)."""
    columns = (manifest.rows[column] for column in ("path", "start", "stop", "boxes"))
    boxed = crop.provider == "box"
    found = (
        _name(
            path,
            start,
            None if pd.isna(stop) else stop,
            Boxes.of(box).text() if boxed and box else "",
        )
        for path, start, stop, box in zip(*columns, strict=True)
    )
    return np.fromiter(found, np.uint64, len(manifest))


def contents(manifest: Manifest, crop: CropRecipe) -> np.ndarray:
    """`content_of` every sample, uint64 (N,); 0 where a file is missing."""
    columns = (manifest.rows[column] for column in ("path", "sha256", "landmarks"))
    found = np.zeros(len(manifest), np.uint64)
    for row, (path, sha256, landmarks) in enumerate(zip(*columns, strict=True)):
        points = resolve(manifest.root, landmarks) if landmarks else None
        with suppress(MediaError):
            found[row] = _content(manifest.root / path, sha256, points, crop)
    return found


def _name(path: str, start: float, stop: float | None, box: str) -> int:
    return _digest(path, f"{start:.6f}", "" if stop is None else f"{stop:.6f}", box)


def _content(path: Path, sha256: str, landmarks: Path | None, crop: CropRecipe) -> int:
    points = "" if landmarks is None or crop.kind in ("full", "whole") else _stamp(landmarks)
    return _digest(sha256 or _stamp(path), points)


def _stamp(path: Path) -> str:
    """What tells a file's content without reading it, wherever the file lies."""
    try:
        facts = path.stat()
    except OSError as error:
        raise MediaError(
            f"{path}: {error.strerror or error}; restore the file, or leave it out of the list"
        ) from error
    return f"{facts.st_size}:{facts.st_mtime_ns}"


def _digest(*parts: str) -> int:
    text = "\0".join(parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=BYTES).digest(), "little")
