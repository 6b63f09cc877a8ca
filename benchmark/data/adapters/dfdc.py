"""DFDC (full training parts): `dfdc_train_part_NN/metadata.json` and its .mp4 files; real or fake.

With the lists of Chugh et al. (2020), one `<name>.<part>` a line, the named clips are taken and the
originals of fakes are added. Without a list, originals are assigned to splits by a hash of their
name; a fake follows its original, so no face crosses a split. The lists are not ours to pass on:
the user brings them, as options or as chugh_{train,val,test}.txt in the root.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.data.adapters.common import Source, build, lines
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="dfdc",
    title="DFDC (Deepfake Detection Challenge, full training parts)",
    layout="dfdc_train_part_NN/{metadata.json, <name>.mp4}",
    owner="https://ai.meta.com/datasets/dfdc (agreement with its owners)",
    licence="DFDC terms of use, research only",
    folders=("DFDC", "dfdc"),
)
LABELS = ("real", "fake")
PARTS = "dfdc_train_part_*"
SHARES = (("train", 0.8), ("val", 0.9), ("test", 1.0))  # chosen: upper ends of the hash ranges
LISTS = {split: f"chugh_{split}.txt" for split in ("train", "val", "test")}

Entry = dict[str, Any]  # id, path, label, group, original, part


def present(root: Path) -> bool:
    """Whether `root` holds parts."""
    return any(path.is_dir() for path in root.glob(PARTS))


def read(root: Path, *, train_list: str = "", val_list: str = "", test_list: str = "") -> Manifest:
    """Clips of the listed splits, or of all parts; lists are absolute or relative to `root`."""
    entries, absent = _entries(root)
    kinds = _manipulations(root)
    for entry in entries.values():
        entry["tag"] = kinds.get(entry["path"], "")
    given = {"train": train_list, "val": val_list, "test": test_list}
    lists = {split: root / (given[split] or name) for split, name in LISTS.items()}
    for split, name in given.items():
        if name and not lists[split].is_file():
            raise NotReadyError(f"the {split} list {lists[split]} is missing; correct the option")
    lists = {split: path for split, path in lists.items() if path.is_file()}
    if not lists:
        samples = [_sample(entry, _hashed_split(entry["group"])) for entry in entries.values()]
        return build(
            SOURCE,
            root,
            samples,
            labels=LABELS,
            kind="subset",  # no published split
            expected=len(entries) + len(absent),
            missing=sorted(absent),
        )
    samples, missing, expected = _listed(entries, lists)
    _check_disjoint(samples)
    kind = "subset" if missing or {"train", "test"} - set(lists) else "full"
    return build(
        SOURCE, root, samples, labels=LABELS, kind=kind, expected=expected, missing=missing
    )


def _entries(root: Path) -> tuple[dict[str, Entry], set[str]]:
    """Clips that metadata names, by name; and paths of those whose file is not there."""
    entries: dict[str, Entry] = {}
    absent: set[str] = set()
    for folder in sorted(path for path in root.glob(PARTS) if path.is_dir()):
        # some archives unpack into a folder of nearly the same name inside
        found = sorted([*folder.glob("metadata.json"), *folder.glob("*/metadata.json")])
        if not found:
            raise NotReadyError(f"{folder} has no metadata.json; unpack the part again")
        for file in found:
            for name, facts in _metadata(file).items():
                path, stem = file.parent / name, Path(name).stem
                original = Path(facts.get("original") or name).stem
                if not path.is_file():
                    absent.add(path.relative_to(root).as_posix())
                    continue
                entries[stem] = {
                    "id": stem,
                    "path": path.relative_to(root).as_posix(),
                    "label": LABELS.index(facts["label"].lower()),
                    "group": original,
                    "part": _part(folder.name),
                }
    return entries, absent


def _manipulations(root: Path) -> dict[str, str]:
    """Kind of each forgery of the miniature (F1 to F4) by path; its owners' data does not say."""
    truth = root / "gt.jsonl"
    if not truth.is_file():
        return {}
    rows = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    return {
        row["path"]: row["manipulation"].partition("-")[0]
        for row in rows
        if row["manipulation"] != "none"
    }


def _metadata(file: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise NotReadyError(f"{file} is not JSON ({error}); unpack the part again") from error


def _part(name: str) -> int:
    """Number of a part; copies write dfdc_train_part_3 and dfdc_train_part_03."""
    found = re.search(r"(\d+)$", name)
    if found is None:
        raise NotReadyError(f"{name!r} does not end in a part number, as in dfdc_train_part_03")
    return int(found.group(1))


def _listed(
    entries: Mapping[str, Entry], lists: Mapping[str, Path]
) -> tuple[list[Entry], list[str], int]:
    """Samples of the lists with the originals of fakes; names without a file; how many in all."""
    chosen: dict[str, Entry] = {}
    missing: set[str] = set()
    for split, file in lists.items():
        for line in lines(file):
            stem, _, part = line.removesuffix(".mp4").replace(".mp4.", ".").partition(".")
            entry = entries.get(stem)
            if entry is None or (part and entry["part"] != _part(part)):
                missing.add(line)
                continue
            for name in dict.fromkeys((stem, entry["group"])):
                if name not in entries:
                    missing.add(f"{name} (original of {stem})")
                elif chosen.setdefault(name, _sample(entries[name], split))["split"] != split:
                    raise NotReadyError(
                        f"{name}.mp4 belongs to {chosen[name]['split']} and, through {file}, to "
                        f"{split}; correct the lists: no video may be in two splits"
                    )
    return list(chosen.values()), sorted(missing), len(chosen) + len(missing)


def _sample(entry: Entry, split: str) -> Entry:
    return {key: entry[key] for key in ("id", "path", "label", "group", "tag")} | {"split": split}


def _check_disjoint(samples: list[Entry]) -> None:
    """No original, with its fakes, on two sides."""
    splits: dict[str, str] = {}
    for sample in samples:
        if splits.setdefault(sample["group"], sample["split"]) != sample["split"]:
            raise NotReadyError(
                f"fakes of {sample['group']}.mp4 are listed in {splits[sample['group']]} and in "
                f"{sample['split']}; correct the lists: a face may not cross a split"
            )


def _hashed_split(group: str) -> str:
    """A split for an original, from its name alone."""
    place = int(hashlib.sha1(f"dfdc:{group}".encode()).hexdigest()[:8], 16) / 16**8
    return next(split for split, end in SHARES if place < end)
