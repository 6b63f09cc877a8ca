"""ESC-50 and ESC-10: `audio/<fold>-<clip>-<take>-<target>.wav` and `meta/esc50.csv`.

The csv has a header: filename,fold,target,category,esc10,src_file,take. Copies in a lossless or
Vorbis form (.flac, .ogg) are found by the name without suffix, as the csv says .wav in any case.
Clips of one class and source recording lie in one fold; in the owners' csv four recordings give
clips of two classes to two folds. Layout: Piczak 2015, README of ESC-50.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from benchmark.data.adapters.common import Source, build
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, UsageError

SOURCE = Source(
    name="esc50",
    title="ESC-50 (environmental sounds)",
    layout="audio/{FOLD}-{CLIP_ID}-{TAKE}-{TARGET}.wav, meta/esc50.csv",
    owner="https://github.com/karolpiczak/ESC-50",
    licence="CC BY-NC 3.0; its ESC-10 part CC BY 3.0",
    folders=("ESC-50", "ESC-50-master", "ESC50", "esc50"),
    expected=2_000,  # 50 classes x 40; Piczak 2015
)
ESC10 = 400  # clips of ESC-10, 10 classes x 40
LIST = "meta/esc50.csv"
NEEDED = ("filename", "fold", "target", "category", "esc10", "src_file")
FOLDS = (1, 2, 3, 4, 5)
SUFFIXES = (".wav", ".flac", ".ogg")  # in the order of preference


def present(root: Path) -> bool:
    """Whether `root` holds the list."""
    return (root / LIST).is_file()


def read(root: Path, *, fold: int = 1, esc10: bool = False) -> Manifest:
    """One official fold as test, the other four as train. esc10: only the clips of ESC-10.

    Classes without a training clip are left out, which makes the manifest a subset; so do missing
    files. Classes stand in the order of the owners' targets. group: the source recording.
    """
    if fold not in FOLDS:
        raise UsageError(f"ESC-50 has the folds {FOLDS}, not {fold}")
    listed = [row for row in _rows(root / LIST) if row["esc10"] or not esc10]
    files = _files(root / "audio")
    stems = [Path(row["filename"]).stem for row in listed]
    here = [(row, files[stem]) for row, stem in zip(listed, stems, strict=True) if stem in files]
    trained = sorted({(row["target"], row["category"]) for row, _ in here if row["fold"] != fold})
    labels = [name for _, name in trained]
    samples = [
        {
            "id": Path(row["filename"]).stem,
            "path": f"audio/{file}",
            "label": labels.index(row["category"]),
            "split": "test" if row["fold"] == fold else "train",
            "group": row["src_file"],
            "has_audio": True,
        }
        for row, file in here
        if row["category"] in labels
    ]
    missing = [
        f"audio/{row['filename']}"
        for row, stem in zip(listed, stems, strict=True)
        if stem not in files
    ]
    return build(
        SOURCE,
        root,
        samples,
        labels=labels,
        kind="full" if len(samples) == (ESC10 if esc10 else SOURCE.expected) else "subset",
        expected=len(listed),
        missing=missing,
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    """The owners' rows, with fold and target as integers and esc10 as a truth value."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if absent := [name for name in NEEDED if name not in (reader.fieldnames or ())]:
            raise NotReadyError(f"{path} lacks the columns {absent}; fetch it again")
        rows = list(reader)
    found = []
    names: dict[int, str] = {}
    for number, row in enumerate(rows, 1):
        try:
            facts = {"fold": int(row["fold"]), "target": int(row["target"])}
        except (TypeError, ValueError) as error:
            raise NotReadyError(f"{path}: row {number} is damaged ({error}); fetch it") from error
        if names.setdefault(facts["target"], row["category"]) != row["category"]:
            raise NotReadyError(
                f"{path}: row {number} calls target {facts['target']} {row['category']!r}, an "
                f"earlier one {names[facts['target']]!r}; fetch it again"
            )
        found.append({**row, **facts, "esc10": row["esc10"].strip().lower() == "true"})
    return found


def _files(folder: Path) -> dict[str, str]:
    """File name by stem, in the preferred format where there are several."""
    found: dict[str, str] = {}
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for suffix in SUFFIXES:
        for name in names:
            if Path(name).suffix.lower() == suffix:
                found.setdefault(Path(name).stem, name)
    return found
