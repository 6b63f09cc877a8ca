"""LRW: 500 words, 29 frames a clip, in `lipread_mp4/<WORD>/{train,val,test}/`.

Clips are <WORD>_00001.mp4 ... with a .txt beside each. Classes are the sorted word folders. LRW
names no speakers, so samples have no group.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.data.adapters.common import Source, build
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="lrw",
    title="LRW (Lip Reading in the Wild)",
    layout="lipread_mp4/<WORD>/{train,val,test}/<WORD>_00001.mp4",
    owner="https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html (agreement with the BBC)",
    licence="BBC, research use only",
    folders=("LRW", "lrw"),
    expected=538_766,  # 488,766 train, 25,000 val, 25,000 test: from memory
)
FOLDERS = ("lipread_mp4", "lrw_mp4")
SPLITS = ("train", "val", "test")
MIDDLE, FPS = 14.5, 25  # the word sits around the middle of 29 frames


def present(root: Path) -> bool:
    """Whether `root` holds the folder of words."""
    return any((root / folder).is_dir() for folder in FOLDERS)


def read(root: Path) -> Manifest:
    """All clips, word by word. A copy with fewer clips than the owners' is a subset."""
    place = next(root / folder for folder in FOLDERS if (root / folder).is_dir())
    words = sorted(path.name for path in place.iterdir() if path.is_dir())
    samples = []
    for label, word in enumerate(words):
        for split in SPLITS:
            for clip in sorted((place / word / split).glob("*.mp4")):
                samples.append(
                    {
                        "id": f"{word}/{split}/{clip.stem}",
                        "path": clip.relative_to(root).as_posix(),
                        "label": label,
                        "split": split,
                        "has_audio": True,  # every LRW clip has sound
                    }
                )
    kind = "full" if len(samples) >= SOURCE.expected and len(words) == 500 else "subset"
    return build(SOURCE, root, samples, labels=words, kind=kind)


def word_interval(text: Path) -> tuple[float, float]:
    """Seconds [start, stop) of the word by the clip's .txt: 14.5 frames +- half its `Duration`.

    The line is found by its key, as line numbers differ between copies.
    """
    found = re.search(r"^Duration:\s*([0-9.]+)", text.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise NotReadyError(f"{text} has no line 'Duration: <seconds>'; fetch the file again")
    half = float(found.group(1)) / 2
    return MIDDLE / FPS - half, MIDDLE / FPS + half
