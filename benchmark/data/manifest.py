"""What a dataset holds: one row a sample, the same for every dataset, real or miniature.

The columns are those of `benchmark.data.rows.columns`. A manifest is written to, and read from, a
CSV or an Arrow file of the same content; the latter is opened without being read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import InitVar, asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmark.data.rows import arrow_form, csv_form, trust
from benchmark.data.rows.checks import check
from benchmark.data.rows.columns import COLUMNS
from benchmark.data.rows.hashing import content_of, hash_of
from registries.errors import NotReadyError

Kind = Literal["full", "subset", "miniature"]
ARROW = ".arrow"
# what the parsing of a file of another kind, or of a damaged one, may end in
DAMAGED = (
    *(ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError, OSError),
    pa.ArrowException,
)
FACTS = ("name", "labels", "kind", "version", "expected", "missing", "licence")


@dataclass(frozen=True)
class Origin:
    """How a manifest was read: the name of an adapter, and all its options."""

    dataset: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """The rows of a dataset and what is known about the whole.

    expected: samples of the complete dataset by its owners' lists · missing: listed paths that are
    not there · kind: "full", "subset" (something is missing or left out) or "miniature" · origin:
    who read it. Raises NotReadyError for a manifest without rows, and for what `rows.checks.check`
    refuses; with `checked`, the rows are those of a manifest that was checked, or a part of them.
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
    origin: Origin | None = None
    checked: InitVar[bool] = False

    def __post_init__(self, checked: bool) -> None:
        if self.rows.empty:
            raise NotReadyError(
                f"{self.name}: no sample was found in {self.root} ({len(self.missing)} listed "
                f"files are missing). Check with `bench data verify {self.name} --root {self.root}`"
            )
        if not checked:
            check(self.rows, name=self.name, root=self.root)

    def __getstate__(self) -> dict[str, Any]:
        """For another process: rows once, without the columns that `facts` holds of them."""
        return {name: value for name, value in vars(self).items() if name != "_arrays"}

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over what changes a number: the rows, their content, the labels; not the root."""
        return hash_of(self.rows, self.labels)

    @cached_property
    def content(self) -> str:
        """SHA-256 over the samples themselves, whatever their labels and splits."""
        return content_of(self.rows)

    @property
    def hours(self) -> float:
        """Length of the samples whose end is listed."""
        return float((self.rows["stop"] - self.rows["start"]).sum()) / 3600

    def split(self, name: str) -> Manifest:
        """The samples of one split, in order. Raises NotReadyError where it has none."""
        chosen = (self.rows["split"] == name).to_numpy(bool)
        if not chosen.any():
            counts = self.rows["split"].value_counts().to_dict()
            raise NotReadyError(
                f"{self.name}: no sample in split {name!r} of {self.root}; found {counts}. "
                f"Check with `bench data verify {self.name} --root {self.root}`"
            )
        return self.keep(chosen)

    def take(self, count: int) -> Manifest:
        """The first `count` samples, or all; a smaller take is part of a larger one."""
        return self if count >= len(self) else self.keep(self.rows.index[:count])

    def ranked(self, seed: int = 0) -> Manifest:
        """The same samples in a fixed random order, by sha1 of seed, name and id."""
        begin = hashlib.sha1(f"{seed}:{self.name}:".encode())
        keys = (_continued(begin, name) for name in self.rows["id"])
        order = np.argsort(np.fromiter(keys, "S20", len(self)))
        return self._of(self.rows.iloc[order])

    def keep(self, chosen: pd.Index | pd.Series | np.ndarray) -> Manifest:
        """The rows of a pandas index or boolean mask; `kind` stays that of the dataset.

        Rows that follow one another are not copied; all rows are the manifest itself.
        """
        places = np.asarray(chosen)
        if places.dtype == bool:
            if places.all():
                return self
            places = self.rows.index[places].to_numpy()
        if len(places) and (np.diff(places) == 1).all():
            return self._of(self.rows.loc[places[0] : places[-1]])
        return self._of(self.rows.loc[places])

    def _of(self, rows: pd.DataFrame) -> Manifest:
        return replace(self, rows=rows.reset_index(drop=True), checked=True)

    def media(self, row: int) -> Path:
        """Full path of a row's file."""
        return self.root / self.rows["path"].iat[row]

    def facts(self, row: int, *columns: str) -> list[Any]:
        """Values of one row; a fourth of the time that `rows.iloc[row]` takes for all columns."""
        return [self._arrays[name][row] for name in columns]

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        """Columns by name: to ask `rows` for one costs more than to read a value of it."""
        return {name: self.rows[name].array for name in self.rows}

    def write(self, path: Path) -> None:
        """Write an Arrow file, where `path` ends so, else a CSV; atomically.

        The root is written only where the file lies elsewhere.
        """
        head: dict[str, Any] = {key: getattr(self, key) for key in FACTS}
        if self.origin is not None:
            head["origin"] = asdict(self.origin)
        if path.parent.resolve() != self.root.resolve():
            head["root"] = str(self.root.resolve())
        with _replacing(path) as temporary:
            if path.suffix == ARROW:
                arrow_form.write(temporary, {**head, "hash": self.hash}, self.rows)
            else:
                csv_form.write(temporary, head, self.rows)
        trust.remember(path, trust.stamp(path))

    @classmethod
    def read(cls, path: Path, root: Path | None = None, *, anew: bool = False) -> Manifest:
        """Read what `write` wrote, for files under `root`; None: where the file says, or lies.

        anew: read an Arrow file to its end and check every row even where that has been done, see
        `rows.trust`. Raises NotReadyError for other files, damaged ones, and rows that are refused.
        """
        if not path.is_file():
            raise NotReadyError(f"{path} is missing; `bench data prepare` writes it")
        try:
            seen = trust.stamp(path)
            known = path.suffix == ARROW and not anew and trust.known(path)
            found, said = cls._read(path, root, known=known)
            if path.suffix == ARROW and not known:
                if found.hash != said:
                    raise ValueError("its rows have another hash than it says")
                trust.remember(path, seen)
        except DAMAGED as error:
            trust.forget(path)
            raise NotReadyError(
                f"{path} is no manifest, or a damaged one: a head, then a table with the columns "
                f"{', '.join(COLUMNS)} ({type(error).__name__}: {error}); write it again with "
                "`bench data prepare`"
            ) from error
        return found

    @classmethod
    def _read(cls, path: Path, root: Path | None, *, known: bool) -> tuple[Manifest, str]:
        """A manifest, and the hash that its file says, "" for a CSV."""
        if path.suffix == ARROW:
            head, rows = arrow_form.read(path, check=not known)
        else:
            head, rows = csv_form.read(path)
        place, said = head.pop("root", path.parent), head.pop("hash", "")
        if origin := head.pop("origin", None):
            head["origin"] = Origin(**origin)
        head["labels"], head["missing"] = tuple(head["labels"]), tuple(head["missing"])
        found = cls(root=Path(place if root is None else root), rows=rows, checked=known, **head)
        if known:
            vars(found)["hash"] = said  # not computed again: `hash` keeps what it found here
        return found, said


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


def _continued(begin: hashlib._Hash, name: str) -> bytes:
    digest = begin.copy()
    digest.update(name.encode())
    return digest.digest()


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
