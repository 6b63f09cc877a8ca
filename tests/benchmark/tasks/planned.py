"""A miniature as it is planned: every path, list and index, and no clip drawn.

A manifest reads names and lists alone, so that facts about it can be tested on the sizes that
scores are measured with, in a moment.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.data.miniature.build import load_set
from benchmark.data.miniature.store import finish

WITH_LANDMARKS = ("mini-lrw", "mini-dfdc")


def lay_out(name: str, root: Path, *, tier: str = "base") -> Path:
    """Files of one byte each in the owners' layout, under `root`."""
    dataset = load_set(name)
    items = dataset.items(tier)
    rows = []
    for item in items:
        _touch(root / item.path)
        if name in WITH_LANDMARKS:
            _touch((root / "landmarks" / item.path).with_suffix(".npy"))
        head = {"path": item.path, "split": item.split, "label": item.label, "group": item.group}
        rows.append(
            {
                "index": {**head, "bytes": 1, "sha256": "0" * 64, "frames": 32, "seconds": 3.2},
                "truth": {**item.plan, **head},
                "extra": [],
                "fps": 20,
            }
        )
    finish(dataset, items, rows, root, tier=tier)
    return root


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b" ")
