"""What Kinetics-400, Kinetics-700 and Kinetics-Sound share: lists, file names, class names, sound.

Lists are `annotations/{train,val,test}.csv` with the columns label, youtube_id, time_start,
time_end, split (older ones add is_cc; test lists without labels exist); clips are
`<youtube_id>_<start:06d>_<end:06d>.mp4` in `train/<class>/`, flat in `train/`, or anywhere, as they
are found by name. Copies differ in their class folders: spaces or _, with or without ' ( ).
Layout: torchvision's kinetics.py, mmaction2.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.youtube import ID, clips, first, seconds
from benchmark.data.manifest import Manifest
from benchmark.data.ready import headers
from registries.errors import NotReadyError, UsageError

SPLITS = ("train", "val", "test")
NAMES = {"train": ("train",), "val": ("val", "validate"), "test": ("test",)}  # of lists, folders
NEEDED = ("youtube_id", "time_start", "time_end")
CLIP = re.compile(r".{11}_\d{6}_\d{6}")
MIN_SECONDS = 1.1  # CrissCross's rule for its Kinetics clips
TESTED = ("val", "test")


@dataclass(frozen=True)
class Gathered:
    """Clips of a root: samples with the class name as label; names without a file."""

    samples: list[dict[str, Any]]
    missing: list[tuple[str, str]]  # class, file name


def list_of(root: Path, split: str) -> Path | None:
    """The owners' list of a split, or None."""
    for name in NAMES[split]:
        for file in (f"{name}.csv", f"kinetics_{name}.csv"):
            path = first(root, (f"annotations/{file}", file))
            if path is not None and owners(path):
                return path
    return None


def owners(path: Path) -> bool:
    """Whether a list is Kinetics' own, by its header."""
    return "youtube_id" in _head(path)


def found(root: Path) -> bool:
    """Whether `root` holds a list, or class folders of clips in a folder of a split."""
    if any(list_of(root, split) for split in SPLITS):
        return True
    folders = [root / name for split in SPLITS for name in _folders(split)]
    return any(
        CLIP.fullmatch(path.stem)
        for folder in folders
        if folder.is_dir()
        for path in folder.glob("*/*")
    )


def gather(root: Path) -> Gathered:
    """All clips by the lists and, for splits without a list, by their folders.

    A clip that is listed twice counts once: as test before val, as val before train, so that
    nothing tested is trained on. Clips without a label (owners' test lists) are left out, and so is
    a test part of which no file is there.
    """
    files = clips(root)  # "replacement", CVD's mended clips, comes before "train"
    listed: dict[str, tuple[str, str]] = {}  # file name -> class as all copies agree on it, split
    spelt: dict[str, str] = {}  # as the lists write it, else as the folders do
    for split in reversed(SPLITS):
        path = list_of(root, split)
        for name, label in _listed(path) if path is not None else _unlisted(files, split):
            if label:
                spelt[key(label)] = label
            elif label := _folder_class(files.get(name, "")):
                spelt.setdefault(key(label), label.replace("_", " "))
            if label:
                listed.setdefault(name, (key(label), split))
    samples, missing = [], []
    for split in SPLITS:
        names = [name for name, facts in listed.items() if facts[1] == split]
        if split == "test" and not any(name in files for name in names):
            continue
        for name in names:
            label = spelt[listed[name][0]]
            if name not in files:
                missing.append((label, f"{name}.mp4"))
                continue
            facts = {"id": name, "path": files[name], "label": label}
            samples.append({**facts, "split": split, "group": name[:ID]})
    return Gathered(samples, missing)


def key(name: str) -> str:
    """A class name as all copies agree on it: no ' ( ), spaces for _, lower case."""
    return " ".join(re.sub(r"['\"()]", "", name).replace("_", " ").lower().split())


def read_set(source: Source, root: Path, *, classes: int, sound: bool, tested: str) -> Manifest:
    """A Kinetics set with that many classes, in a fixed random order: the first n are fair.

    tested: "val" makes the owners' val part the test split, as published results do, and leaves
    their test part out; "test" keeps all parts. sound: see `audible`.
    """
    if tested not in TESTED:
        raise UsageError(f"{source.title}: tested must be one of {TESTED}, not {tested!r}")
    seen = gather(root)
    samples = seen.samples
    if tested == "val":
        samples = [
            sample | {"split": "test" if sample["split"] == "val" else "train"}
            for sample in samples
            if sample["split"] != "test"
        ]
    labels = sorted({sample["label"] for sample in samples if sample["split"] == "train"})
    index = {name: number for number, name in enumerate(labels)}
    kept = [s | {"label": index[s["label"]]} for s in samples if s["label"] in index]
    # without the lists nothing says what is complete
    complete = len(labels) == classes and all(list_of(root, split) for split in ("train", "val"))
    manifest = build(
        source,
        root,
        kept,
        labels=labels,
        kind="full" if complete and not seen.missing else "subset",
        expected=len(samples) + len(seen.missing),
        missing=[name for _, name in seen.missing],
    ).ranked()
    return audible(manifest) if sound else manifest


def audible(manifest: Manifest) -> Manifest:
    """The clips with sound that last 1.1 s at least; the others are listed as missing.

    Reads every header once (`ready.headers` remembers). Files that do not open are left in:
    `ready.opened` judges them before a run. A miniature's clips all have sound.
    """
    if manifest.kind == "miniature":
        return manifest
    seen = headers(manifest)
    opens = (seen["error"] == "").to_numpy()
    silent = opens & ~seen["has_audio"].to_numpy(dtype=bool)
    short = opens & ~silent & (seen["seconds"].to_numpy() < MIN_SECONDS)
    paths = manifest.rows["path"]
    lost = [f"{path} (no sound)" for path in paths[silent]]
    lost += [f"{path} (shorter than {MIN_SECONDS} s)" for path in paths[short]]
    return replace(manifest, missing=(*manifest.missing, *lost)).keep(~(silent | short))


def _head(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [name.strip() for name in next(csv.reader(file), [])]


def _listed(path: Path) -> Iterator[tuple[str, str]]:
    """File name without suffix, and class (empty where the list has none), of every row."""
    if absent := [name for name in NEEDED if name not in _head(path)]:
        raise NotReadyError(f"{path} lacks the columns {absent}; fetch the list again")
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            start, end = (int(seconds(row[name] or "", path)) for name in NEEDED[1:])
            yield f"{row['youtube_id']}_{start:06d}_{end:06d}", (row.get("label") or "").strip()


def _unlisted(files: dict[str, str], split: str) -> Iterator[tuple[str, str]]:
    """Clips in a folder of this split; their class is a matter of their folder."""
    names = set(_folders(split))
    for name, path in files.items():
        if CLIP.fullmatch(name) and names.intersection(PurePosixPath(path).parts[:-1]):
            yield name, ""


def _folders(split: str) -> Iterator[str]:
    for name in NAMES[split]:
        yield from (name, f"videos_{name}", f"{name}_256")  # owners, mmaction2, shrunk copies


def _folder_class(path: str) -> str:
    """Class by folder; nothing for a clip that lies flat in the folder of a split."""
    parents = PurePosixPath(path).parts[:-1]
    flat = {name for split in SPLITS for name in _folders(split)} | {"replacement"}
    return parents[-1] if parents and parents[-1] not in flat else ""
