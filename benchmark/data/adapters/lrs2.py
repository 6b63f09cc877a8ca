"""LRS2: sentences, `mvlrs_v1/{main,pretrain}/<16-20 digit id>/<00001>.{mp4,txt}`, lists beside it.

List lines are `<id>/<00001>`; test lines carry a further tag, which is ignored. A clip's .txt
begins with `Text:  THE WORDS` and may hold a table of word times (WORD START END ASDSCORE), which
`pretrain` has and `main` often lacks. Layout as mpc001/auto_avsr reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.data.adapters.common import Source, build, lines
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, UsageError, unknown

SOURCE = Source(
    name="lrs2",
    title="LRS2 (Lip Reading Sentences 2)",
    layout="mvlrs_v1/{main,pretrain}/<id>/<00001>.{mp4,txt} and {train,val,test,pretrain}.txt",
    owner="https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrs2.html (agreement with the BBC)",
    licence="BBC, research use only",
    folders=("LRS2", "lrs2"),
    expected=48_164,  # 45,839 train + 1,082 val + 1,243 test of `main`; train, val from memory
)
FOLDER = "mvlrs_v1"
LISTS = {"main": ("train", "val", "test"), "pretrain": ("pretrain",)}
TABLE = ["WORD", "START", "END"]  # the first columns of the table of word times
Row = dict[str, Any]


class Word(NamedTuple):
    """One line of the table of word times; seconds."""

    text: str
    start: float
    stop: float


def present(root: Path) -> bool:
    """Whether `root` holds the folder of sentences."""
    return (root / FOLDER).is_dir()


def read(root: Path, *, part: str = "main", words: int = 0) -> Manifest:
    """Sentences of `main`, or pieces of `pretrain` for the curriculum, all of them "train".

    words: words of a piece of `pretrain`, cut by the table of word times, the last piece of a clip
    being what is left; 0 takes its clips whole. The curriculum goes through 2, 4, 8 and 16:
    chosen. Clips without a file, a transcript or, where they are cut, word times are
    listed as missing. Raises UsageError for an unknown part, and for `words` with `main`.
    """
    if part not in LISTS:
        raise unknown("part of LRS2", part, LISTS)
    if words < 0 or (words and part == "main"):
        raise UsageError(
            f"LRS2: words={words} with part {part!r}; pieces of 1 or more words are cut from part "
            "'pretrain' only, 0 takes whole clips"
        )
    samples: list[Row] = []
    missing: list[str] = []
    for split in LISTS[part]:
        for name in _listed(root, split):
            found = list(_samples(root, f"{FOLDER}/{part}/{name}", words=words))
            samples += [{**row, "split": _split(split)} for row in found]
            missing += [] if found else [f"{FOLDER}/{part}/{name}.mp4"]
    total = len(samples) + len(missing)
    complete = not missing and (part == "pretrain" or total >= SOURCE.expected)
    return build(
        SOURCE,
        root,
        samples,
        kind="full" if complete else "subset",
        expected=max(total, SOURCE.expected) if part == "main" else total,
        missing=missing,
    )


def normalised(text: str) -> str:
    """Upper case, A-Z 0-9 ' and single spaces; braces go, what they hold stays: auto_avsr."""
    return " ".join(re.sub(r"[^A-Z0-9' ]+", "", re.sub(r"\s", " ", text.upper())).split())


def transcript(text: Path) -> str:
    """The normalised sentence of a clip's .txt. Raises NotReadyError where no line begins Text:."""
    found = re.search(r"^Text:(.*)$", _content(text), re.MULTILINE)
    if found is None:
        raise NotReadyError(f"{text} has no line 'Text:  <words>'; fetch the file again")
    return normalised(found.group(1))


def word_times(text: Path) -> list[Word]:
    """The table of a clip's .txt, normalised; empty where it has none.

    Raises NotReadyError for a line of the table without two times.
    """
    rows = [line.split() for line in _content(text).splitlines()]
    begin = next((at for at, row in enumerate(rows) if row[:3] == TABLE), len(rows))
    found = []
    for row in filter(None, rows[begin + 1 :]):
        try:
            word = Word(normalised(row[0]), float(row[1]), float(row[2]))
        except (IndexError, ValueError) as error:
            raise NotReadyError(
                f"{text}: the line {' '.join(row)!r} is not 'WORD START END ...'; fetch the file "
                "again"
            ) from error
        if word.text:
            found.append(word)
    return found


def _samples(root: Path, stem: str, *, words: int) -> Iterator[Row]:
    """A clip as one row, or cut into pieces; nothing where something it needs is not there."""
    text = root / f"{stem}.txt"
    if not (root / f"{stem}.mp4").is_file() or not text.is_file():
        return
    clip = stem.removeprefix(f"{FOLDER}/")
    facts = {"path": f"{stem}.mp4", "group": clip.split("/")[1], "has_audio": True}
    if not words:
        if said := transcript(text):
            yield {**facts, "id": clip, "text": said}
        return
    times = word_times(text)
    for at in range(0, len(times), words):
        piece = times[at : at + words]
        yield {
            **facts,
            "id": f"{clip}@{at}+{len(piece)}",
            "text": " ".join(word.text for word in piece),
            "start": piece[0].start,
            "stop": piece[-1].stop,
        }


def _listed(root: Path, split: str) -> list[str]:
    """Clips of an official list, `<id>/<00001>` each."""
    path = root / f"{split}.txt"
    if not path.is_file():
        raise NotReadyError(
            f"{path} is missing; the lists train.txt, val.txt, test.txt and pretrain.txt lie "
            f"beside {FOLDER}/ and are on the page of the owners, {SOURCE.owner}"
        )
    names = [line.split()[0].removesuffix(".mp4") for line in lines(path)]
    for name in names:
        if name.count("/") != 1:
            raise NotReadyError(f"{path}: {name!r} is not '<id>/<00001>'; fetch the list again")
    return names


def _split(name: str) -> str:
    return "train" if name == "pretrain" else name


def _content(text: Path) -> str:
    return text.read_text(encoding="utf-8", errors="replace")
