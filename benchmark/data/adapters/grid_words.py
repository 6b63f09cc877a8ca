"""GRID words: the word that is said, from GRID's videos and official alignments, in five folds.

`align/<speaker>/<clip>.align` holds `<start> <stop> <word>` lines in 1/25,000 s. A sentence is
command, colour, preposition, letter, digit, adverb (Cooke et al. 2006, table I); a word's place
says what it is. Folds keep sentences whole. They are those of `words_<speaker>.csv` (columns path
and fold) where it is there; otherwise sentences with the same digit are dealt to the folds in turn.
`sentences.csv`, where it is there, says where the mouth is (columns path, mouth_cx, mouth_cy,
mouth_size: pixels of a frame of 320 x 256).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.adapters.common import VIDEO_FILES, Source, build
from benchmark.data.manifest import Boxes, Manifest
from registries.errors import NotReadyError, UsageError, unknown

SOURCE = Source(
    name="grid_words",
    title="GRID words",
    layout="video/<speaker>/<clip>.mp4 and align/<speaker>/<clip>.align",
    owner="http://spandh.dcs.shef.ac.uk/gridcorpus",
    licence="free for research use",
    folders=("GRID", "grid"),
    expected=33_000,  # sentences: 34 speakers x 1,000, one of them without video; from memory
)
PLACES = ("command", "colour", "preposition", "letter", "digit", "adverb")
SLOTS = ("digit", "letter", "colour", "all")
SILENT = {"sil", "sp"}
TICKS = 25_000  # a second, in the units of the alignments
FOLDS = 5
FRAME = (320, 256)  # pixels that the table refers to


def present(root: Path) -> bool:
    """Whether `root` holds alignments and videos."""
    return any((root / "align").glob("*/*.align")) and any((root / "video").glob("*/*"))


def read(root: Path, *, slots: str = "digit", fold: int = 0, window: float = 0.0) -> Manifest:
    """One row a word: fold `fold` is "test", the next one "val", the others "train".

    slots: which words, of 10 digits, 25 letters, 4 colours or all 51 words. window: seconds around
    the middle of the word, as LRW's clips are cut; 0 is the word alone. group: the sentence. tag:
    what kind of word it is, where there are several. boxes: a square around the mouth. Raises
    UsageError for an unknown slot or fold.
    """
    _check_options(slots, fold=fold, window=window)
    sentences, missing = _sentences(root)
    folds, mouths = _folds(root, sentences), _mouths(root)
    labels = sorted({said["word"] for said in _chosen(sentences, slots)})
    samples = [
        {
            "id": f"{said['clip']}/{said['tag']}",
            "path": said["path"],
            "label": labels.index(said["word"]),
            "split": _split(folds[said["path"]], fold),
            "group": said["clip"],
            "has_audio": True,
            "boxes": mouths.get(said["path"], ""),
            "tag": said["tag"] if slots == "all" else "",
            **_span(said, window),
        }
        for said in _chosen(sentences, slots)
    ]
    each = len(PLACES) if slots == "all" else 1
    complete = len(samples) >= SOURCE.expected * each and not missing
    return build(
        SOURCE,
        root,
        samples,
        labels=labels,
        kind="full" if complete else "subset",
        expected=SOURCE.expected * each,
        missing=missing,
    )


def alignment(path: Path) -> list[tuple[str, float, float]]:
    """The six words with their [start, stop) in seconds. Raises NotReadyError for another file."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        said = [(word, int(start) / TICKS, int(stop) / TICKS) for start, stop, word in rows]
    except ValueError as error:
        raise NotReadyError(f"{path}: a line is not '<start> <stop> <word>'; {error}") from error
    words = [row for row in said if row[0] not in SILENT]
    if len(words) != len(PLACES):
        raise NotReadyError(
            f"{path} holds {len(words)} words; a GRID sentence has {len(PLACES)}: "
            f"{', '.join(PLACES)}. Fetch the file again"
        )
    return words


def _check_options(slots: str, *, fold: int, window: float) -> None:
    if slots not in SLOTS:
        raise unknown("slots of GRID words", slots, SLOTS)
    if fold not in range(FOLDS):
        raise UsageError(f"GRID words has the folds 0 to {FOLDS - 1}, not {fold}")
    if window < 0:
        raise UsageError(f"GRID words: window={window} s; it must be 0 (the word) or more")


def _sentences(root: Path) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Words of each video that has an alignment, by path; alignments without a video."""
    videos = {
        f"{path.parent.name}/{path.stem}": path.relative_to(root).as_posix()
        for path in sorted(root.glob("video/*/*"))
        if path.suffix.lower() in VIDEO_FILES
    }
    found, missing = {}, []
    for path in sorted(root.glob("align/*/*.align")):
        clip = f"{path.parent.name}/{path.stem}"
        if clip not in videos:
            missing.append(f"video/{clip}.mp4")
            continue
        found[videos[clip]] = [
            {"clip": clip, "path": videos[clip], "tag": place, "word": word, "at": (start, stop)}
            for place, (word, start, stop) in zip(PLACES, alignment(path), strict=True)
        ]
    return found, missing


def _chosen(sentences: dict[str, list[dict[str, Any]]], slots: str) -> list[dict[str, Any]]:
    return [said for words in sentences.values() for said in words if slots in ("all", said["tag"])]


def _mouths(root: Path) -> dict[str, str]:
    """A square around the mouth of each video, as the column `boxes` has it."""
    path = root / "sentences.csv"
    if not path.is_file():
        return {}
    rows = pd.read_csv(path, usecols=["path", "mouth_cx", "mouth_cy", "mouth_size"])
    found = {}
    for name, x, y, side in rows[["path", "mouth_cx", "mouth_cy", "mouth_size"]].to_numpy():
        edges = ((x - side / 2), (y - side / 2), (x + side / 2), (y + side / 2))
        found[name] = Boxes(
            (tuple(round(edge / size, 6) for edge, size in zip(edges, 2 * FRAME, strict=True)),)
        ).text()
    return found


def _folds(root: Path, sentences: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """The fold of each video."""
    listed: dict[str, int] = {}
    for table in sorted(root.glob("words_*.csv")):
        rows = pd.read_csv(table, usecols=["path", "fold"]).drop_duplicates()
        if rows["path"].duplicated().any():
            raise NotReadyError(f"{table} lists a sentence in two folds; write it again")
        listed |= dict(zip(rows["path"], rows["fold"].astype(int), strict=True))
    turns: Counter[tuple[str, str]] = Counter()
    for path in sorted(sentences, key=lambda p: hashlib.sha1(f"grid:{p}".encode()).hexdigest()):
        if path in listed:
            continue
        digit = next(said["word"] for said in sentences[path] if said["tag"] == "digit")
        turn = (path.split("/")[1], digit)  # each speaker's digits are dealt evenly
        listed[path] = turns[turn] % FOLDS
        turns[turn] += 1
    return listed


def _split(place: int, fold: int) -> str:
    if place == fold:
        return "test"
    return "val" if place == (fold + 1) % FOLDS else "train"


def _span(said: dict[str, Any], window: float) -> dict[str, float]:
    """Seconds [start, stop) of a word, or of the window around it."""
    start, stop = said["at"]
    if window:
        start = max((start + stop - window) / 2, 0.0)
        stop = start + window
    return {"start": start, "stop": stop}
