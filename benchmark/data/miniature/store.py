"""The files of a miniature on disk: clips with their companions, indices, card, and their check."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.miniature.clip import SAMPLE_RATE, Item, MiniSet, Tier
from benchmark.data.miniature.media import write_clip

CARD, INDEX, FILES, TRUTH, JOURNAL = (
    "card.json",
    "index.csv",
    "files.csv",
    "gt.jsonl",
    ".journal.jsonl",
)
INDEX_COLUMNS = ("path", "split", "label", "group", "bytes", "sha256", "frames", "seconds")
FILE_COLUMNS = ("path", "bytes", "sha256")


def make(dataset: MiniSet, item: Item, root: Path) -> dict[str, Any]:
    """Draw one clip and write all its files; returns its journal row: index, truth, extra files."""
    clip = dataset.draw(item)
    extra = []
    if clip.landmarks is not None:
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(clip.landmarks, np.float32))
        stem = Path(item.path).with_suffix(".npy")
        extra.append(_write(root, f"landmarks/{stem.as_posix()}", buffer.getvalue()))
    for path, text in sorted(clip.sidecars.items()):
        extra.append(_write(root, path, text.encode()))
    write_clip(root / item.path, clip)
    size, digest = _hash(root / item.path)
    head = {"path": item.path, "split": item.split, "label": item.label, "group": item.group}
    index = {**head, "bytes": size, "sha256": digest}
    index |= {"frames": 0 if clip.frames is None else len(clip.frames)}
    index["seconds"] = round(len(clip.wave) / SAMPLE_RATE, 6)
    truth = {**_plain(dict(clip.latents)), **head, "seed": list(item.seed), "crf": clip.crf}
    return {"index": index, "truth": truth, "extra": extra, "fps": clip.fps}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace numpy numbers and arrays by plain ones; floats keep five digits."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 5) if isinstance(value, float) else value


def _write(root: Path, path: str, content: bytes) -> dict[str, Any]:
    """Write a small file under a temporary name, rename it; returns its row for files.csv."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.replace(target)
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _hash(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file."""
    content = path.read_bytes()  # clips are some 50 KB
    return len(content), hashlib.sha256(content).hexdigest()


def finished(root: Path) -> dict[str, dict[str, Any]]:
    """Clips of the journal whose files have the recorded size; a cut last line is ignored."""
    journal = root / JOURNAL
    if not journal.exists():
        return {}
    done = {}
    text = journal.read_text(encoding="utf-8")
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        files = [*row["extra"], row["index"]]
        if all(_size(root / file["path"]) == file["bytes"] for file in files):
            done[row["index"]["path"]] = row
    if text and not text.endswith("\n"):  # keep the next line apart from the cut one
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n")
    return done


def _size(path: Path) -> int:
    """Bytes of a file, -1 where it does not exist."""
    return path.stat().st_size if path.is_file() else -1


def finish(
    dataset: MiniSet,
    items: Sequence[Item],
    rows: Sequence[dict[str, Any]],
    root: Path,
    *,
    tier: Tier,
) -> None:
    """Write list files, ground truth, both indices and, when all of it is there, the card."""
    extra = [file for row in rows for file in row["extra"]]
    for path, text in sorted(dataset.lists(items).items()):
        extra.append(_write(root, path, text.encode()))
    truth = "".join(json.dumps(row["truth"]) + "\n" for row in rows)
    extra.append(_write(root, TRUTH, truth.encode()))
    index = _write(root, INDEX, _csv(INDEX_COLUMNS, [row["index"] for row in rows]).encode())
    files = _write(root, FILES, _csv(FILE_COLUMNS, extra).encode())
    splits = Counter(item.split for item in items)
    card = {
        "name": dataset.name,
        "version": dataset.version,
        "tier": tier,
        "title": dataset.title,
        "kind": "miniature",
        "counts": {
            "clips": len(items),
            "bytes": sum(row["index"]["bytes"] for row in rows),
            "splits": dict(sorted(splits.items())),
            "labels": len({item.label for item in items}),
            "groups": len({item.group for item in items}),
        },
        # a set names its difficulty scalars in `difficulty`; the contract does not demand any
        "difficulty": _plain(dict(getattr(dataset, "difficulty", {}))),
        "fps": sorted({row["fps"] for row in rows} - {0}),  # empty for a set of sounds
        "index_sha256": index["sha256"],
        "files_sha256": files["sha256"],
    }
    _write(root, CARD, (json.dumps(card, indent=2) + "\n").encode())
    (root / JOURNAL).unlink(missing_ok=True)


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A CSV text with a header and plain line ends."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def verify(root: Path) -> list[str]:
    """Compare every file of a complete miniature with its recorded hash; returns the problems.

    The card vouches for the two indices, the indices for every other file; files nobody names are
    reported.
    """
    if not (root / CARD).is_file():
        return [f"{root / CARD} is missing: the set is not complete, run its generation again"]
    card = json.loads((root / CARD).read_text(encoding="utf-8"))
    problems, named = [], {CARD, INDEX, FILES}
    for name, key in ((INDEX, "index_sha256"), (FILES, "files_sha256")):
        if not (root / name).is_file():
            problems.append(f"{name} is missing")
        elif _hash(root / name)[1] != card[key]:
            problems.append(f"{name} differs from the hash in {CARD}")
    if problems:
        return problems
    for name in (INDEX, FILES):
        with (root / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                named.add(row["path"])
                problems += _problem(root, row)
    present = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    return problems + [f"{path} is not part of the set" for path in sorted(present - named)]


def _problem(root: Path, row: Mapping[str, str]) -> list[str]:
    """What is wrong with one named file."""
    if not (root / row["path"]).is_file():
        return [f"{row['path']} is missing"]
    size, digest = _hash(root / row["path"])
    if size != int(row["bytes"]):
        return [f"{row['path']} has {size} bytes, {row['bytes']} were written"]
    return [] if digest == row["sha256"] else [f"{row['path']} differs from its hash"]
