"""VGG-SS: boxes of what sounds in the middle frame of VGGSound test clips; `vggss.json` and clips.

The file is a list of {"file": "<youtube id>_<start, 6 digits>", "class", "bbox": [[x0, y0, x1, y1],
...]}, boxes in fractions of the frame (Chen et al. 2021, hche11/Localizing-Visual-Sounds-the-Hard-
Way). Boxes are cut to the frame. 18 of the official 5,158 entries hold a box without area (equal
sides, or a number of -2.9e16); such a box is dropped. Two entries keep no box at all: they stay,
with an empty list, so that scores are shares of the same 5,158 as the published ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.youtube import ID, clips, first
from benchmark.data.manifest import Boxes, Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="vggss",
    title="VGG-SS (VGG-Sound Source)",
    layout="vggss.json (or vggss/vggss.json) and <youtube id>_<start, 6 digits>.mp4 at any depth, "
    "clips of VGGSound's test part",
    owner="https://www.robots.ox.ac.uk/~vgg/research/lvs (boxes; videos as for VGGSound)",
    licence="Apache-2.0 for the boxes; videos remain their owners'",
    folders=("VGGSS", "vggss", "VGG-SS"),
    expected=5_158,  # entries of vggss.json, Chen et al. 2021
)
LIST = ("vggss.json", "vggss/vggss.json", "VGGSS/vggss.json", "VGG-SS/vggss.json")
Entry = dict[str, Any]


def present(root: Path) -> bool:
    """Whether `root` holds the boxes."""
    return first(root, LIST) is not None


def read(root: Path) -> Manifest:
    """All boxed clips that are there, in the owners' order; there is only a test part."""
    path = first(root, LIST)
    if path is None:
        raise NotReadyError(f"{root / LIST[0]} is missing. {SOURCE.help(root)}")
    entries = _entries(path)
    labels = sorted({entry["class"] for entry in entries})
    files = clips(root)
    samples = [
        {
            "id": entry["file"],
            "path": files[entry["file"]],
            "label": labels.index(entry["class"]),
            "split": "test",
            "group": entry["file"][:ID],
            "boxes": Boxes(inside(entry["bbox"])).text(),
        }
        for entry in entries
        if entry["file"] in files
    ]
    missing = [f"{entry['file']}.mp4" for entry in entries if entry["file"] not in files]
    complete = not missing and len(samples) >= SOURCE.expected
    return build(
        SOURCE,
        root,
        samples,
        labels=labels,
        kind="full" if complete else "subset",
        expected=len(entries),
        missing=missing,
    )


def inside(boxes: Sequence[Sequence[float]]) -> tuple[tuple[float, float, float, float], ...]:
    """The boxes cut to the frame, [0, 1] x [0, 1]; those without area, or not finite, dropped."""
    kept = []
    for box in boxes:
        x0, y0, x1, y1 = (min(max(float(value), 0.0), 1.0) for value in box)
        if all(map(math.isfinite, box)) and x0 < x1 and y0 < y1:
            kept.append((x0, y0, x1, y1))
    return tuple(kept)


def _entries(path: Path) -> list[Entry]:
    """The list as its owners wrote it, checked."""
    try:
        entries: list[Entry] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise NotReadyError(f"{path} is not JSON ({error}); fetch it again") from error
    for entry in entries if isinstance(entries, list) else [entries]:
        sound = isinstance(entry, dict) and {"file", "class", "bbox"} <= entry.keys()
        if not sound or not all(len(box) == 4 for box in entry["bbox"]):
            raise NotReadyError(
                f"{path}: {str(entry)[:80]} is not {{file, class, bbox: [[x0, y0, x1, y1], ...]}}; "
                "fetch it again"
            )
    return entries
