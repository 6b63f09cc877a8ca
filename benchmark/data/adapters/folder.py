"""Any folder of videos, to pretrain on: every video file below it, whatever its name."""

from __future__ import annotations

from pathlib import Path

from benchmark.data.adapters.common import VIDEO_FILES, Source, build
from benchmark.data.manifest import Manifest

SOURCE = Source(
    name="folder",
    title="A folder of videos",
    layout=f"files ending in {', '.join(sorted(VIDEO_FILES))}, at any depth",
    owner="the user",
    licence="not known",
)


def present(root: Path) -> bool:
    """Whether there is a video anywhere below `root`."""
    return any(path.suffix.lower() in VIDEO_FILES for path in root.rglob("*"))


def read(root: Path) -> Manifest:
    """All videos in a fixed random order, so that the first n are a fair subset."""
    files = [p for p in sorted(root.rglob("*")) if p.suffix.lower() in VIDEO_FILES and p.is_file()]
    samples = []
    for file in files:
        path = file.relative_to(root).as_posix()
        samples.append({"id": path, "path": path, "split": "train"})
    return build(SOURCE, root, samples, expected=len(samples)).ranked()
