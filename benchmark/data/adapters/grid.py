"""GRID: `video/<speaker>/*.mp4`, 3 s sentences with sound; a small speech set to pretrain on."""

from __future__ import annotations

from pathlib import Path

from benchmark.data.adapters.common import VIDEO_FILES, Source, build
from benchmark.data.manifest import Manifest

SOURCE = Source(
    name="grid",
    title="GRID audio-visual sentences",
    layout="video/<speaker>/<sentence>.mp4",
    owner="http://spandh.dcs.shef.ac.uk/gridcorpus",
    licence="free for research use",
    folders=("GRID", "grid"),
    expected=34_000,  # 34 speakers x 1,000 sentences, from memory
)


def present(root: Path) -> bool:
    """Whether `root` holds speakers with videos."""
    return any(path.suffix.lower() in VIDEO_FILES for path in root.glob("video/*/*"))


def read(root: Path) -> Manifest:
    """All sentences in a fixed random order, so that the first n are a fair subset."""
    files = [p for p in sorted(root.glob("video/*/*")) if p.suffix.lower() in VIDEO_FILES]
    samples = [
        {
            "id": f"{path.parent.name}/{path.stem}",
            "path": path.relative_to(root).as_posix(),
            "split": "train",
            "has_audio": True,
        }
        for path in files
    ]
    kind = "full" if len(samples) >= SOURCE.expected else "subset"
    return build(SOURCE, root, samples, kind=kind).ranked()
