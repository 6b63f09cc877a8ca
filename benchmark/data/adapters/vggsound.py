"""VGGSound: `vggsound.csv` (youtube_id,start,label,split; no header), clips `<id>_<start:06d>.mp4`.

Clips of 10 s may lie in any folder below the root, the list in the root or in data/. The owners'
`test.csv` (file,label) adds test clips that the first list lacks; their `stat.csv` (label,...)
fixes the class list. Layout: the lists of hche11/VGGSound.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.youtube import ID, clips, first, seconds, table
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="vggsound",
    title="VGGSound",
    layout="vggsound.csv (or data/vggsound.csv), <youtube id>_<start, 6 digits>.mp4 at any depth",
    owner="https://www.robots.ox.ac.uk/~vgg/data/vggsound (the list; videos from YouTube)",
    licence="CC BY 4.0 for the list; videos remain their owners'",
    folders=("VGGSound", "vggsound"),
    expected=199_176,  # rows of the list, from memory
)
LIST = ("vggsound.csv", "data/vggsound.csv")
TEST = ("test.csv", "data/test.csv")
CLASSES = ("stat.csv", "data/stat.csv")


class Listed(NamedTuple):
    """What the lists say about a clip."""

    label: str
    split: str


def present(root: Path) -> bool:
    """Whether `root` holds the list."""
    return first(root, LIST) is not None


def read(root: Path) -> Manifest:
    """All listed clips; a copy that lacks some is a subset. group: the YouTube id."""
    listed = _listed(root)
    labels = _classes(root, listed)
    files = clips(root)
    samples = [
        {
            "id": name,
            "path": files[name],
            "label": labels.index(facts.label),
            "split": facts.split,
            "group": name[:ID],
        }
        for name, facts in listed.items()
        if name in files
    ]
    missing = [f"{name}.mp4" for name in listed if name not in files]
    complete = not missing and len(samples) >= SOURCE.expected
    return build(
        SOURCE,
        root,
        samples,
        labels=labels,
        kind="full" if complete else "subset",
        expected=max(len(listed), SOURCE.expected),
        missing=missing,
    )


def _listed(root: Path) -> dict[str, Listed]:
    """Label and split by name of clip. Raises NotReadyError where two lists disagree."""
    path = first(root, LIST)
    if path is None:
        raise NotReadyError(f"{root / LIST[0]} is missing. {SOURCE.help(root)}")
    found: dict[str, Listed] = {}
    for video, start, label, split in table(path, 4):
        if split not in ("train", "test"):
            raise NotReadyError(f"{path}: {video} has the split {split!r}, not train or test")
        found[f"{video}_{int(seconds(start, path)):06d}"] = Listed(label, split)
    if (more := first(root, TEST)) is not None:
        for file, label in table(more, 2):
            name = PurePosixPath(file).stem
            if found.setdefault(name, Listed(label, "test")) != Listed(label, "test"):
                raise NotReadyError(
                    f"{more} says {label!r}, test, of {name}; {path} says {found[name].label!r}, "
                    f"{found[name].split}. Fetch both again"
                )
    return found


def _classes(root: Path, listed: dict[str, Listed]) -> list[str]:
    """Names of the classes, sorted: of stat.csv, else those that are listed."""
    used = {facts.label for facts in listed.values()}
    path = first(root, CLASSES)
    if path is None:
        return sorted(used)
    names = sorted(row[0] for row in table(path, 3))
    if strange := sorted(used - set(names)):
        raise NotReadyError(f"{path} lacks the listed class {strange[0]!r}; fetch the lists again")
    return names
