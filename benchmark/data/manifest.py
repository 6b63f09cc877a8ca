"""What a dataset holds: one row a sample, the same for every dataset, real or miniature.

Columns: id · path (relative to the root, forward slashes) · start, stop (seconds; stop empty = end
of the file) · label (index into `labels`, -1 = none) · split ("train", "val", "test") · group
(samples that must not be separated) · sha256 (empty = not hashed) · bytes · has_audio (empty = not
known) · landmarks (path of a (T, 5, 2) array, empty = none) · text (what is said, as the task's
metric compares it) · boxes (JSON, see `Boxes`; empty = none) · tag (a property by which scores are
reported apart, such as the kind of a forgery).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from registries.errors import NotReadyError

Kind = Literal["full", "subset", "miniature"]
COLUMNS: dict[str, str] = {
    "id": "str",
    "path": "str",
    "start": "float64",
    "stop": "float64",
    "label": "int64",
    "split": "str",
    "group": "str",
    "sha256": "str",
    "bytes": "int64",
    "has_audio": "boolean",
    "landmarks": "str",
    "text": "str",
    "boxes": "str",
    "tag": "str",
}
DEFAULTS: dict[str, Any] = {
    "start": 0.0,
    "stop": np.nan,
    "label": -1,
    "group": "",
    "sha256": "",
    "bytes": 0,
    "has_audio": pd.NA,
    "landmarks": "",
    "text": "",
    "boxes": "",
    "tag": "",
}
HASHED = ("id", "path", "start", "stop", "label", "split", "group")
TRUTHS = ("text", "boxes")  # part of the hash where a dataset has them


@dataclass(frozen=True)
class Manifest:
    """The rows of a dataset and what is known about the whole.

    expected: samples of the complete dataset by its owners' lists · missing: listed paths that are
    not there · kind: "full", "subset" (something is missing or left out) or "miniature". Raises
    NotReadyError for a manifest without rows, a path that leaves the root, an id that occurs twice
    and times that are none.
    """

    name: str
    root: Path
    rows: pd.DataFrame
    labels: tuple[str, ...]
    kind: Kind
    version: str
    expected: int
    missing: tuple[str, ...]
    licence: str

    def __post_init__(self) -> None:
        if self.rows.empty:
            raise NotReadyError(
                f"{self.name}: no sample was found in {self.root} ({len(self.missing)} listed "
                f"files are missing). Check with `bench data verify {self.name} --root {self.root}`"
            )
        for path in (*self.rows["path"], *self.rows["landmarks"]):
            _stay_inside(path, self.name)
        if (repeated := self.rows["id"].duplicated()).any():
            raise NotReadyError(
                f"{self.name}: {self.rows['id'][repeated].iloc[0]!r} is listed twice in "
                f"{self.root}; every sample needs its own id"
            )
        _check_values(self.rows, self.name)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over what changes a number: the rows, their content, the labels; not the root."""
        truths = [name for name in TRUTHS if (self.rows[name] != "").any()]
        columns = [self.rows[name].map(_canonical) for name in (*HASHED, *truths)]
        digest = hashlib.sha256("\t".join(self.labels).encode())
        for values in zip(*columns, self._files(), strict=True):
            digest.update(("\n" + "\t".join(values)).encode())
        return digest.hexdigest()

    @cached_property
    def content(self) -> str:
        """SHA-256 over the samples themselves, whatever their labels and splits."""
        columns = [self.rows[name].map(_canonical) for name in ("id", "path", "start", "stop")]
        files = self._files()
        lines = sorted("\t".join(values) for values in zip(*columns, files, strict=True))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _files(self) -> pd.Series:
        """What tells the content of each file: its hash, or its size where it was not hashed."""
        return self.rows["sha256"].where(self.rows["sha256"] != "", self.rows["bytes"].astype(str))

    @property
    def hours(self) -> float:
        """Length of the samples whose end is listed."""
        return float((self.rows["stop"] - self.rows["start"]).sum()) / 3600

    def split(self, name: str) -> Manifest:
        """The samples of one split, in order. Raises NotReadyError where it has none."""
        chosen = self.rows[self.rows["split"] == name]
        if chosen.empty:
            counts = self.rows["split"].value_counts().to_dict()
            raise NotReadyError(
                f"{self.name}: no sample in split {name!r} of {self.root}; found {counts}. "
                f"Check with `bench data verify {self.name} --root {self.root}`"
            )
        return self.keep(chosen.index)

    def take(self, count: int) -> Manifest:
        """The first `count` samples, or all; a smaller take is part of a larger one."""
        return self if count >= len(self) else self.keep(self.rows.index[:count])

    def ranked(self, seed: int = 0) -> Manifest:
        """The same samples in a fixed random order, by sha1 of seed, name and id."""
        keys = [
            hashlib.sha1(f"{seed}:{self.name}:{i}".encode()).hexdigest() for i in self.rows["id"]
        ]
        return replace(self, rows=self.rows.iloc[np.argsort(keys)].reset_index(drop=True))

    def keep(self, chosen: pd.Index | pd.Series | np.ndarray) -> Manifest:
        """The rows of a pandas index or boolean mask; `kind` stays that of the dataset."""
        return replace(self, rows=self.rows.loc[chosen].reset_index(drop=True))

    def media(self, row: int) -> Path:
        """Full path of a row's file."""
        return self.root / self.rows["path"].iat[row]

    def write(self, path: Path) -> None:
        """Write a CSV under a JSON comment line, atomically; the root is not written."""
        head = {
            key: getattr(self, key)
            for key in ("name", "labels", "kind", "version", "expected", "missing", "licence")
        }
        # all text in quotes: a carriage return in a name is no end of a line
        rows = self.rows.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        text = f"# {json.dumps(head)}\n{rows}"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.write_bytes(text.encode())
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path, root: Path) -> Manifest:
        """Read what `write` wrote, for files under `root`. Raises NotReadyError for other files."""
        if not path.is_file():
            raise NotReadyError(f"{path} is missing; `bench data prepare` writes it")
        try:
            first, _, rest = path.read_bytes().decode().partition("\n")
            head = json.loads(first.removeprefix("#"))
            rows = pd.read_csv(io.StringIO(rest), dtype=COLUMNS, keep_default_na=False, na_values={
                "start": [""], "stop": [""], "has_audio": [""]
            })[list(COLUMNS)]  # fmt: skip
            head["labels"], head["missing"] = tuple(head["labels"]), tuple(head["missing"])
            return cls(root=Path(root), rows=rows, **head)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise NotReadyError(
                f"{path} is no manifest: a JSON line, then a table with the columns "
                f"{', '.join(COLUMNS)} ({type(error).__name__}: {error}); write it again with "
                "`bench data prepare`"
            ) from error


