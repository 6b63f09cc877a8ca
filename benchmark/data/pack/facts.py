"""What a pack is and what is in it: `pack.json`."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from benchmark.data.manifest import Manifest
from benchmark.data.pack.clip import Difference
from benchmark.data.pack.shard import FORMAT, DamagedError
from benchmark.settings import Pack, Strict

CARD = "pack.json"
LIBRARIES = ("av", "opencv-python", "numpy", "pyarrow", "torchaudio")


class Reading(NamedTuple):
    """How clips are read; packs with another `key` hold other frames or samples."""

    crop: str
    size: int
    sample_rate: int
    how: Pack

    @property
    def key(self) -> str:
        """All that matters, as JSON."""
        return json.dumps([FORMAT, self.crop, self.size, self.sample_rate, self.how.change()])

    def text(self) -> str:
        """For people."""
        quality = f" {self.how.quality}" if self.how.codec == "jpeg" else ""
        rate = "every frame" if self.how.fps is None else f"{self.how.fps:g} frames/s"
        return (
            f"crop {self.crop}, {self.size} pixels, {self.how.codec}{quality}, {rate}, "
            f"{self.sample_rate} Hz"
        )


class Bad(Strict):
    """A sample that could not be packed. name: as `identity.name_of` says."""

    name: int
    id: str
    reason: str


class ShardFacts(Strict):
    """One file: samples [first, stop) of those that were to be packed."""

    file: str
    sha256: str
    first: int
    stop: int
    clips: int
    frames: int
    seconds: float
    bytes: int
    difference: Difference
    bad: tuple[Bad, ...]


class PackFacts(Strict):
    """A complete pack. error: mean absolute difference, of 255, and PSNR of coded frames, dB."""

    format: int = FORMAT
    dataset: str
    kind: str
    manifest_sha256: str
    crop: str
    size: int
    side: int
    sample_rate: int
    how: Pack
    versions: dict[str, str]
    samples: int
    clips: int
    frames: int
    seconds: float
    bytes: int
    source_bytes: int
    mean_error: float
    psnr: float | None
    index_sha256: str
    shards: tuple[ShardFacts, ...]

    @property
    def reading(self) -> Reading:
        """What a dataset has to ask for to be given this pack."""
        return Reading(self.crop, self.size, self.sample_rate, self.how)

    @property
    def bad(self) -> tuple[Bad, ...]:
        """Samples that could not be packed."""
        return tuple(bad for shard in self.shards for bad in shard.bad)


def facts_of(
    manifest: Manifest,
    side: int,
    reading: Reading,
    shards: tuple[ShardFacts, ...],
    *,
    index_sha256: str,
) -> PackFacts:
    """What is to be said of a pack made of these shards; side: pixels of its frames' short side."""
    found = Difference()
    for shard in shards:
        found = found.plus(shard.difference)
    files = manifest.rows.drop_duplicates("path")["bytes"]
    return PackFacts(
        dataset=manifest.name,
        kind=manifest.kind,
        manifest_sha256=manifest.hash,
        crop=reading.crop,
        size=reading.size,
        side=side,
        sample_rate=reading.sample_rate,
        how=reading.how,
        versions={name: version(name) for name in LIBRARIES},
        samples=shards[-1].stop,
        clips=sum(shard.clips for shard in shards),
        frames=sum(shard.frames for shard in shards),
        seconds=sum(shard.seconds for shard in shards),
        bytes=sum(shard.bytes for shard in shards),
        source_bytes=int(files.sum()),
        mean_error=found.mean,
        psnr=found.psnr,
        index_sha256=index_sha256,
        shards=shards,
    )


def folder_of(
    packs: Path, dataset: str, reading: Reading, identities: tuple[np.ndarray, np.ndarray]
) -> Path:
    """Where the pack of these samples, read so, lies: `<packs>/<dataset>-<16 hex digits>`."""
    digest = hashlib.sha256(reading.key.encode())
    for column in identities:
        digest.update(column.astype("<u8").tobytes())
    return packs / f"{dataset}-{digest.hexdigest()[:16]}"


def read_facts(folder: Path) -> PackFacts:
    """Of a complete pack. Raises DamagedError for a file that is none."""
    path = folder / CARD
    try:
        return PackFacts.model_validate_json(path.read_bytes())
    except (ValidationError, OSError, ValueError) as error:
        raise DamagedError(
            f"{path}: no card of a pack of format {FORMAT} ({type(error).__name__}); delete the "
            "folder and pack again"
        ) from error