class Boxes(NamedTuple):
    """Where something sounds in a picture, as its annotators drew it.

    boxes: [x0, y0, x1, y1] each, fractions of width and height. needed: how many boxes must cover a
    point for it to count fully (Flickr-SoundNet 2, VGG-SS 1); fewer count in proportion.
    """

    boxes: tuple[tuple[float, float, float, float], ...]
    needed: int = 1

    def text(self) -> str:
        """For the column `boxes`."""
        return json.dumps({"boxes": self.boxes, "needed": self.needed})

    @classmethod
    def of(cls, text: str) -> Boxes:
        """From the column `boxes`."""
        found = json.loads(text)
        return cls(tuple(tuple(box) for box in found["boxes"]), found["needed"])


def make_rows(samples: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows with every column and its type; id, path and split are required."""
    rows = pd.DataFrame([{**DEFAULTS, **sample} for sample in samples], columns=list(COLUMNS))
    return rows.astype(COLUMNS)


def _canonical(value: object) -> str:
    """One spelling for each value: micro-seconds for floats, nothing for NaN."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6f}"
    return str(value)


def _check_values(rows: pd.DataFrame, name: str) -> None:
    """Refuse times that are none and names that are no text."""
    start, stop = rows["start"], rows["stop"]
    wrong = ~np.isfinite(start) | (start < 0) | (stop < start) | np.isinf(stop)
    if wrong.any():
        first = rows[wrong].iloc[0]
        raise NotReadyError(
            f"{name}: {first['id']!r} lasts from {first['start']} to {first['stop']} s; expected "
            "seconds from 0 on, stop after start"
        )
    for column in ("id", "path", "group", "text", "tag"):
        try:
            "".join(rows[column]).encode()
        except UnicodeEncodeError as error:
            raise NotReadyError(
                f"{name}: {error.object[max(error.start - 20, 0) : error.end + 20]!r} in a list or "
                "file name is no UTF-8; rename the file, or convert the list"
            ) from error


def _stay_inside(path: str, name: str) -> None:
    """Refuse paths that are absolute or climb out of the root."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise NotReadyError(
            f"{name}: the listed path {path!r} leaves the dataset's folder; list paths relative "
            "to it, with forward slashes and without '..'"
        )
